"""Runs in the product's checkout, by the Python that runs its migrations: one Alembic action, one JSON answer.

A program, not imported by the bot: `python alembic_driver.py ACTION CONFIG ANSWER [REVISION]`. The answer
goes to a file, because env.py may print whatever it likes. Needs Alembic and the standard library alone.
"""

import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

# Alembic comes first, the checkout second: a product's own folder is often called "alembic".
if __name__ == "__main__":
    sys.path.pop(0)

from alembic import command
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import event
from sqlalchemy.pool import Pool

Answer = list[Any]


def heads(config: Config, _: str) -> Answer:
    return sorted(ScriptDirectory.from_config(config).get_heads())


def current(config: Config, _: str) -> Answer:
    """Where the database stands, as env.py connects to it; writes nothing, not even the version table."""
    script = ScriptDirectory.from_config(config)
    found: set[str] = set()

    def look(revisions: Collection[str], _context: object) -> list[Any]:
        found.update(revisions)
        return []

    with EnvironmentContext(config, script, fn=look, dont_mutate=True):
        script.run_env()
    return sorted(found)


def pending(config: Config, _: str) -> Answer:
    script = ScriptDirectory.from_config(config)
    stands = tuple(current(config, ""))
    return [
        {"revision": revision.revision, "title": revision.doc or "", "path": revision.path}
        for revision in reversed(list(_above(script, stands)))
    ]


def _above(script: ScriptDirectory, stands: tuple[str, ...]) -> Iterator[Script]:
    if stands:
        for revision in stands:
            script.get_revision(revision)  # raises for one that these files do not know
    return script.iterate_revisions("heads", stands or "base", implicit_base=True)


def upgrade(config: Config, _: str) -> Answer:
    command.upgrade(config, "heads")
    return []


def downgrade(config: Config, revision: str) -> Answer:
    command.downgrade(config, revision)
    return []


def bound(connection: Any, _record: object) -> None:
    """asyncpg does not read PGOPTIONS, as libpq does: what they limit is set on each connection."""
    if "asyncpg" not in type(connection).__module__:
        return
    cursor = connection.cursor()
    for name, value in re.findall(r"-c (\w+)=(\w+)", os.environ.get("PGOPTIONS", "")):
        cursor.execute(f"SET {name} = '{value}'")
    cursor.close()
    connection.commit()


ACTIONS: dict[str, Callable[[Config, str], Answer]] = {
    "heads": heads,
    "current": current,
    "pending": pending,
    "upgrade": upgrade,
    "downgrade": downgrade,
}


def _config(path: str) -> Config:
    return Config(toml_file=path) if path.endswith(".toml") else Config(path)


def main(action: str, config: str, answer: str, revision: str = "") -> int:
    """Run one action and write its answer; the last line of the output says what failed."""
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - what `python -m alembic` does
    if not Path(config).is_file():
        sys.stderr.write(f"there is no {config} in the checkout\n")
        return 1
    event.listen(Pool, "connect", bound)
    try:
        result = ACTIONS[action](_config(config), revision)
    except Exception as error:
        sys.stdout.flush()  # or env.py's own words come after the last line
        traceback.print_exc()
        said = str(error).strip() or "no further message"
        sys.stderr.write(f"{type(error).__name__}: {said.splitlines()[0]}\n")
        return 1
    part = Path(answer + ".part")
    part.write_text(json.dumps(result), encoding="utf-8")
    part.replace(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
