"""What many tests share: a PostgreSQL server and a Docker engine for the session, and the bot's own database on
either kind."""

import asyncio
import gc
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from bot.demo.base_image import MINUTES
from bot.demo.base_image import base_image as make_base_image
from bot.demo.history import EXAMPLE
from pipeline.adapters.docker.engine import Engine
from pipeline.files import locked
from pipeline.store import Database
from tests.engine import private_engine, usual, why_none
from tests.postgres import Server, binaries, running_server
from tests.unleash_server import Unleash, running_unleash
from tests.unleash_server import why_none as why_none_of_unleash

TOGETHER = ("integration/test_docker_", "integration/test_unleash_", "chaos/test_checker")
"""What the names of tests have in them that go to one process: they share what takes long to make, or names of images
and volumes."""

ENGINE = "engine"
"""Of the file that tells the other processes where the Docker engine is, and of what tells them of the file."""

_started = pytest.StashKey[ExitStack]()
_folder = pytest.StashKey[Path]()


class Together(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Test by test to whichever process is free, but some together, and these first."""

    def _split_scope(self, nodeid: str) -> str:
        return next((word for word in TOGETHER if word in nodeid), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    """How the tests are shared among processes."""
    return Together(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """A place for what all processes share."""
    stack = config.stash[_started] = ExitStack()
    config.stash[_folder] = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shared-")))


def pytest_unconfigure(config: pytest.Config) -> None:
    """It ends with the last of them."""
    config.stash[_started].close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Tell a process where it will find what all share."""
    node.workerinput[ENGINE] = str(node.config.stash[_folder] / ENGINE)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: WorkerController, ids: Sequence[str]) -> None:
    """Start one Docker engine for all processes, if it is wanted: two would disturb each other's network.

    The tests that need it have `docker` in their names.
    """
    file = node.config.stash[_folder] / ENGINE
    if not file.exists() and any("docker" in name for name in ids) and not usual() and not why_none():
        try:
            file.write_text(node.config.stash[_started].enter_context(private_engine()))
        except AssertionError as error:
            file.write_text(f"no Docker engine could be started: {error}")


def pytest_collection_finish() -> None:
    """What is imported stays. Looking through it for garbage took a twelfth of the time of tests."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first, so that no process is left to work on alone at the end."""
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
def unleash(postgres: Server) -> Iterator[Unleash]:
    """A private Unleash; where it is not installed, the tests that need one are skipped by name."""
    if reason := why_none_of_unleash():
        pytest.skip(reason)
    with running_unleash(postgres) as server:
        yield server


@pytest.fixture(scope="session")
def engine(pytestconfig: pytest.Config) -> Iterator[str]:
    """The address of a Docker engine: the one that answers here, else a private one, else the test is skipped."""
    told: Mapping[str, str] = getattr(pytestconfig, "workerinput", {})
    if host := usual():
        yield host
    elif reason := why_none():
        pytest.skip(reason)
    elif told:
        host = Path(told[ENGINE]).read_text()
        assert host.startswith("unix://"), host
        yield host
    else:
        with private_engine() as started:
            yield started


@pytest.fixture(scope="session")
def base_image(engine: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with Python and what the example product needs, on the engine: made by one process for all."""
    with locked(tmp_path_factory.getbasetemp().parent / "base-image", MINUTES * 60) as free:
        assert free
        return asyncio.run(make_base_image(Engine(engine), EXAMPLE / "requirements.txt"))
