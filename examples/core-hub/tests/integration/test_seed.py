"""The seed makes one charge, once."""

import sqlalchemy as sa
from sqlalchemy.engine import Engine

import seed
from core_hub.database import charges


def test_a_second_seed_changes_nothing(engine: Engine) -> None:
    assert [seed.main(), seed.main()] == [0, 0]
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(charges)).scalar() == 1
