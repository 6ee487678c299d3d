"""The command line: run, demo, init, check, migrations, migrate, backup, adopt, flags, audit, playbook."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from slack_sdk.errors import SlackClientError

from bot.migration_options import add_migrations
from bot.settings import load_settings
from handlers.text.refusals import plain
from pipeline.errors import ConfigError, PipelineError, Refused


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; a mistake is one clear sentence and exit code 2."""
    options = _parser().parse_args(arguments)
    if options.command in (_check, _playbook, _init, _audit, _migrations):
        _quiet_pipe()
    try:
        sys.exit(options.command(options))
    except (PipelineError, SlackClientError, OSError) as error:
        print(f"releasebot: {error}", file=sys.stderr)
        sys.exit(2)
    except Refused as refusal:
        print(f"releasebot: {plain(refusal)}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _quiet_pipe() -> None:
    """`releasebot ... | head` ends the reader first: that is no error of ours."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="releasebot", description="Runs release playbooks from Slack.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], int], tells: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=tells, description=tells)
        added.set_defaults(command=command)
        return added

    add("run", _run, "Run the bot until SIGTERM.")
    demo = add("demo", _demo, "Try everything on this machine: a local Slack, a product, a release.")
    demo.add_argument("--headless", action="store_true", help="play a whole story without a browser")
    demo.add_argument("--port", type=int, default=8484, help="port of the page (default 8484)")
    demo.add_argument("--docker", action="store_true", help="run the product in containers")
    demo.add_argument("--remove-images", action="store_true", help="at the end; only with --docker")
    demo.add_argument("--state", type=Path, default=Path(".releasebot/demo"), help="folder of the demo")
    init = add("init", _init, "Look at a repository and write a commented playbook.toml and bot.toml.")
    init.add_argument("repository", type=Path, nargs="?", default=Path())
    init.add_argument("--force", action="store_true", help="replace files that are there")
    check = add("check", _check, "Say what is missing, and what a release would do.")
    check.add_argument("version", nargs="?", help="the version to look at, such as v0.2.0")
    check.add_argument("--product", help="the product, where bot.toml has several")
    add_migrations(
        add(
            "migrations", _migrations, "Say of each migration what it would do to those who use the database."
        )
    )
    add("migrate", _migrate, "Bring the bot's own database to this version's schema.")
    backup = add("backup", _backup, "Copy the bot's own database to a file, also while the bot runs.")
    backup.add_argument("path", type=Path)
    adopt = add("adopt", _adopt, "Take a version that was released before into the bot's care.")
    adopt.add_argument("version")
    adopt.add_argument("--product", help="the product, where bot.toml has several")
    flags = add("flags", _flags, "Show the feature flags, or switch one: also when Slack is away.")
    flags.add_argument("key", nargs="?", help="the flag to switch")
    flags.add_argument("state", nargs="?", choices=("on", "off"))
    flags.add_argument("--environment", default="production", help="staging or production (default)")
    flags.add_argument("--reason", default="", help="goes into the record and the announcement")
    flags.add_argument("--product", help="the product, where bot.toml has several")
    _audit_parser(add("audit", _audit, "The audit log: the last entries; verify or export it."))
    add("playbook", _playbook, "Print the playbook: every stage of a release and of the way back.")
    return parser


def _audit_parser(parser: argparse.ArgumentParser) -> None:
    of_product = argparse.ArgumentParser(add_help=False)
    of_product.add_argument("--product", help="only this product's", default=argparse.SUPPRESS)
    parser.add_argument("--product", help="only this product's")
    parser.set_defaults(what="show")
    commands = parser.add_subparsers(metavar="COMMAND")
    tells = "Verify that no entry was changed, added or taken away."
    verify = commands.add_parser("verify", help=tells, description=tells, parents=[of_product])
    verify.set_defaults(what="verify")
    verify.add_argument(
        "--head", action="append", default=[], help="a head that was noted before (repeatable)"
    )
    verify.add_argument(
        "--sealed-from",
        type=int,
        default=1,
        metavar="NUMBER",
        help="the first entry that was made with the key",
    )
    tells = "Write the entries as JSON Lines."
    export = commands.add_parser("export", help=tells, description=tells, parents=[of_product])
    export.set_defaults(what="export")
    export.add_argument(
        "path", type=Path, nargs="?", default=Path("-"), metavar="FILE", help="- for standard output"
    )
    export.add_argument("--since", metavar="DATE", help="only entries from this date (UTC) on")


def _run(options: argparse.Namespace) -> int:
    from bot.process import run

    asyncio.run(run(load_settings()))
    return 0


def _demo(options: argparse.Namespace) -> int:
    from bot.demo import play

    async def demo() -> int:
        containers = await play.made_ready(not options.remove_images) if options.docker else None
        if options.headless:
            return await play.headless(options.state, containers)
        return await play.page(options.state, options.port, containers)

    return asyncio.run(demo())


def _init(options: argparse.Namespace) -> int:
    from bot import init

    proposal = init.propose(options.repository)
    for path in init.write(proposal, options.repository, force=options.force):
        print(f"written: {path}")
    print("\n".join(f"- {note}" for note in proposal.notes))
    return 0


def _check(options: argparse.Namespace) -> int:
    from bot.check import check

    return asyncio.run(check(options.product, options.version))


def _migrations(options: argparse.Namespace) -> int:
    from bot.migrations import judge

    return asyncio.run(judge(options))


def _migrate(options: argparse.Namespace) -> int:
    from bot.tasks import migrate

    asyncio.run(migrate(load_settings()))
    return 0


def _backup(options: argparse.Namespace) -> int:
    from bot.tasks import backup

    backup(load_settings(), options.path)
    return 0


def _audit(options: argparse.Namespace) -> int:
    from bot import audit

    settings = load_settings(offline=True)
    if options.what == "verify":
        return asyncio.run(audit.verify(settings, options.product, options.head, options.sealed_from))
    if options.what == "export":
        return audit.export(settings, options.path, options.product, options.since)
    return asyncio.run(audit.show(settings, options.product))


def _adopt(options: argparse.Namespace) -> int:
    from bot.tasks import adopt

    return asyncio.run(adopt(load_settings(), options.product, options.version))


def _flags(options: argparse.Namespace) -> int:
    from bot.flags import show, switch

    settings = load_settings()
    if options.key is None:
        return asyncio.run(show(settings, options.product))
    if options.state is None:
        raise ConfigError(f"on or off? Type: releasebot flags {options.key} off --reason ...")
    on, where = options.state == "on", options.environment
    return asyncio.run(switch(settings, options.product, options.key, on, where, options.reason))


def _playbook(options: argparse.Namespace) -> int:
    from pipeline import playbook

    for title, stages in (("A release", playbook.RELEASE), ("The way back", playbook.ROLLBACK)):
        print(f"{title}:")
        for number, stage in enumerate(stages, 1):
            after = f"  (after {', '.join(stage.needs)})" if stage.needs else ""
            print(f"  {number:2}. {stage.phrase}{after}")
    return 0


if __name__ == "__main__":
    main()
