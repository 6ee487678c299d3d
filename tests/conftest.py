"""What many tests share: a PostgreSQL server and a Docker engine for the session, and the bot's own database on
either kind."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from bot.demo.base_image import base_image as make_base_image
from bot.demo.history import EXAMPLE
from pipeline.adapters.docker.engine import Engine
from pipeline.store import Database
from tests.engine import USUAL, answers, private_engine, why_none
from tests.postgres import Server, binaries, running_server

TOGETHER = ("docker", "test_checker")
"""What the names of tests have in them that go to one process: two private engines would disturb each other's network,
and what the checker looks at takes long to make."""


class OneEngine(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Test by test to whichever process is free, but some together: those of Docker first, as they take longest."""

    def _split_scope(self, nodeid: str) -> str:
        return next((word for word in TOGETHER if word in nodeid), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneEngine:
    """How the tests are shared among processes."""
    return OneEngine(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first: what is left at the end is short, and no process works on alone."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A bot that runs within a test sets logging up for the whole process; the next test must not find it so."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A private server; without its programs the tests that need one are skipped by name."""
    programs = binaries()
    if programs is None:
        pytest.skip("needs PostgreSQL's server programs")
    with running_server(programs) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: Server) -> str:
    """The name of a database with the bot's tables, to make others from."""
    url = postgres.create()

    async def migrate() -> None:
        db = Database(url)
        await db.migrate()
        await db.close()

    asyncio.run(migrate())
    return f"bot_{postgres.made}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of the bot's own database: every test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/bot.db"
    server: Server = request.getfixturevalue("postgres")
    return server.create(request.getfixturevalue("migrated"))


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """The address of a Docker engine: the one that answers here, else a private one, else the test is skipped."""
    host = os.environ.get("DOCKER_HOST") or USUAL
    if answers(host):
        yield host
        return
    if reason := why_none():
        pytest.skip(reason)
    with private_engine() as started:
        yield started


@pytest.fixture(scope="session")
def base_image(engine: str) -> str:
    """An image with Python and what the example product needs, on the engine."""
    return asyncio.run(make_base_image(Engine(engine), EXAMPLE / "requirements.txt"))
