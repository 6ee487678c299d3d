"""A migrated database per test, made by the migrations themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Engine

from core_hub.database import connect

ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty database, also in the environment of the migrations."""
    address = f"sqlite:///{tmp_path / 'core-hub.db'}"
    monkeypatch.setenv("DATABASE_URL", address)
    return address


@pytest.fixture
def alembic(url: str) -> Config:
    """The configuration that `alembic` reads, on this test's database."""
    return Config(ROOT / "alembic.ini")


@pytest.fixture
def engine(url: str, alembic: Config) -> Iterator[Engine]:
    """An engine on the migrated database."""
    command.upgrade(alembic, "head")
    engine = connect(url)
    yield engine
    engine.dispose()
