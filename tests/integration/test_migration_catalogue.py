"""Labelled migrations on a real PostgreSQL server; and the same statements in other spellings."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pipeline.adapters.shadow.server import programs
from tests.catalogue import Case, Judged, cases, judged
from tests.sampling import sample

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(programs() is None, reason="needs PostgreSQL's server programs"),
]

MUST = ("destructive", "irreversible", "breaks-old-version")


def off(found: list[Judged]) -> dict[str, tuple[list[str], list[str]]]:
    """Cases that got other labels: those that are missing, and those that are too many."""
    return {
        one.case.name: (
            sorted(one.case.labels - {*one.verdict.labels}),
            sorted({*one.verdict.labels} - one.case.labels),
        )
        for one in found
        if not one.right
    }


async def test_the_catalogue(tmp_path: Path) -> None:
    """The ordinary run takes some of them; `make bench` judges all, and gives precision and recall."""
    found = await judged(list(sample(cases(), every=3)), tmp_path)
    assert off(found) == {}
    assert {label for one in found for label in one.case.labels} >= {
        *MUST,
        "safe",
        "needs-window",
        "fails-to-apply",
    }


STATEMENTS: Mapping[str, tuple[str, ...]] = {
    "ALTER TABLE users ADD COLUMN phone varchar(30)": ("safe",),
    "ALTER TABLE users ALTER COLUMN name TYPE text": ("safe",),
    "CREATE INDEX ix_users_age ON users (age)": ("needs-window",),
    "ALTER TABLE users ALTER COLUMN age TYPE bigint": ("needs-window",),
    "ALTER TABLE users DROP COLUMN legacy_code": ("breaks-old-version", "destructive"),
    "DROP TABLE order_lines": ("breaks-old-version", "destructive"),
    "DELETE FROM audit WHERE what = 'none like this'": ("destructive",),
    "UPDATE teams SET name = upper(name) WHERE id < 0": ("destructive",),
    "TRUNCATE audit": ("destructive",),
    "ALTER TABLE users RENAME COLUMN name TO full_name": ("breaks-old-version",),
    "ALTER TABLE users ALTER COLUMN age SET NOT NULL": ("breaks-old-version", "needs-window"),
    "ALTER TABLE orders ALTER COLUMN kind DROP DEFAULT": ("breaks-old-version",),
    "ALTER TYPE order_status RENAME VALUE 'void' TO 'off'": ("breaks-old-version",),
}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "core": lambda text: f"op.get_bind().execute(sa.text({text!r}))",
    "loop": lambda text: f"for part in ({text!r},):\n    op.get_bind().exec_driver_sql(part.lower())",
    "do": lambda text: f"op.execute({f'DO $do$ BEGIN {text}; END $do$'!r})",
    "execute": lambda text: f"op.execute({f'DO $do$ BEGIN EXECUTE {_quoted(text)}; END $do$'!r})",
    "function": lambda text: (
        f"op.execute({f'CREATE FUNCTION said() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN {text}; END $f$'!r})\n"
        'op.execute("SELECT said()")\nop.execute("DROP FUNCTION said()")'
    ),
}


NAMES = list(SPELLINGS)


async def test_the_same_statement_in_other_words_has_the_same_labels(tmp_path: Path) -> None:
    wanted = [
        Case(
            f"{spelling} {text}",
            frozenset({*labels} - {"safe"} | {"irreversible"}),
            SPELLINGS[spelling](text),
        )
        for number, (text, labels) in enumerate(STATEMENTS.items())
        for spelling in (NAMES[number % len(NAMES)], NAMES[(number + 2) % len(NAMES)])
    ]
    assert off(await judged(wanted, tmp_path)) == {}
