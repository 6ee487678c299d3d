"""What can go wrong, said so that a person knows what, why and what next."""


class Refused(Exception):  # noqa: N818 - a refusal is the field's own word (DESIGN: Refused(code))
    """A request that is not carried out; nothing was changed.

    `code` is stable and names the sentences (what, why, what next) in handlers/text.py; `facts` fill them in.
    """

    def __init__(self, code: str, **facts: str) -> None:
        super().__init__(code, facts)
        self.code, self.facts = code, facts


class PipelineError(Exception):
    """Something outside failed. The message says what, why and what next."""


class ConfigError(PipelineError):
    """A configuration file has a mistake; the message names file, key, what was found and what is right."""


class RepositoryError(PipelineError):
    """The git repository could not be read or written."""


class CommandError(PipelineError):
    """A command could not be started, or ran into its time limit."""


class BuildError(PipelineError):
    """A component could not be built; production is untouched."""


class TargetError(PipelineError):
    """The deploy target could not do what was asked; the message says where the traffic goes."""


class DatabaseError(PipelineError):
    """The product's database could not be read, backed up or migrated."""


class ScanError(PipelineError):
    """What was committed could not be looked through for secrets. In doubt nothing goes out."""


class FlagError(PipelineError):
    """The flags of an environment could not be read or switched."""


class ReadBackError(FlagError):
    """A flag was switched, and an application does not get what it was switched to: nobody knows what users get."""


class MailError(PipelineError):
    """An e-mail could not be handed to its server now; another attempt may."""


class MailRefusedError(MailError):
    """The server refused an e-mail as such: another attempt would end the same way."""


class MetricsError(PipelineError):
    """What the product measures could not be read: nobody knows how it does."""


class StoreError(PipelineError, OSError):
    """The bot's own database does not answer: nothing was recorded. Never a stage's failure: it is waited for."""


class Turned(Exception):  # noqa: N818 - control flow: the boundary decides what comes now
    """The release turns elsewhere (a person stopped it): the stage ends before it acts."""


class LeaseLost(Exception):  # noqa: N818 - control flow: another worker owns the release now
    """This worker's lease ended: it must stop and write nothing."""
