"""Flags in Unleash, a real one: switched by its administration, read by its own client through OpenFeature."""

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pipeline.adapters.flags.http import ADMIN as ADMIN_TOKEN
from pipeline.adapters.flags.http import CLIENT as CLIENT_TOKEN
from pipeline.adapters.flags.http import Secrets
from pipeline.adapters.flags.unleash import UnleashFlags
from pipeline.errors import FlagError, ReadBackError
from pipeline.flags import unsafe_now
from pipeline.ports import Flag
from tests.unleash_server import ADMIN, CLIENTS, Unleash

TOKENS = {ADMIN_TOKEN: ADMIN, CLIENT_TOKEN: CLIENTS["production"]}
NONE: Mapping[str, str | None] = {}
NUMBERS = itertools.count()
VIP = {"contextName": "userId", "operator": "IN", "values": ["vip"]}


def store(
    server: Unleash, environment: str = "production", url: str = "", tokens: Mapping[str, str | None] = NONE
) -> UnleashFlags:
    found = {**TOKENS, **tokens}
    secrets = Secrets("shop", "production", lambda product, where, name: found.get(name))
    return UnleashFlags(url or server.url, "default", environment, secrets)


async def find(flags: UnleashFlags, key: str, reached: Callable[[Flag], bool] = lambda flag: True) -> Flag:
    """The flag once Unleash's clients are told so: it holds its answers back for a moment."""
    deadline = time.monotonic() + 5
    while True:
        found = next((flag for flag in await flags.flags() if flag.key == key), None)
        if found and reached(found):
            return found
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.1)


async def test_a_flag_is_switched_and_an_application_gets_it(unleash: Unleash) -> None:
    key = "auto-approval"
    unleash.create(key, description="Approves by itself")
    flags = store(unleash)
    assert (await find(flags, key)).on is False
    for on in (True, False, False, True):
        switched = await flags.switch(key, on, "U0DANA", "a trial")
        assert switched.now.on is on
    found = await find(flags, key)
    assert (found.on, found.variant, found.description, found.changed_by) == (
        True,
        "on",
        "Approves by itself",
        "admin",
    )
    assert found.changed_at is not None
    staging = store(unleash, "development", tokens={CLIENT_TOKEN: CLIENTS["development"]})
    assert (await find(staging, key)).on is False


async def test_names_in_any_script_that_unleash_allows(unleash: Unleash) -> None:
    key = "new_flow.~2"
    unleash.create(key)
    assert (await store(unleash).switch(key, True, "U0DANA", "")).now.on is True


async def test_off_wins_over_strategies_for_users_and_on_is_for_everybody(unleash: Unleash) -> None:
    key = "for-some"
    unleash.create(key)
    unleash.add_strategy(key, constraints=[VIP])
    unleash.add_strategy(key, rollout=30)
    unleash.ask("POST", f"{unleash.path(key)}/on")
    flags = store(unleash)
    assert (await find(flags, key, lambda flag: flag.on is None)).doubt == "rules"
    (problem,) = unsafe_now("production", await flags.flags(), {key: False}, flags.adds_missing)
    assert (problem["code"], problem["safe"]) == ("flag_rules", "off")

    assert (await flags.switch(key, False, "U0DANA", "complaints")).now.on is False
    assert len(unleash.ask("GET", f"{unleash.path(key)}/strategies")) == 2
    assert (await flags.switch(key, True, "U0DANA", "mended")).now.on is True
    assert len(unleash.ask("GET", f"{unleash.path(key)}/strategies")) == 3


async def test_a_flag_that_depends_on_one_that_is_off_is_said_aloud(unleash: Unleash) -> None:
    unleash.create("parent")
    unleash.create("child")
    unleash.ask("POST", "/projects/default/features/child/dependencies", {"feature": "parent"})
    with pytest.raises(
        ReadBackError,
        match=r"switched on, BUT THAT AN APPLICATION GETS IT COULD NOT BE CONFIRMED: it gets off",
    ):
        await replace(store(unleash), patience=1.5).switch("child", True, "U0DANA", "")


async def test_what_is_not_there_is_said(unleash: Unleash) -> None:
    flags = store(unleash)
    with pytest.raises(FlagError, match=r"answered 404 .*it has no such thing"):
        await flags.switch("nope", True, "U0DANA", "")
    unleash.create("somewhere")
    with pytest.raises(FlagError, match="somewhere has no environment qa"):
        await replace(flags, environment="qa").switch("somewhere", True, "U0DANA", "")
    (problem,) = unsafe_now("production", await flags.flags(), {"nope": True}, flags.adds_missing)
    assert (problem["code"], problem["flag"]) == ("flag_missing", "nope")
    assert (await flags.add("{}"), flags.served()) == ((), None)


@pytest.mark.parametrize(
    ("name", "token", "error", "why"),
    [
        (ADMIN_TOKEN, None, FlagError, "Next: set SHOP_PRODUCTION_FLAGS_ADMIN_TOKEN where the bot runs"),
        (ADMIN_TOKEN, "*:*.stolen", FlagError, "answered 401 .*does not know the token"),
        (ADMIN_TOKEN, CLIENTS["production"], FlagError, "answered 40[13] "),
        (
            CLIENT_TOKEN,
            None,
            ReadBackError,
            "CONFIRMED: .* Next: set SHOP_PRODUCTION_FLAGS_CLIENT_TOKEN where the bot runs",
        ),
        (CLIENT_TOKEN, "default:production.stolen", ReadBackError, r"CONFIRMED: it gets off"),
    ],
)
async def test_a_token_that_does_not_do_is_said_and_not_shown(
    name: str, token: str | None, error: type[FlagError], why: str, unleash: Unleash
) -> None:
    key = f"token-{next(NUMBERS)}"
    unleash.create(key)
    with pytest.raises(error, match=why) as said:
        await replace(store(unleash, tokens={name: token}), patience=0.5).switch(key, True, "U0DANA", "")
    assert token is None or token not in str(said.value)


async def test_a_client_token_that_does_not_do_is_found_by_looking(unleash: Unleash) -> None:
    """Which comes before every switch."""
    for token, why in ((None, "Next: set SHOP_PRODUCTION_FLAGS_CLIENT_TOKEN"), ("x", "answered 401 ")):
        with pytest.raises(FlagError, match=why):
            await store(unleash, tokens={CLIENT_TOKEN: token}).flags()


async def test_without_the_right_to_read_the_log_nobody_is_named(unleash: Unleash) -> None:
    unleash.create("quiet")
    found = await find(store(unleash, tokens={ADMIN_TOKEN: "*:*.stolen"}), "quiet")
    assert (found.changed_by, found.changed_at) == (None, None)


async def test_a_server_that_is_gone_or_another_one_is_said(unleash: Unleash) -> None:
    with pytest.raises(
        FlagError, match=r"127\.0\.0\.1:9, which has the flags of shop production, does not answer"
    ):
        await store(unleash, url="http://127.0.0.1:9").flags()

    async def anything(_: web.Request) -> web.Response:
        return web.json_response(["hello"])

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", anything)
    async with TestServer(app) as other:
        elsewhere = store(unleash, url=str(other.make_url("")).rstrip("/"))
        for attempt in (elsewhere.flags(), elsewhere.switch("x", True, "", "")):
            with pytest.raises(FlagError, match=r"does not answer as Unleash does"):
                await attempt
