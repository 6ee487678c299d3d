"""The product's migrations: real Alembic on real SQLite files, with a noisy env.py."""

import sqlite3
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.adapters.alembic_files import AlembicDatabase
from pipeline.adapters.commands import LocalRunner
from pipeline.errors import DatabaseError
from pipeline.ports import MigrationJob, Revision

ENV = """\
import os
import sqlalchemy as sa
from alembic import context

print("noise", '["not", "an", "answer"]')
engine = sa.create_engine(os.environ["DATABASE_URL"], poolclass=sa.pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
print("more noise")
"""
REVISION = '''\
"""{title}"""
import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {down!r}


def upgrade():
    op.create_table({table!r}, sa.Column("id", sa.Integer, primary_key=True))


def downgrade():
    {downgrade}
'''


class Product:
    """A checkout with migrations, and its database."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.file = folder / "checkout", folder / "hub.db"
        self.scripts = self.checkout / "alembic"  # a common name, which hides the library from -m
        (self.scripts / "versions").mkdir(parents=True)
        (self.scripts / "__init__.py").touch()
        (self.scripts / "env.py").write_text(ENV)
        (self.checkout / "alembic.ini").write_text(
            "[alembic]\nscript_location = %(here)s/alembic\npath_separator = os\n"
        )
        self.job = MigrationJob(
            checkout=self.checkout,
            config="alembic.ini",
            env={"DATABASE_URL": f"sqlite:///{self.file}", "PYTHONDONTWRITEBYTECODE": "1"},
            log=folder / "logs" / "migrations.log",
            timeout=30.0,
        )

    def revision(self, name: str, down: object, *, title: str = "", downgrade: str = "") -> None:
        text = REVISION.format(
            title=title or f"Make {name}",
            revision=name,
            down=down,
            table=f"t_{name}",
            downgrade=downgrade or f"op.drop_table('t_{name}')",
        )
        (self.scripts / "versions" / f"{name}.py").write_text(text)

    def tables(self) -> set[str]:
        with closing(sqlite3.connect(self.file)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {name for (name,) in rows}


@pytest.fixture
def product(tmp_path: Path) -> Product:
    made = Product(tmp_path)
    made.revision("one", None)
    made.revision("two", "one", title="Second: tàble \u202e")
    return made


@pytest.fixture
def database() -> AlembicDatabase:
    return AlembicDatabase(LocalRunner(lambda text: text))


async def test_up_and_down(product: Product, database: AlembicDatabase) -> None:
    job = product.job
    assert await database.heads(job) == ("two",)
    assert await database.current(job) == ()
    assert product.tables() == set(), "looking writes nothing"
    await database.upgrade(job)
    await database.upgrade(job)
    assert product.tables() == {"alembic_version", "t_one", "t_two"}
    await database.downgrade(job, "one")
    assert product.tables() == {"alembic_version", "t_one"}
    assert await database.pending(job) == (Revision("two", "Second: tàble", True, ""),)


async def test_branches_have_several_heads_and_every_downgrade_is_judged(
    product: Product, database: AlembicDatabase
) -> None:
    product.revision("left", "two")
    product.revision("right", "two", downgrade="pass")
    pending = await database.pending(product.job)
    assert [revision.revision for revision in pending][:2] == ["one", "two"]
    assert set(pending[2:]) == {
        Revision("left", "Make left", True, ""),
        Revision("right", "Make right", False, "its downgrade() does nothing"),
    }
    await database.upgrade(product.job)
    assert await database.current(product.job) == ("left", "right")
    product.revision("merged", ("left", "right"), downgrade="raise NotImplementedError")
    (merged,) = await database.pending(product.job)
    assert (merged.reversible, merged.why) == (False, "its downgrade() raises NotImplementedError on line 14")


async def test_a_database_ahead_of_the_files_is_refused(product: Product, database: AlembicDatabase) -> None:
    with closing(sqlite3.connect(product.file)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('three')")
    with pytest.raises(
        DatabaseError, match=r"'three'\. Next: the database stands at a revision that this commit"
    ):
        await database.pending(product.job)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "op.execute('SELECT * FROM nowhere')",
            r"upgrade failed: OperationalError: .*no such table: nowhere\. Next",
        ),
        (
            "import no_such_library",
            r"No module named 'no_such_library'\. Next: install what the migrations import",
        ),
        ("raise SystemExit('stopped by hand')", r"upgrade failed: stopped by hand\. Next: read"),
        ("import os; os._exit(0)", r"upgrade gave no answer: .* Next: look whether the product's env\.py"),
    ],
)
async def test_a_migration_that_fails_says_why(
    product: Product, database: AlembicDatabase, line: str, says: str
) -> None:
    path = product.scripts / "versions" / "two.py"
    path.write_text(path.read_text().replace("    op.create_table", f"    {line}\n    op.create_table"))
    with pytest.raises(DatabaseError, match=says):
        await database.upgrade(product.job)


async def test_a_time_limit_is_said(product: Product, database: AlembicDatabase) -> None:
    (product.scripts / "env.py").write_text("import time\ntime.sleep(30)\n")
    job = MigrationJob(product.checkout, "alembic.ini", product.job.env, product.job.log, timeout=1.5)
    with pytest.raises(DatabaseError, match=r"current took longer than 1\.5 seconds"):
        await database.current(job)


async def test_a_checkout_without_migrations_is_said(product: Product, database: AlembicDatabase) -> None:
    (product.checkout / "alembic.ini").unlink()
    with pytest.raises(DatabaseError, match=r"there is no alembic\.ini in the checkout"):
        await database.heads(product.job)


async def test_a_python_that_is_not_there_is_said(product: Product) -> None:
    database = AlembicDatabase(LocalRunner(lambda text: text), python=str(product.checkout / "nope"))
    with pytest.raises(DatabaseError, match=r"The database was not asked for heads: .*Next: "):
        await database.heads(product.job)


async def test_a_configuration_in_pyproject_is_read(product: Product, database: AlembicDatabase) -> None:
    (product.checkout / "pyproject.toml").write_text(
        textwrap.dedent("""\
            [tool.alembic]
            script_location = "%(here)s/alembic"
            """)
    )
    job = MigrationJob(product.checkout, "pyproject.toml", product.job.env, product.job.log, 30.0)
    assert await database.heads(job) == ("two",)
