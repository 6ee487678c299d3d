"""Who may do what: every kind of person by every command by every state of a release, as signed requests."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.sandbox.people import OTHER_TEAM, User
from handlers.text.flags import REFUSALS
from handlers.text.refusal_authority import AUTHORITY
from pipeline.models import Approval, Event, Follower, Inbox, Lock
from pipeline.models_time import FreezeWindow, Wish
from tests.flags import world
from tests.house import PATIENCE
from tests.slack_house import BOT_TOML, DANA, LEE, SAM, SlackHouse, open_slack_house

LOCKER, STAGER, FLAGGER, OVERRIDER, NOBODY = "U0LOCK", "U0STAGE", "U0FLAG", "U0OVER", "U0NOBODY"
GUEST, SINGLE, STRANGER, GONE, ROBOT = "U0GUESTS", "U0SINGLE", "U0OTHER", "U0GONE", "U0ROBOT"
UNTRUSTED = (GUEST, SINGLE, STRANGER, GONE, ROBOT)
"""Listed for everything by mistake, and refused all the same."""

TEAM = frozenset({"start", "approve", "rollback"})
ROLES: Mapping[str, frozenset[str]] = {
    DANA: frozenset({"start", "tick"}),
    LEE: frozenset({"approve", "tick"}),
    SAM: frozenset({"rollback", "tick"}),
    LOCKER: frozenset({"lock production"}),
    STAGER: frozenset({"lock staging"}),
    FLAGGER: frozenset({"flags"}),
    OVERRIDER: frozenset({"override"}),
    NOBODY: frozenset(),
    **dict.fromkeys(UNTRUSTED, frozenset[str]()),
}

COMMANDS: Mapping[str, str] = {
    "v0.3.0": "start",
    "hotfix v0.4.0 because": "override",
    "schedule v0.9.0 in 2h": "start",
    "unschedule v0.9.0": "start",
    "queue v0.9.0": "start",
    "lock because": "lock production",
    "unlock": "lock production",
    "lock staging because": "lock staging",
    "unlock staging": "lock staging",
    "freeze 2h because": "lock production",
    "unfreeze": "lock production",
    "follow": "tick",
    "logs build": "tick",
    "flags auto-approval off": "flags",
    "pause": "tick",
    "resume": "start",
    "skip evaluation because": "override",
    "approve": "approve",
    "reject": "approve",
    "rollback": "rollback",
    "retry": "start",
    "abort because": "start",
}
"""What is typed after `/release`, and what it takes. In an order in which what is allowed can be done one by one."""


def listed(each: str) -> str:
    return "[" + ", ".join(f'"{who}"' for who in (each, *UNTRUSTED)) + "]"


ONLY = {
    "pause": "canary", "resume": "canary", "approve": "approval", "reject": "approval", "unlock": "idle",
}  # fmt: skip
"""Where there is nothing to do it to, everybody is told so."""

HEAD, REST = BOT_TOML.split("[products.shop.people]")
TOML = f"""{HEAD}
[products.shop.people]
start = {listed(DANA)}
approve = {listed(LEE)}
rollback = {listed(SAM)}
lock = {listed(LOCKER)}
flags = {listed(FLAGGER)}
override = {listed(OVERRIDER)}
[products.shop.environments.staging.people]
lock = {listed(STAGER)}
[products.shop.environments.staging]{REST.split("[products.shop.environments.staging]")[1]}"""

SAID = [*AUTHORITY.values(), REFUSALS["may_not_flags"]]
DENIED = re.compile("|".join(re.sub(r"\\{\w+\\}", ".*", re.escape(said.split("\n")[0])) for said in SAID))


def newcomers() -> list[User]:
    people = [User(who, who.lower(), who.title()) for who in ROLES if who not in (DANA, LEE, SAM)]
    found = {person.id: person for person in people}
    found[GUEST].is_restricted = found[SINGLE].is_ultra_restricted = True
    found[STRANGER].team_id, found[GONE].deleted, found[ROBOT].is_bot = OTHER_TEAM, True, True
    return people


@asynccontextmanager
async def staffed(folder: Path) -> AsyncIterator[SlackHouse]:
    async with open_slack_house(folder, mode="http", world=world(), bot_toml=TOML) as house:
        workspace = house.sandbox.workspace
        for person in newcomers():
            workspace.users[person.id] = person
            workspace.channel("C0RELEASES").members.add(person.id)
        yield house


async def idle(house: SlackHouse) -> None:
    pass


async def asking(house: SlackHouse) -> None:
    await house.slack_to_approval()


async def watching(house: SlackHouse) -> None:
    await house.slack_to_watch()


async def canary(house: SlackHouse) -> None:
    await house.slack_approve(await house.slack_to_approval())
    await house.waits_for((await house.shown("v0.2.0")).release.id, "canary")


async def failed(house: SlackHouse) -> None:
    house.world.failing.add("test-unit")
    await house.ended((await house.slack_start()).release.id)


STATES = {"idle": idle, "approval": asking, "canary": canary, "watch": watching, "failed": failed}


async def recorded(house: SlackHouse) -> list[int]:
    """How much the bot has written down, of all kinds."""
    async with house.db.reading() as session:
        return [
            await session.scalar(select(func.count()).select_from(kind)) or 0
            for kind in (Event, Approval, Follower, Lock, FreezeWindow, Wish)
        ]


async def answered(house: SlackHouse) -> None:
    """Wait until the bot has done what it was asked to."""
    async with asyncio.timeout(PATIENCE):
        while True:
            async with house.db.reading() as session:
                if not await session.scalar(
                    select(func.count()).select_from(Inbox).where(Inbox.handled_at.is_(None))
                ):
                    return
            await asyncio.sleep(0.02)


async def refuse(house: SlackHouse, user: str, state: str) -> None:
    """All that this person may not do, one after the other: each is answered with why not."""
    for typed, needed in COMMANDS.items():
        if needed in ROLES[user]:
            continue
        before = len(house.told_so_far(user))
        await house.type(user, typed)
        said = await house.next_answer(user, before)
        assert said.startswith("🚫"), (user, typed, said)
        if ONLY.get(typed, state) == state:
            assert DENIED.search(said), (user, typed, said)


async def allow(house: SlackHouse, user: str) -> None:
    """All that this person may do: the state may stand in its way, and never who they are."""
    for typed, needed in COMMANDS.items():
        if needed in ROLES[user]:
            await house.type(user, typed)
            await answered(house)
    assert [said for said in house.told_so_far(user) if DENIED.search(said)] == []


@pytest.mark.parametrize("state", STATES)
async def test_everybody_does_what_is_theirs_and_nothing_else(tmp_path: Path, state: str) -> None:
    async with staffed(tmp_path) as house:
        await STATES[state](house)
        await house.quiet()
        before = await recorded(house)
        untrusted = UNTRUSTED[list(STATES).index(state)]
        roles = [user for user in ROLES if user == untrusted or user not in UNTRUSTED]
        await asyncio.gather(*(refuse(house, user, state) for user in roles))
        await answered(house)
        assert await recorded(house) == before
        for user in ROLES:
            house.sandbox.workspace.messages[:] = [
                m for m in house.sandbox.workspace.messages if m.to is None
            ]
            await allow(house, user)
