"""Which runner runs a command: the command itself says so."""

from pipeline.ports import Command, CommandResult, Runner


class ByContainer:
    """Runs a command that names a container with `inside`, every other with `here`."""

    def __init__(self, here: Runner, inside: Runner) -> None:
        self._here, self._inside = here, inside

    async def run(self, command: Command) -> CommandResult:
        """Run to the end or to the time limit. Raises CommandError when it cannot be started."""
        runner = self._inside if command.container else self._here
        return await runner.run(command)
