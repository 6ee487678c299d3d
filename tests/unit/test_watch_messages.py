"""What people see of a watch: the question when a limit broke, before and after, and the picture."""

import json
import subprocess
import sys
import tomllib
from typing import Any

import pytest

from bot.sandbox.validate import check_blocks
from handlers.blocks import announcements, asks, notes, watching
from handlers.blocks.parts import Picture
from handlers.text import ids
from handlers.text.language import spoken_in
from handlers.text.watching import CODES, amount, finding
from pipeline.comparing import judge
from pipeline.config import WatchLimit
from pipeline.measuring import Window
from pipeline.models import StageRun
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus, StageStatus
from tests.unit.test_card import AT, product, release, run
from tests.world import PLAYBOOK as SHOP

ERRORS = WatchLimit(name="errors", kind="error-rate", metric="all", errors="bad", most=0.05)
COST = WatchLimit(name="cost", kind="cost", metric="usd", per="calls", effect=1.5)
PLAYBOOK = tomllib.loads(SHOP) | {
    "watch": {"limits": [one.model_dump(mode="json") for one in (ERRORS, COST)]}
}


def kept(stage: str, value: float, number: int = 12) -> list[list[Any]]:
    begin = {"measure": -400, "canary": -150, "watch": 0}[stage]
    at = AT.timestamp() + begin
    return [Window(at + 10 * place, 10, value, 50, 50 * value).kept() for place in range(number)]


def watched(status: StageStatus, code: str, facts: dict[str, Any]) -> tuple[Snapshot, StageRun]:
    data = {
        "windows": {"now": {"errors": kept("watch", 0.3), "cost": kept("watch", 0.03)}},
        "asks": "decision:1",
    }
    one = run("watch", status, code, facts=facts, data=data)
    before = {"windows": {"before": {"errors": kept("measure", 0.0), "cost": kept("measure", 0.01)}}}
    canary = {"windows": {"now": {"errors": kept("canary", 0.02)}, "before": {"cost": kept("canary", 0.01)}}}
    runs = {
        "measure": run("measure", StageStatus.SUCCEEDED, data=before),
        "canary": run("canary", StageStatus.SUCCEEDED, data=canary),
        "announce": run("announce", StageStatus.SUCCEEDED, "announced", data={"said": True}),
        "watch": one,
    }
    whole = release(ReleaseStatus.WAITING)
    whole.playbook = PLAYBOOK
    return Snapshot(whole, runs, promoted_at=AT), one


def broken() -> list[dict[str, Any]]:
    windows = [Window(0, 10, 0.3, 50, 15) for _ in range(12)]
    return [judge(ERRORS, [], windows).told(), judge(COST, [], windows).told()]


def test_the_question_names_what_broke_and_has_one_button_that_needs_no_form() -> None:
    shown, one = watched(StageStatus.WAITING, "limit_proposed", {"limits": broken()[:1]})
    message = asks.decision(shown, one, product())
    check_blocks(message.blocks, "message")
    assert "`errors` is 30 %, over its ceiling of 5 %" in message.text
    assert ids.GO_BACK in json.dumps(message.blocks)
    assert "<@U0LEE>" in json.dumps(message.blocks)
    assert [file.name for file in message.files] == ["watch.png"]


def test_what_cannot_be_told_has_the_ordinary_way_back() -> None:
    shown, one = watched(StageStatus.WAITING, "watch_unclear", {"limits": broken()[1:]})
    message = asks.decision(shown, one, product())
    assert "nothing to be compared with" in message.text
    assert ids.GO_BACK not in json.dumps(message.blocks)
    assert ids.ROLLBACK in json.dumps(message.blocks)


def test_why_the_bot_does_not_go_back_by_itself_is_said() -> None:
    facts = {"limits": broken()[:1], "why_not": "gone"}
    shown, one = watched(StageStatus.WAITING, "limit_proposed", facts)
    assert "an image of it is gone" in asks.decision(shown, one, product()).text


def test_the_note_and_the_announcement_say_before_and_after() -> None:
    told = {"measured": [{"limit": "cost", "kind": "cost", "per": "one", "value": 0.0123, "before": 0.0101}]}
    facts = {"minutes": 30, "dashboard": ""} | told
    shown, one = watched(StageStatus.SUCCEEDED, "watch_passed", facts)
    for message in (notes.note(shown, one), announcements.released(shown, product())):
        assert message
        assert "cost: 0.0101 each before, 0.0123 each since" in json.dumps(message.blocks)


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_is_a_sentence_in_both_languages(code: str) -> None:
    found = broken()[0] | {"code": code, "ratio": 3.02, "before": 0.01, "why": "it is down."}
    english = finding(found)
    with spoken_in("pt-BR"):
        assert finding(found) != english
    assert "{" not in english


def test_numbers_are_in_their_limits_unit() -> None:
    assert amount({"kind": "error-rate"}, 0.0523) == "5.23 %"
    assert [amount({"kind": "latency"}, seconds) for seconds in (0.0454, 1.234)] == ["45.4 ms", "1.23 s"]
    assert amount({"kind": "cost", "per": "hour"}, 1234.5) == "1,234 an hour"
    assert amount({"kind": "gauge"}, None) == "—"


def test_the_picture_is_drawn() -> None:
    shown, one = watched(StageStatus.WAITING, "limit_proposed", {"limits": broken()})
    (file,) = watching.pictures(shown, one)
    assert isinstance(file.source, Picture)
    errors, cost = file.source.data["panels"]
    assert (errors["name"], errors["most"]) == ("errors (%)", 5)
    assert cost["name"] == "cost (each)"
    asked = json.dumps(file.source.data).encode()
    argv = [sys.executable, "-m", "handlers.pictures", "watch"]
    drawn = subprocess.run(argv, input=asked, capture_output=True, timeout=60, check=True)
    assert drawn.stdout.startswith(b"\x89PNG")


def test_without_numbers_there_is_no_picture() -> None:
    shown, one = watched(StageStatus.WAITING, "limit_proposed", {"limits": broken()})
    assert watching.pictures(Snapshot(shown.release, {"watch": run("watch", StageStatus.WAITING)}), one) == ()
