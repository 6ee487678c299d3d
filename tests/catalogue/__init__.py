"""Labelled migrations (cases.toml) on one deployed schema (base.py), and their judgement on a real PostgreSQL.

All of them are revisions of one product, each a branch of its own: one court judges one after the other.
"""

import asyncio
import hashlib
import os
import re
import textwrap
import time
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.adapters.shadow.judge import ShadowJudge
from pipeline.adapters.shadow.keeper import Keeper
from pipeline.ports import JudgeOrder
from pipeline.verdicts import Verdict

HERE = Path(__file__).parent
ENV = """\
import os
import sqlalchemy as sa
from alembic import context

engine = sa.create_engine(os.environ["DATABASE_URL"], poolclass=sa.pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
INI = "[alembic]\nscript_location = %(here)s/migrations\npath_separator = os\n"
_HEAD = """\
import sqlalchemy as sa
from alembic import op

revision = {name!r}
down_revision = {below!r}
"""


@dataclass(frozen=True)
class Case:
    """A migration: the bodies of its functions, and the labels that it should get."""

    name: str
    labels: frozenset[str]
    up: str
    down: str | None = None
    head: str = ""
    base: str | None = None

    @property
    def revision(self) -> str:
        """Its id: Alembic's version table takes 32 characters."""
        return re.sub(r"\W", "_", self.name)[:20] + hashlib.sha256(self.name.encode()).hexdigest()[:6]

    @property
    def below(self) -> str:
        return f"{self.revision}b" if self.base else "schema"


@dataclass(frozen=True)
class Judged:
    """A case, its verdict, and the seconds that it took."""

    case: Case
    verdict: Verdict
    seconds: float

    @property
    def right(self) -> bool:
        return set(self.verdict.labels) == self.case.labels


def cases(path: Path = HERE / "cases.toml") -> list[Case]:
    found: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["case"]
    return [Case(**{**one, "labels": frozenset(one["labels"] or ["safe"])}) for one in found]


def write(folder: Path, wanted: Iterable[Case]) -> Path:
    """The product's files; the folder with alembic.ini."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text(INI)
    (folder / "migrations" / "env.py").write_text(ENV)
    (versions / "schema.py").write_text((HERE / "base.py").read_text(encoding="utf-8"), encoding="utf-8")
    for case in wanted:
        if case.base:
            (versions / f"{case.below}.py").write_text(
                revision(case.below, "schema", case.base, "pass"), encoding="utf-8"
            )
        text = revision(case.revision, case.below, case.up, case.down, case.head)
        (versions / f"{case.revision}.py").write_text(text, encoding="utf-8")
    return folder


def revision(name: str, below: str | None, up: str, down: str | None = "pass", head: str = "") -> str:
    """The text of a revision's file."""
    text = _HEAD.format(name=name, below=below) + f"\n{head}\n\n{_function('upgrade', up)}"
    return text + (f"\n\n{_function('downgrade', down)}" if down is not None else "")


def _function(name: str, body: str) -> str:
    return f"def {name}():\n{textwrap.indent(body.strip(), '    ')}\n"


def order(folder: Path, *lower: str, timeout: float = 60.0, **others: Any) -> JudgeOrder:
    return JudgeOrder(folder, folder / "alembic.ini", {"PATH": os.defpath}, lower, timeout=timeout, **others)


async def judged(
    wanted: Sequence[Case], folder: Path, url: str | None = None, courts: int = 2
) -> list[Judged]:
    """Judge all of them, several side by side."""
    keeper = Keeper(url)
    write(folder, wanted)
    try:
        parts = [wanted[number::courts] for number in range(courts)]
        found = await asyncio.gather(*(_one_court(part, folder, keeper) for part in parts if part))
    finally:
        await keeper.stop()
    return [one for part in found for one in part]


async def _one_court(wanted: Sequence[Case], folder: Path, keeper: Keeper) -> list[Judged]:
    found = []
    async with ShadowJudge(keeper).opened(order(folder)) as court:
        for case in wanted:
            began = time.monotonic()
            judgement = await court.judge([case.below], [case.revision])
            found.append(Judged(case, judgement.verdicts[-1], time.monotonic() - began))
    return found
