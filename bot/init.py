"""`releasebot init`: looks at a repository and proposes a first playbook.toml and bot.toml."""

from dataclasses import dataclass
from pathlib import Path

from bot import init_files
from bot.survey import Survey, look
from pipeline.config import BotFile, Playbook, parse
from pipeline.errors import ConfigError
from pipeline.files import write_atomic


@dataclass(frozen=True)
class Proposal:
    """The texts of both files, and what a person must know and do before they are used."""

    playbook: str
    bot: str
    notes: tuple[str, ...]


def propose(repository: Path) -> Proposal:
    """Look at a folder, running nothing of it. Both texts are valid as they are; the notes name what is missing.

    Raises ConfigError when it is no folder.
    """
    found = look(repository)
    playbook, bot = init_files.playbook(found), init_files.bot(found)
    parse(Playbook, playbook, "the proposed playbook.toml")
    parse(BotFile, bot, "the proposed bot.toml")
    return Proposal(playbook, bot, (*_found(found), *found.notes, *_to_do(found)))


def write(proposal: Proposal, folder: Path, *, force: bool = False) -> list[Path]:
    """Write the files that are not there (with `force`: both); the ones written.

    Raises ConfigError when both are there already, or the folder cannot be written.
    """
    texts = {folder / "playbook.toml": proposal.playbook, folder / "bot.toml": proposal.bot}
    missing = [path for path in texts if force or not (path.exists() or path.is_symlink())]
    if not missing:
        raise ConfigError(
            f"Nothing was written: {folder} has a playbook.toml and a bot.toml already."
            " Next: edit them, or use --force to replace both."
        )
    try:
        for path in missing:
            write_atomic(path, texts[path], mode=0o644)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error}. Next: correct its permissions.") from error
    return missing


def _found(found: Survey) -> list[str]:
    suites = [
        f"{kind} in {suite[0]}" for kind, suite in (("smoke", found.smoke), ("E2E", found.e2e)) if suite
    ]
    facts = {
        "Components": ", ".join(f"{part.name} ({part.origin})" for part in found.parts),
        "Tests": ", ".join(found.checks),
        "Suites": ", ".join(suites),
        "Migrations": f"{found.migrations[0]}, URL in {found.migrations[1]}" if found.migrations else "",
        "Flags": found.flags[0] if found.flags else "",
        "Last release": found.release.tag if found.release else "",
        "Main branch": found.branch if found.is_git else "",
    }
    kept = [f"{name} is there already and is kept, unless --force is given." for name in found.existing]
    return [f"Found: {what}: {value}." for what, value in facts.items() if value] + kept


def _to_do(found: Survey) -> list[str]:
    """What only a person can fill in or confirm."""
    unstarted = [part.name for part in found.parts if not part.run]
    todo = [
        (not found.is_git, "This is no git repository; releases are commits and tags of one."),
        (
            found.is_folder,
            "Put a bare or hosted repository into bot.toml: no tag can be pushed to a working folder.",
        ),
        (
            not found.parts,
            f"Say what runs: no Dockerfile, compose file or Procfile was found ({init_files.MISSING}).",
        ),
        (bool(unstarted), f"Say how these are started: {', '.join(unstarted)} ({init_files.MISSING})."),
        (not found.checks, f"Say how the tests are run: none were found ({init_files.MISSING})."),
        (
            found.smoke is None,
            f"Write smoke tests: a folder smoke/ with pytest files will do ({init_files.MISSING}).",
        ),
        (found.e2e is None, "There is no E2E suite; staging is then checked by smoke alone."),
        (found.flags is not None, "Confirm that the flags' present defaults are the safe ones."),
        (
            found.evaluation is not None,
            f"Add [evaluation] for {found.evaluation}/ with its cases and limits.",
        ),
        (bool(found.variables), f"Give values in bot.toml to: {', '.join(found.variables[:20])}."),
        (
            True,
            "Check that each component with a route listens on PORT and answers its health and version paths.",
        ),
        (
            True,
            f"In bot.toml, replace {init_files.NOWHERE} and {init_files.NOBODY} by the channel and the people.",
        ),
    ]
    return [f"To do: {text}" for needed, text in todo if needed]
