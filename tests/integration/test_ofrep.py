"""Flags over HTTP, asked as applications ask: with OpenFeature's own provider for the protocol."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.provider.no_op_provider import NoOpProvider
from prometheus_client import CollectorRegistry

from bot.ofrep import Ofrep
from bot.server import Server
from pipeline.adapters.flags.file import FileFlags
from tests.flags import document, flag

RULE = {"if": [{"in": [{"var": "targetingKey"}, ["vip", "übung"]]}, "on"]}
FLAGS = document(
    ruled=flag(targeting=RULE),
    off=flag("on", state="DISABLED"),
    open={"state": "ENABLED", "variants": {"on": True, "off": False}},
    color={"state": "ENABLED", "variants": {"blue": "#00f", "red": "#f00"}, "defaultVariant": "blue"},
    limit={"state": "ENABLED", "variants": {"low": 3, "high": 7}, "defaultVariant": "low"},
    share={"state": "ENABLED", "variants": {"low": 1, "high": 2.5}, "defaultVariant": "high"},
    layout={"state": "ENABLED", "variants": {"wide": {"columns": [1, 2]}}, "defaultVariant": "wide"},
    wrong=flag(targeting={"if": [True, "purple"]}),
)


@dataclass
class Served:
    """A bot's HTTP face with the flags of one product."""

    url: str
    store: FileFlags
    session: ClientSession

    @property
    def base(self) -> str:
        return f"{self.url}/flags/shop/production"

    async def post(self, path: str = "", body: Any = None, **headers: str) -> tuple[int, Any, str]:
        """Status, answer and ETag of a request below the base URL."""
        data = body if isinstance(body, (str, bytes)) else json.dumps(body or {})
        url = f"{self.base}/ofrep/v1/evaluate/flags{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.post(url, data=data, headers=named) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None, answer.headers.get("ETag", "")


@asynccontextmanager
async def serving(folder: Path, token: str | None = None) -> AsyncIterator[Served]:
    store = FileFlags(folder / "production", "shop production")
    await store.add(FLAGS)

    async def ready() -> list[str]:
        return []

    flags = Ofrep(
        lambda product, where: store.path if (product, where) == ("shop", "production") else None,
        lambda product, where: token,
    )
    server = Server("127.0.0.1", 0, ready, CollectorRegistry(), None, flags.routes())
    await server.start()
    try:
        async with ClientSession() as session:
            yield Served(f"http://127.0.0.1:{server.port}", store, session)
    finally:
        await server.stop()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as found:
        yield found


def boolean(key: str, own: bool) -> Callable[[OpenFeatureClient], bool]:
    """What an application gets whose own default is `own`."""
    return partial(OpenFeatureClient.get_boolean_value, flag_key=key, default_value=own)


async def ask(base: str, question: Callable[[OpenFeatureClient], Any], token: str = "") -> Any:
    """What an application gets, asked in a thread: the provider blocks."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    def application() -> Any:
        provider = OFREPProvider(base, headers_factory=lambda: headers)
        api.set_provider_and_wait(provider, "over http")
        try:
            return question(api.get_client("over http"))
        finally:
            api.set_provider(NoOpProvider(), "over http")
            provider.session.close()

    return await asyncio.to_thread(application)


async def test_an_application_gets_every_kind_of_flag(served: Served) -> None:
    vip, odd, other = (EvaluationContext(user) for user in ("vip", "übung", "somebody"))
    expected: list[tuple[Callable[[OpenFeatureClient], Any], Any]] = [
        (lambda c: c.get_boolean_value("human-in-the-loop", False), True),
        (lambda c: c.get_boolean_value("auto-approval", True), False),
        (
            lambda c: [c.get_boolean_value("ruled", False, who) for who in (vip, odd, other)],
            [True, True, False],
        ),
        (lambda c: [c.get_boolean_value("off", own) for own in (True, False)], [True, False]),
        (lambda c: [c.get_boolean_value("open", own) for own in (True, False)], [True, False]),
        (lambda c: c.get_string_value("color", ""), "#00f"),
        (lambda c: c.get_integer_value("limit", 0), 3),
        (lambda c: c.get_float_value("share", 0.0), 2.5),
        (lambda c: c.get_object_value("layout", {}), {"columns": [1, 2]}),
    ]
    for question, answer in expected:
        assert await ask(served.base, question) == answer


async def test_a_switch_is_seen_at_once(served: Served) -> None:
    for on in (True, False, True):
        await served.store.switch("auto-approval", on, "U0DANA", "")
        assert await ask(served.base, boolean("auto-approval", not on)) is on


@pytest.mark.parametrize(
    ("key", "code"), [("nope", "FLAG_NOT_FOUND"), ("wrong", "GENERAL"), ("color", "TYPE_MISMATCH")]
)
async def test_in_doubt_an_application_keeps_its_own_safe_default(
    key: str, code: str, served: Served
) -> None:
    for own in (True, False):
        found = await ask(
            served.base, partial(OpenFeatureClient.get_boolean_details, flag_key=key, default_value=own)
        )
        assert (found.value, found.error_code.value) == (own, code)


async def test_a_bot_that_is_gone_means_the_safe_default(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        base = served.base
    assert await ask(base, boolean("human-in-the-loop", True)) is True


async def test_the_words_of_the_protocol(served: Served) -> None:
    status, answer, _ = await served.post("/ruled", {"context": {"targetingKey": "vip", "plan": 1}})
    assert (status, answer) == (
        200,
        {"key": "ruled", "reason": "TARGETING_MATCH", "variant": "on", "value": True, "metadata": {}},
    )
    assert (await served.post("/off"))[:2] == (
        200,
        {"key": "off", "reason": "DISABLED", "variant": "", "metadata": {}},
    )
    status, answer, _ = await served.post("/a/b%20c")
    assert (status, answer["key"], answer["errorCode"]) == (404, "a/b c", "FLAG_NOT_FOUND")
    status, answer, _ = await served.post("/wrong")
    assert (status, answer["key"], answer["errorCode"]) == (400, "wrong", "GENERAL")


async def test_all_at_once_with_a_tag_that_changes_with_the_answers(served: Served) -> None:
    status, answer, tag = await served.post(body={"context": {"targetingKey": "somebody"}})
    assert status == 200
    found = {each["key"]: each.get("value", each.get("errorCode")) for each in answer["flags"]}
    assert (found["auto-approval"], found["color"], found["wrong"]) == (False, "#00f", "GENERAL")
    again = {"If_None_Match": f'"other", W/{tag}'}
    assert await served.post(body={"context": {"targetingKey": "somebody"}}, **again) == (304, None, tag)
    assert (await served.post(body={"context": {"targetingKey": "vip"}}, **again))[0] == 200
    await served.store.switch("auto-approval", True, "U0DANA", "")
    assert (await served.post(body={"context": {"targetingKey": "somebody"}}, **again))[0] == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", "PARSE_ERROR"),
        (b"\xff\xfe", "PARSE_ERROR"),
        ("[" * 100_000, "PARSE_ERROR"),
        ("[]", "INVALID_CONTEXT"),
        ({"context": []}, "INVALID_CONTEXT"),
        ({"context": {"targetingKey": 1}}, "INVALID_CONTEXT"),
    ],
)
async def test_a_wrong_request_is_told_what_is_wrong(body: Any, code: str, served: Served) -> None:
    for path in ("/auto-approval", ""):
        status, answer, _ = await served.post(path, body)
        assert (status, answer["errorCode"]) == (400, code)


async def test_a_product_that_keeps_no_flags_here(served: Served) -> None:
    for where in ("/flags/shop/qa", "/flags/other/production", "/flags/../../etc/passwd/x"):
        async with served.session.post(f"{served.url}{where}/ofrep/v1/evaluate/flags/x") as answer:
            assert answer.status == 404


async def test_a_damaged_file_leaves_what_was_read_before(served: Served) -> None:
    await served.store.switch("auto-approval", True, "U0DANA", "")
    assert (await served.post("/auto-approval"))[1]["value"] is True
    served.store.path.write_text('{"flags"')
    assert (await served.post("/auto-approval"))[1]["value"] is True
    served.store.path.unlink()
    assert (await served.post("/auto-approval"))[1]["value"] is True
    await served.store.add(FLAGS)
    assert (await served.post("/auto-approval"))[1]["value"] is False


async def test_what_was_never_readable_is_an_error_and_applications_keep_their_own(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        served.store.path.write_text("nothing")
        status, answer, _ = await served.post("/auto-approval")
        assert (status, "flags.json is not a file of flags" in answer["errorDetails"]) == (500, True)
        assert await ask(served.base, boolean("human-in-the-loop", True)) is True


async def test_a_token_is_asked_for_where_the_operator_has_set_one(tmp_path: Path) -> None:
    async with serving(tmp_path, token="s3cret") as served:
        assert (await served.post("/auto-approval"))[0] == 401
        assert (await served.post("/auto-approval", X_API_Key="wrong"))[0] == 403
        assert (await served.post("/auto-approval", X_API_Key="s3cret"))[0] == 200
        assert await ask(served.base, boolean("auto-approval", True), "s3cret") is False
        assert await ask(served.base, boolean("auto-approval", True), "stolen") is True  # its own default
