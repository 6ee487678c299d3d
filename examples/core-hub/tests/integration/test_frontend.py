"""The pages, with and without an api behind them."""

import asyncio
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy.engine import Engine

from core_hub import api, frontend
from core_hub.settings import Settings


async def page(settings: Settings, path: str) -> tuple[int, str]:
    client: TestClient[Any, Any] = TestClient(TestServer(frontend.build(settings)))
    async with client:
        answer = await client.get(path)
        return answer.status, await answer.text()


def test_the_start_page_shows_the_version_escaped() -> None:
    settings = Settings("frontend", "0.1.0<script>", "local", api_url="http://127.0.0.1:9")
    status, text = asyncio.run(page(settings, "/"))
    assert status == 200
    assert "0.1.0&lt;script&gt;" in text
    assert "<script>" not in text


def test_the_dashboard_shows_the_metrics_of_the_api(url: str, engine: Engine) -> None:
    async def main() -> tuple[int, str]:
        core = Settings("api", "0.1.0", "local", database_url=url, signing_key="a-key-for-tests-only")
        async with TestServer(api.build(core)) as server:
            return await page(
                Settings("frontend", "0.1.0", "local", api_url=str(server.make_url(""))), "/dashboard"
            )

    status, text = asyncio.run(main())
    assert status == 200
    assert "<tr><th>Requests</th><td>0</td></tr>" in text


def test_without_an_api_the_dashboard_says_so() -> None:
    settings = Settings("frontend", "0.1.0", "local", api_url="http://127.0.0.1:9")
    status, text = asyncio.run(page(settings, "/dashboard"))
    assert status == 502
    assert "API_URL" in text
