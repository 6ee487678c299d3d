"""The bot's own schema: its head is known without Alembic, and an upgrade that is not needed is none."""

from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import text

from pipeline.store import Database, alembic_config, newest_revision


def test_the_newest_file_is_alembics_head() -> None:
    assert ScriptDirectory.from_config(alembic_config("")).get_heads() == [newest_revision()]


async def test_a_new_database_is_brought_to_the_head_and_stays_there(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/bot.db")
    for _ in range(2):
        await db.migrate()
        async with db.reading() as session:
            stands = await session.scalar(text("SELECT version_num FROM alembic_version"))
        assert stands == newest_revision()
    await db.close()
