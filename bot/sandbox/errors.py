"""How the sandbox says no: to the bot in Slack's words, to a person or a test in plain ones."""

from collections.abc import Sequence


class SlackError(Exception):
    """The Web API's refusal. `code` is Slack's; `messages` are its details (`response_metadata.messages`)."""

    def __init__(self, code: str, messages: Sequence[str] = ()) -> None:
        super().__init__(code, *messages)
        self.code = code
        self.messages = tuple(messages)


class SandboxError(Exception):
    """An act that a person could not do either; the message says what, why and what next."""
