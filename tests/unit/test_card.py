"""The release's message: who is needed, what is said at once, and how short it is at night."""

from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.blocks.card import card
from pipeline import playbook
from pipeline.config import BotFile, Product, parse
from pipeline.models import Release, StageRun
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus, StageStatus
from tests.house import BOT_TOML

AT = datetime(2026, 9, 1, tzinfo=UTC)


def product() -> Product:
    return parse(BotFile, BOT_TOML, "bot.toml").products["shop"]


def release(status: ReleaseStatus, direction: str = "release") -> Release:
    return Release(
        id="rel_1", product="shop", version="v0.2.0", base_version="v0.1.0", base_commit="a" * 40, commit="b" * 40,
        status=status, direction=direction, plan=playbook.planned(direction), production_touched=True,
        requested_by="U0DANA", created_at=AT, reason="Orders are lost." if direction == "rollback" else None,
    )  # fmt: skip


def run(name: str, status: StageStatus, code: str = "", **more: Any) -> StageRun:
    given: dict[str, Any] = {"facts": {}, "data": {}, "started_at": AT, "finished_at": None} | more
    return StageRun(id=1, generation=1, name=name, status=status, code=code, **given)


def rows(shown: Snapshot) -> list[str]:
    blocks = card(shown, product()).blocks
    texts = [block["text"]["text"] for block in blocks if block["type"] == "section" and "text" in block]
    return "\n".join(texts).splitlines()


def test_waiting_for_a_time_needs_nobody() -> None:
    facts = {"share": 10, "until": AT.timestamp()}
    held = run("canary", StageStatus.WAITING, "canary_holding", facts=facts, due_at=AT)
    shown = Snapshot(release(ReleaseStatus.RUNNING), {"canary": held})
    assert any(row.startswith("⏳ *Send a small share of the traffic to the canary*") for row in rows(shown))


def test_waiting_for_people_raises_the_hand() -> None:
    facts = {"phase": "before", "done": 6, "total": 8}
    asking = run(
        "checklist", StageStatus.WAITING, "checklist_open", facts=facts, data={"asks": "checklist:before"}
    )
    shown = Snapshot(release(ReleaseStatus.WAITING), {"checklist": asking})
    assert "🙋 *Go through the pre-release checklist* — 6 of 8 done" in rows(shown)
    assert "Go through the pre-release checklist: 6 of 8 done" in card(shown, product()).text


def test_a_release_on_its_way_back_says_why_first_and_counts_what_went_well() -> None:
    runs = {
        name: run(name, StageStatus.SUCCEEDED, finished_at=AT + timedelta(seconds=2))
        for name in ("preflight", "test", "build", "switch-back")
    } | {"watch": run("watch", StageStatus.CANCELLED)}
    said = rows(Snapshot(release(ReleaseStatus.ROLLING_BACK, "rollback"), runs))
    assert said[:3] == [
        "*Why* Orders are lost.",
        "*The way back*",
        "✅ Send all traffic back to the previous version · 2 s",
    ]
    assert said[-3:] == ["*Before it*", "✅ 3 steps of the release", "🚫 Watch production — stopped"]


def test_what_took_no_time_says_no_time() -> None:
    done = run("preflight", StageStatus.SUCCEEDED, finished_at=AT + timedelta(milliseconds=300))
    assert "✅ Check that the release may start" in rows(
        Snapshot(release(ReleaseStatus.RUNNING), {"preflight": done})
    )
