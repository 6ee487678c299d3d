"""The checker can fail: a real run has no findings, and each thing that is put wrong in its record has its own."""

import asyncio
import copy
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.delivery import Courier, Kind, Retry
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.workspace import Message
from tests.chaos.board import Board, about
from tests.chaos.checker import judge
from tests.chaos.crew import Crew, LostError
from tests.chaos.outside import Outside
from tests.chaos.stories import REASON, Story, Told, leave, play
from tests.chaos.town import Town, open_town

pytestmark = pytest.mark.slow

STORIES = (Story.SUCCEEDS, Story.BACK_IN_WATCH, Story.TESTS_FAIL)
FORWARDS, BACKWARDS, FAILING = range(len(STORIES))


@dataclass(frozen=True)
class Record:
    """What is left of a run: people with their channel's messages and the journal; and what was played."""

    crews: list[Crew]
    told: list[Told]
    lost: list[str]

    def copied(self, place: int, folder: Path) -> Crew:
        """One product's record, to be put wrong."""
        crew, sandbox = self.crews[place], Sandbox()
        sandbox.workspace.messages[:] = copy.deepcopy(crew.board.sandbox.workspace.messages)
        path = shutil.copy(crew.outside.path, folder / "outside.db")
        return replace(crew, board=Board(sandbox), outside=Outside(Path(path)))


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return asyncio.run(_played(tmp_path_factory.mktemp("town")))


async def _played(folder: Path) -> Record:
    """A calm day: nobody is killed. In the end a lock is left, and then the bot's ears are stopped."""
    async with open_town(folder, f"sqlite:///{folder}/bot.db", len(STORIES), 1, random.Random(1)) as town:
        told = [
            Told(crew.product, "v0.2.0", "v0.1.0", story)
            for crew, story in zip(town.crews, STORIES, strict=True)
        ]
        await asyncio.gather(*(play(crew, each) for crew, each in zip(town.crews, told, strict=True)))
        await asyncio.gather(*(leave(crew) for crew in town.crews))
        async with asyncio.timeout(30):
            while await town.unsent():
                await asyncio.sleep(0.05)
        workspace = copy.deepcopy(town.sandbox.workspace.messages)
        kept = shutil.copy(town.outside.path, folder / "kept.db")
        lost = [await _lost(_with_a_lock(town.crews[FORWARDS])), await _lost(_unheard(town))]
    calm = Sandbox()
    calm.workspace.messages[:] = workspace
    crews = [replace(crew, board=Board(calm), outside=Outside(Path(kept))) for crew in town.crews]
    return Record(crews, told, lost)


async def _lost(work: Any) -> str:
    with pytest.raises(LostError) as caught:
        await work
    return str(caught.value)


async def _with_a_lock(crew: Crew) -> None:
    """Go back, and forget to unlock."""
    await crew.submit(
        crew.roller,
        lambda: crew.command(crew.roller, "/rollback", ""),
        REASON,
        lambda: crew.topic("v0.2.0", "announcement:rollback"),
        "the way back",
    )
    await crew.until(lambda: "rolled back." in getattr(crew.card("v0.2.0"), "text", ""), "the end")
    await leave(crew)


class Forgetful:
    """What a bot would be that acknowledges before it stores, and dies."""

    ready = True

    async def send(self, kind: Kind, payload: dict[str, Any], retry: Retry | None) -> Any:
        return None


async def _unheard(town: Town) -> None:
    """An acknowledged command without an effect."""
    crew = town.crews[FAILING]
    crew.patience = 1.0
    town.sandbox.courier = Courier(town.sandbox.core, Forgetful())
    await crew.insist(
        crew.starter,
        lambda: crew.command(crew.starter, "/release", "v0.3.0"),
        lambda: crew.card("v0.3.0"),
        "the card of v0.3.0",
    )


def test_a_sound_record_has_no_finding(record: Record) -> None:
    for crew, told in zip(record.crews, record.told, strict=True):
        assert list(judge(crew, [told])) == []


def test_people_notice_a_lock_that_is_left_and_a_request_that_is_lost(record: Record) -> None:
    locked, lost = record.lost
    assert "a lock was left" in locked
    assert "the card of v0.3.0 (acknowledged) did not come" in lost


# ----------------------------------------------------------- what is put wrong

Wrong = Callable[[Crew], None]


def journal(statement: str) -> Wrong:
    def wrong(crew: Crew) -> None:
        with closing(sqlite3.connect(crew.outside.path)) as file, file:
            assert file.execute(statement, {"product": crew.product}).rowcount > 0

    return wrong


def again(kind: str, place: str = "production") -> Wrong:
    """The last deed of this kind happens a second time, late."""
    return journal(
        "INSERT INTO journal (at, process, product, kind, place, what)"
        " SELECT at + 9, process, product, kind, place, what FROM journal"
        f" WHERE product = :product AND kind = '{kind}' AND place = '{place}' ORDER BY id DESC LIMIT 1"
    )


def never(kind: str) -> Wrong:
    return journal(f"DELETE FROM journal WHERE product = :product AND kind = '{kind}'")


def thing(name: str, value: dict[str, Any] | str) -> Wrong:
    def wrong(crew: Crew) -> None:
        with crew.outside.open(crew.product) as book:
            now = book.get(name)
            book.put(name, now | value if isinstance(value, dict) else value)

    return wrong


def message(topic: str, put_wrong: Callable[[list[Message], Message], object]) -> Wrong:
    """Put the message of the release's topic wrong, in the list of all messages."""

    def wrong(crew: Crew) -> None:
        found = next(m for m in crew.messages_of("v0.2.0") if about(m)[1] == topic)
        put_wrong(crew.board.sandbox.workspace.messages, found)
        crew.board = Board(crew.board.sandbox)

    return wrong


def says(text: str, instead: str) -> Callable[[list[Message], Message], object]:
    def change(_: list[Message], found: Message) -> None:
        assert text in found.text
        found.text = found.text.replace(text, instead)

    return change


def twice(everything: list[Message], found: Message) -> None:
    everything.append(copy.deepcopy(found))


BUILT = " AND kind = 'build' AND what = 'v0.2.0'"

PUT_WRONG: dict[str, tuple[int, Wrong, str]] = {
    "deployed twice": (FORWARDS, again("promote"), "promote production v0.2.0 happened 2 times"),
    "migrated twice": (FORWARDS, again("migrate"), "migrate production 2 happened 2 times"),
    "tagged twice": (FORWARDS, again("tag", "origin"), "tag origin v0.2.0 happened 2 times"),
    "never tagged": (FORWARDS, never("tag"), "tag origin v0.2.0 happened 0 times"),
    "no backup": (FORWARDS, never("backup"), "production.backup happened 0 times"),
    "undone twice": (BACKWARDS, again("undo"), "undo production 1 happened 2 times"),
    "never undone": (BACKWARDS, never("undo"), "undo production 1 happened 0 times"),
    "deployed though its tests failed": (
        FAILING,
        journal("UPDATE journal SET kind = 'promote', place = 'production' WHERE product = :product" + BUILT),
        "promote production v0.2.0 happened 2 times, not 0 to 0",
    ),
    "built twice": (FORWARDS, again("build", "web"), "was built 2 times"),
    "before its approval": (
        FORWARDS,
        journal("UPDATE journal SET at = at - 3600 WHERE product = :product AND kind = 'shift'"),
        "shift without an approver's click",
    ),
    "canary left": (FORWARDS, thing("target production", {"share": 10}), "with a share of 10"),
    "wrong version serves": (BACKWARDS, thing("target production", {"live": "green"}), "production serves"),
    "wrong schema": (FORWARDS, thing("revision production", "1"), "the database is at 1"),
    "announced twice": (FORWARDS, message("announcement", twice), "announcement of"),
    "two cards": (FORWARDS, message("card", twice), "its cards say"),
    "never announced": (FORWARDS, message("announcement", list.remove), "announcement was never posted"),
    "end not announced": (FAILING, message("result", list.remove), "result was never posted"),
    "ended otherwise": (FORWARDS, message("card", says("live in production", "failed")), "its cards say"),
    "left on the way": (FORWARDS, message("card", says("production.", "production (step 3 of 8).")), "left at"),
}  # fmt: skip


@pytest.mark.parametrize("what", PUT_WRONG)
def test_what_is_put_wrong_is_found(record: Record, tmp_path: Path, what: str) -> None:
    place, put_wrong, finding = PUT_WRONG[what]
    crew = record.copied(place, tmp_path)
    put_wrong(crew)
    assert any(finding in found for found in judge(crew, [record.told[place]]))
