"""The api over HTTP, on a migrated database."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy.engine import Engine

from core_hub.api import build
from core_hub.settings import Settings
from core_hub.signing import access_key

KEY = "a-key-for-tests-only"
SAFE_FLAGS = Path(__file__).parents[2] / "flags.json"

Client = TestClient[Any, Any]
Scenario = Callable[[Client], Awaitable[None]]


@pytest.fixture
def run(url: str, engine: Engine) -> Callable[[Scenario, Path], None]:
    """Runs a scenario against an api that listens on a free port of its own."""

    def run(scenario: Scenario, flags: Path = SAFE_FLAGS) -> None:
        settings = Settings("api", "0.1.0", "local", database_url=url, signing_key=KEY, flags_file=flags)

        async def main() -> None:
            async with TestClient(TestServer(build(settings))) as client:
                await scenario(client)

        asyncio.run(main())

    return run


async def log_in(client: Client, **body: str) -> dict[str, str]:
    answer = await client.post("/api/login", json={"user": "dana"} | body)
    assert answer.status == 200
    return {"Authorization": f"Bearer {(await answer.json())['token']}"}


async def create(client: Client, session: dict[str, str], text: str = "Workshop, EUR 10.00") -> int:
    answer = await client.post("/api/charges", json={"customer": "Example", "text": text}, headers=session)
    assert answer.status == 201
    return int((await answer.json())["id"])


async def refusal(answer: Any) -> tuple[int, str]:
    error = (await answer.json())["error"]
    assert all(error[part] for part in ("what", "why", "next"))
    return answer.status, error["why"]


def test_a_charge_is_created_approved_and_sent(run: Callable[[Scenario], None]) -> None:
    async def scenario(client: Client) -> None:
        session = await log_in(client, key=access_key(KEY, "dana"))
        number = await create(client, session)
        early = await client.post(f"/api/charges/{number}/send", headers=session)
        assert (await refusal(early))[0] == 409
        approved = await client.post(f"/api/charges/{number}/approve", headers=session)
        assert approved.status == 200
        sent = await client.post(f"/api/charges/{number}/send", headers=session)
        assert (sent.status, (await sent.json())["dry_run"]) == (202, False)
        again = await client.post(f"/api/charges/{number}/send", headers=session)
        assert (await refusal(again))[0] == 409

    run(scenario)


def test_a_tester_sends_only_dry_and_sees_only_testers_charges(run: Callable[[Scenario], None]) -> None:
    async def scenario(client: Client) -> None:
        operator, tester = await log_in(client, key=access_key(KEY, "dana")), await log_in(client)
        theirs, own = await create(client, operator), await create(client, tester)
        foreign = await client.post(f"/api/charges/{theirs}/approve", headers=tester)
        assert (await refusal(foreign))[0] == 404
        assert (await client.post(f"/api/charges/{own}/approve", headers=tester)).status == 200
        real = await client.post(f"/api/charges/{own}/send", headers=tester)
        assert (await refusal(real))[0] == 403
        dry = await client.post(f"/api/charges/{own}/send?dry_run=true", headers=tester)
        assert dry.status == 202
        shown = (await (await client.get("/api/charges", headers=tester)).json())["charges"]
        assert [(c["id"], c["delivery"], c["dry_run"]) for c in shown] == [(own, "queued", True)]

    run(scenario)


def test_auto_approval_needs_the_human_out_of_the_loop(
    run: Callable[[Scenario, Path], None], tmp_path: Path
) -> None:
    text = SAFE_FLAGS.read_text(encoding="utf-8").replace('"defaultVariant": "off"', '"defaultVariant": "on"')
    auto, free = tmp_path / "auto.json", tmp_path / "free.json"
    auto.write_text(text, encoding="utf-8")
    free.write_text(text.replace('"defaultVariant": "on"', '"defaultVariant": "off"', 1), encoding="utf-8")
    expected = {auto: ["created"] * 2, free: ["created", "approved"]}

    def scenario(flags: Path) -> Scenario:
        async def scenario(client: Client) -> None:
            session = await log_in(client, key=access_key(KEY, "dana"))
            await create(client, session)
            await create(client, session, "Pay EUR 9.00 to our new bank account")
            shown = (await (await client.get("/api/charges", headers=session)).json())["charges"]
            assert [charge["status"] for charge in shown[:2]] == expected[flags]

        return scenario

    for flags in expected:
        run(scenario(flags), flags)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\xff\xfe", 400),
        (b"[" * 10_000, 400),
        (b'{"customer": "x"}', 422),
        (b'{"customer": "x", "text": "\\ud800 EUR 1.00"}', 422),
        (b'{"customer": "x", "text": "no amount"}', 422),
        (b'{"customer": "' + b"x" * 70_000 + b'"}', 413),
    ],
)
def test_a_bad_body_is_explained(run: Callable[[Scenario], None], body: bytes, status: int) -> None:
    async def scenario(client: Client) -> None:
        session = await log_in(client)
        assert (await refusal(await client.post("/api/charges", data=body, headers=session)))[0] == status

    run(scenario)


def test_strange_addresses_are_explained(run: Callable[[Scenario], None]) -> None:
    async def scenario(client: Client) -> None:
        session = await log_in(client)
        for number in ("0", "x", "9" * 30, "99", "%C2%B2"):
            answer = await client.post(f"/api/charges/{number}/approve", headers=session)
            assert (await refusal(answer))[0] == 404
        assert (await refusal(await client.get("/api/nothing")))[0] == 404
        assert (await refusal(await client.get("/api/charges")))[0] == 401
        assert (await refusal(await client.delete("/api/charges")))[0] == 405

    run(scenario)


def test_version_health_and_metrics(run: Callable[[Scenario], None]) -> None:
    async def scenario(client: Client) -> None:
        version = await client.get("/api/version")
        assert await version.json() == {"version": "0.1.0", "component": "api"}
        assert version.headers["X-Core-Hub-Version"] == "0.1.0"
        assert (await client.get("/api/healthz")).status == 200
        await create(client, await log_in(client))
        metrics = await (await client.get("/api/metrics")).text()
        assert 'route="/api/charges",status="201"} 1.0' in metrics
        assert 'core_hub_build_info{component="api",version="0.1.0"} 1.0' in metrics

    run(scenario)


def test_without_tables_the_api_is_not_healthy(tmp_path: Path) -> None:
    settings = Settings(
        "api", "0.1.0", "local", database_url=f"sqlite:///{tmp_path / 'x.db'}", signing_key=KEY
    )

    async def main() -> None:
        async with TestClient(TestServer(build(settings))) as client:
            status, why = await refusal(await client.get("/api/healthz"))
            assert status == 503
            assert "no such table" in why

    asyncio.run(main())
