"""What the tests of several bots share."""

import pytest

from tests.postgres import Server


@pytest.fixture
def shared(postgres: Server, migrated: str) -> str:
    """The address of a PostgreSQL database of one's own, with the bot's tables."""
    return postgres.create(migrated)
