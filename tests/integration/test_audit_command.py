"""`releasebot audit` as an operator meets it: the last entries, what was done to the log, and the export."""

import asyncio
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from pipeline import audit
from pipeline.audit import Draft
from pipeline.chain import Seal
from pipeline.store import Database

DOCS = Path(__file__).parents[2] / "docs"
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY = "a key that nobody knows, at least not here"

TOLD = """\
2026-11-23 09:00:00 UTC  shop 1  U0DANA (slack C0SHOP): item ticked: Support knows
2026-11-24 09:00:00 UTC  shop 2  U0EXT (slack C0SHOP): request refused: /release v9: You cannot do that. \
It is for who may start releases: U0DANA. Ask one of them.
2026-11-25 09:00:00 UTC  shop 3  bot (slack C0SHOP): stage failed: test: nobody decided in time; \
release it again when somebody can
2026-11-26 09:00:00 UTC  shop 4  U0EXT (slack C0SHOP): requests refused: stranger 7 times, \
since 2026-11-23 09:00:00 UTC
2026-11-27 09:00:00 UTC  shop 5  U0DANA (slack C0SHOP): abort requested: ação[2J `x`
"""

Releasebot = Callable[..., tuple[int, str]]


def facts(product: str) -> list[Draft]:
    """A day each, five of them."""
    refused = {"asked": "/release", "code": "may_not_start", "facts": {"who": "<@U0DANA>"}, "typed": "v9"}
    counted = {"times": 7, "codes": {"stranger": 7}, "since": audit.moment(AT)}
    said: list[tuple[str, str, dict[str, Any]]] = [
        ("item_ticked", "U0DANA", {"item": "support", "title": "Support knows"}),
        ("request_refused", "U0EXT", refused),
        ("stage_failed", "bot", {"stage": "test", "generation": 1, "code": "approval_expired", "facts": {}}),
        ("requests_refused", "U0EXT", counted),
        ("abort_requested", "U0DANA", {"reason": "ação\x1b[2J\u202e `x`"}),
    ]
    return [
        Draft(product, kind, AT + timedelta(days=day), actor, payload, "T1", "slack C0SHOP", f"click {day}")
        for day, (kind, actor, payload) in enumerate(said)
    ]


async def fill(url: str, products: tuple[str, ...], key: str) -> None:
    db = Database(url, Seal(key))
    await db.migrate()
    for product in products:
        async with db.transaction() as session:
            await audit.append(session, facts(product))
    await db.close()


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bot's folder with a log of two products; the process has no tokens."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RELEASEBOT_STATE", str(tmp_path))
    monkeypatch.delenv("RELEASEBOT_AUDIT_KEY", raising=False)
    asyncio.run(fill(f"sqlite:///{tmp_path}/releasebot.db", ("hub", "shop"), ""))
    return tmp_path


@pytest.fixture
def releasebot(capsys: pytest.CaptureFixture[str]) -> Releasebot:
    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["audit", *arguments])
        said = capsys.readouterr()
        return int(str(ended.value.code)), said.out + said.err

    return run


def test_the_last_entries_are_told_in_words(state: Path, releasebot: Releasebot) -> None:
    code, said = releasebot("--product", "shop")
    assert code == 0
    assert said == TOLD
    assert len(releasebot()[1].splitlines()) == 10


def test_a_log_that_is_as_it_was_written(state: Path, releasebot: Releasebot) -> None:
    code, said = releasebot("verify")
    assert code == 0
    heads = re.findall(r"5 entries of (\w+), unbroken, head ([0-9a-f]{64})\n", said)
    assert [product for product, _ in heads] == ["hub", "shop"]
    code, said = releasebot("verify", "--product", "shop", "--head", heads[1][1])
    assert code == 0
    assert "entry 5 is the head that was noted" in said
    assert "0 entries since" in said
    code, said = releasebot("verify", "--head", "0" * 64)
    assert code == 1
    assert f"The head {'0' * 64} is not there" in said


HARM = {
    "UPDATE audit SET actor = 'U0LEE' WHERE {shop} = 3": "shop is broken at entry 3: it is not as it was written",
    "UPDATE audit SET payload = payload || ' ' WHERE {shop} = 1": "shop is broken at entry 1: it is not as",
    "DELETE FROM audit WHERE {shop} IN (2, 3)": "shop is broken at entry 2: it is missing, as are all up to 3",
    "DELETE FROM audit WHERE {shop} = 5": "shop is broken at entry 5: it is missing.",
    "UPDATE audit SET seq = 6 WHERE {shop} = 5": "shop is broken at entry 5: it is missing.",
    "UPDATE audit SET product = 'hub', seq = 6 WHERE {shop} = 5": "hub is broken at entry 6: the log ended before it",
    "DELETE FROM audit_heads WHERE product = 'shop'": "shop is broken at entry 1: the log ended before it",
    "UPDATE audit_heads SET hash = ''": "shop is broken at entry 5: it is not the one that the log ended with",
    "DELETE FROM audit WHERE {shop} > 0": "shop is broken at entry 1: it is missing, as are all up to 5",
    "UPDATE audit SET key = '0123456789ab' WHERE {shop} = 4": "shop is broken at entry 4: it was sealed with a key",
}


@pytest.mark.parametrize("harm", HARM)
def test_what_was_done_to_a_log_is_named(state: Path, releasebot: Releasebot, harm: str) -> None:
    with closing(sqlite3.connect(state / "releasebot.db", isolation_level=None)) as other:
        other.execute(harm.format(shop="product = 'shop' AND seq"))
    code, said = releasebot("verify")
    assert code == (2 if "SET key" in harm else 1)
    assert HARM[harm] in said
    assert "Next: keep the database as it is" in said


def test_a_sealed_log_needs_its_key(
    state: Path, releasebot: Releasebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(fill(f"sqlite:///{state}/releasebot.db", ("sealed", "shop"), KEY))
    code, said = releasebot("verify", "--product", "sealed")
    assert code == 2
    assert (
        "sealed is broken at entry 1: it was sealed with a key, and RELEASEBOT_AUDIT_KEY is not set" in said
    )
    monkeypatch.setenv("RELEASEBOT_AUDIT_KEY", KEY)
    assert releasebot("verify", "--product", "sealed")[0] == 0
    code, said = releasebot("verify", "--product", "shop")
    assert code == 1
    assert "shop is broken at entry 1: it was written without the key" in said
    assert releasebot("verify", "--product", "shop", "--sealed-from", "6")[0] == 0
    monkeypatch.setenv("RELEASEBOT_AUDIT_KEY", "too short")
    code, said = releasebot("verify")
    assert code == 2
    assert "RELEASEBOT_AUDIT_KEY: has fewer than 32 characters" in said
    assert "too short" not in said


# ------------------------------------------------------------------- export


def recipe(exported: str, key: str = "") -> str:
    """What the page's own lines of Python say of an export."""
    page = (DOCS / "audit.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", program, *([key] if key else [])],
        input=exported, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    return f"{done.returncode} {done.stdout}{done.stderr}".strip()


def test_an_export_can_be_verified_outside(
    state: Path, releasebot: Releasebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = releasebot("export", "log.jsonl", "--product", "shop")
    assert (code, said) == (0, "written: log.jsonl (5 entries)\n")
    assert (state / "log.jsonl").stat().st_mode & 0o777 == 0o600
    exported = (state / "log.jsonl").read_text()
    last = json.loads(exported.splitlines()[-1])
    assert last["payload"] == {"reason": "ação\x1b[2J\u202e `x`"}
    assert recipe(exported) == f"0 shop: unbroken from entry 1 to 5, head {last['hash']}"
    lines = exported.splitlines(keepends=True)
    assert recipe("".join(lines[2:])).startswith("0 shop: unbroken from entry 3 to 5")
    assert recipe("".join(lines[:2] + lines[3:])) == "1 line 3: shop 4 is not as it was written"
    assert recipe(exported.replace("U0EXT", "U0LEE", 1)) == "1 line 2: shop 2 is not as it was written"

    monkeypatch.setenv("RELEASEBOT_AUDIT_KEY", KEY)
    asyncio.run(fill(f"sqlite:///{state}/releasebot.db", ("sealed",), KEY))
    _, exported = releasebot("export", "--product", "sealed")
    exported = exported.partition("written: ")[0]
    assert recipe(exported, KEY).startswith("0 sealed: unbroken from entry 1 to 5")
    assert recipe(exported, KEY[1:]) == "1 line 1: sealed 1 is not as it was written"


def test_an_export_may_begin_at_a_day_and_overwrites_nothing(state: Path, releasebot: Releasebot) -> None:
    _, said = releasebot("export", "-", "--since", "2026-11-26")
    assert [json.loads(line)["seq"] for line in said.splitlines()[:4]] == [4, 5, 4, 5]
    assert said.endswith("written: - (4 entries)\n")
    assert releasebot("export", "log.jsonl", "--since", "yesterday")[0] == 2
    assert not (state / "log.jsonl").exists()
    assert releasebot("export", "log.jsonl")[0] == 0
    code, said = releasebot("export", "log.jsonl")
    assert code == 2
    assert "nothing is overwritten" in said


def test_mistakes_say_what_is_right(
    state: Path, releasebot: Releasebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert releasebot("verify", "--product", "web") == (
        2, "releasebot: There is no audit log of web. There are: hub, shop.\n",
    )  # fmt: skip
    assert "--head 'abc' is no head" in releasebot("verify", "--head", "abc")[1]
    monkeypatch.setenv("RELEASEBOT_STATE", str(state / "elsewhere"))
    code, said = releasebot()
    assert code == 2
    assert "There is no database at" in said
    assert not (state / "elsewhere").exists()
    shutil.copytree(state, state / "elsewhere", ignore=lambda *_: {"elsewhere"})
    with closing(sqlite3.connect(state / "elsewhere" / "releasebot.db", isolation_level=None)) as other:
        other.execute("UPDATE alembic_version SET version_num = '0003'")
    code, said = releasebot("verify")
    assert code == 2
    assert "releasebot migrate" in said
