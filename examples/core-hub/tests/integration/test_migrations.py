"""Every migration goes up, down and up again, and leads to the tables that the code expects."""

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from core_hub.database import connect


def tables(url: str) -> set[str]:
    engine = connect(url)
    try:
        return set(sa.inspect(engine).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def test_up_down_up(url: str, alembic: Config) -> None:
    command.upgrade(alembic, "head")
    assert tables(url) == {"charges", "jobs"}
    command.downgrade(alembic, "base")
    assert tables(url) == set()
    command.upgrade(alembic, "head")
    command.upgrade(alembic, "head")
    assert tables(url) == {"charges", "jobs"}


def test_the_migrations_lead_to_the_tables_of_the_code(url: str, alembic: Config) -> None:
    command.upgrade(alembic, "head")
    command.check(alembic)


def test_a_missing_url_is_explained(
    alembic: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(SystemExit, match="2"):
        command.upgrade(alembic, "head")
    assert "DATABASE_URL is not set" in capsys.readouterr().err
