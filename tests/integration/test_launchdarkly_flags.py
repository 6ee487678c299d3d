"""Flags in LaunchDarkly: its real SDK through OpenFeature, on a double of its service (tests/dark_double.py)."""

from collections.abc import AsyncIterator
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from pipeline.adapters.flags.http import ADMIN, CLIENT, Secrets
from pipeline.adapters.flags.launchdarkly import LaunchDarklyFlags
from pipeline.errors import FlagError, ReadBackError
from tests.dark_double import API_KEY, SDK_KEYS, Dark

TOKENS: dict[str, str | None] = {ADMIN: API_KEY, CLIENT: SDK_KEYS["production"]}
RULE = {
    "_id": "rule-1",
    "id": "rule-1",
    "variation": 0,
    "clauses": [{"attribute": "key", "op": "in", "values": ["vip"], "negate": False}],
}


@dataclass
class Place:
    """The double and the store that is on it."""

    dark: Dark
    url: str

    def store(self, **tokens: str | None) -> LaunchDarklyFlags:
        found = {**TOKENS, **tokens}
        secrets = Secrets("shop", "production", lambda product, where, name: found.get(name))
        return LaunchDarklyFlags(self.url, self.url, "shop", "production", secrets)

    def here(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.dark.flags[key]["environments"]["production"]
        return found


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    dark = Dark()
    async with TestServer(dark.app()) as server:
        yield Place(dark, str(server.make_url("")).rstrip("/"))


async def test_a_flag_is_switched_and_an_application_gets_it(place: Place) -> None:
    place.dark.create("auto-approval")
    for on in (True, False, False, True):
        switched = await place.store().switch("auto-approval", on, "U0DANA", "a trial")
        assert (switched.now.on, place.here("auto-approval")["on"]) == (on, on)
    assert place.dark.comments[0] == "a trial (by U0DANA through the release bot)"
    assert not place.dark.flags["auto-approval"]["environments"]["test"]["on"]
    (flag,) = await place.store().flags()
    assert (flag.on, flag.variant, flag.description) == (True, "true", "What auto-approval does")
    assert flag.changed_at == datetime.fromtimestamp(1790000000, UTC)


async def test_off_wins_over_rules_and_leaves_them(place: Place) -> None:
    place.dark.create("for-some", on=True, rules=[RULE], fallthrough={"variation": 1})
    (flag,) = await place.store().flags()
    assert (flag.on, flag.doubt) == (None, "rules")
    switched = await place.store().switch("for-some", False, "U0DANA", "")
    assert (switched.was.on, switched.now.on, switched.set_aside) == (None, False, {})
    assert place.here("for-some")["rules"] == [RULE]


async def test_on_is_for_everybody_and_what_stood_in_the_way_is_kept_in_the_record(place: Place) -> None:
    target = {"variation": 1, "values": ["nobody"], "contextKind": "user"}
    needs = {"key": "other", "variation": 0}
    place.dark.create("other")
    share = {
        "rollout": {"variations": [{"variation": 0, "weight": 30000}, {"variation": 1, "weight": 70000}]}
    }
    place.dark.create("it", on=True, rules=[RULE], targets=[target], prerequisites=[needs], fallthrough=share)
    switched = await place.store().switch("it", True, "U0DANA", "")
    assert switched.now.on is True
    assert switched.set_aside == {
        "rules": [RULE],
        "targets": [target],
        "prerequisites": [needs],
        "fallthrough": share,
    }
    assert (await place.store().flags())[1].on is True


async def test_off_is_false_whatever_was_served_while_it_was_off(place: Place) -> None:
    place.dark.create("upside-down", offVariation=0)
    place.dark.create("open", offVariation=None)
    assert [(flag.on, flag.doubt) for flag in await place.store().flags()] == [(True, ""), (None, "disabled")]
    for key in ("upside-down", "open"):
        await place.store().switch(key, False, "U0DANA", "")
    assert [flag.on for flag in await place.store().flags()] == [False, False]


async def test_a_flag_with_other_values_is_no_switch(place: Place) -> None:
    place.dark.create("colour", ("blue", "red"))
    assert [(flag.on, flag.doubt, flag.variant) for flag in await place.store().flags()] == [
        (None, "value", '"red"')
    ]
    with pytest.raises(FlagError, match="is no switch: none of its variations is true"):
        await place.store().switch("colour", True, "U0DANA", "")


async def test_every_page_is_read(place: Place) -> None:
    for number in range(230):
        place.dark.create(f"flag-{number}")
    assert len(await place.store().flags()) == 230


async def test_an_application_that_does_not_get_it_is_said_aloud(place: Place) -> None:
    place.dark.create("auto-approval")
    place.dark.stale = deepcopy(place.dark.flags)
    with pytest.raises(ReadBackError, match="COULD NOT BE CONFIRMED: it gets off"):
        await replace(place.store(), patience=0.1).switch("auto-approval", True, "U0DANA", "")


@pytest.mark.parametrize(
    ("tokens", "error", "why"),
    [
        ({ADMIN: None}, FlagError, "Next: set SHOP_PRODUCTION_FLAGS_ADMIN_TOKEN where the bot runs"),
        ({ADMIN: "stolen"}, FlagError, "answered 401 .*does not know the token"),
        ({CLIENT: None}, ReadBackError, "Next: set SHOP_PRODUCTION_FLAGS_CLIENT_TOKEN where the bot runs"),
        ({CLIENT: "sdk-stolen"}, ReadBackError, "CONFIRMED: its client does not work"),
    ],
)
async def test_a_token_that_does_not_do_is_said(
    tokens: dict[str, str | None], error: type[FlagError], why: str, place: Place
) -> None:
    place.dark.create("auto-approval")
    with pytest.raises(error, match=why) as said:
        await replace(place.store(**tokens), patience=0.5, start=0.5).switch(
            "auto-approval", True, "U0DANA", ""
        )
    assert not [token for token in tokens.values() if token and token in str(said.value)]


async def test_what_is_not_there_is_said(place: Place) -> None:
    with pytest.raises(FlagError, match=r"answered 404 .*it has no such thing"):
        await place.store().switch("nope", True, "U0DANA", "")
    place.dark.create("auto-approval")
    with pytest.raises(FlagError, match=r"does not answer as LaunchDarkly does .* environment qa"):
        await replace(place.store(), environment="qa").flags()
    with pytest.raises(FlagError, match="does not answer"):
        await replace(place.store(), url="http://127.0.0.1:9").flags()
    assert (await place.store().add("{}"), place.store().served()) == ((), None)
