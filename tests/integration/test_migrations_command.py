"""`releasebot migrations`: real projects, real Alembic, a real PostgreSQL server."""

import json
import os
import subprocess
import textwrap
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from bot.cli import main
from bot.migration_files import Place, find
from tests.catalogue import ENV, INI, revision
from tests.postgres import Server

pytestmark = pytest.mark.postgres

FIRST = 'op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))'
ADD = 'op.add_column("users", sa.Column("phone", sa.Text))'
UNDO = 'op.drop_column("users", "phone")'


class Project:
    """A product with migrations, and the command on it."""

    def __init__(self, folder: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.url, self._capsys = folder, url, capsys
        self.versions = folder / "migrations" / "versions"
        self.versions.mkdir(parents=True)
        (folder / "alembic.ini").write_text(INI)
        self.env(ENV)
        self.add("one", None, FIRST, 'op.drop_table("users")')

    def env(self, text: str) -> None:
        (self.folder / "migrations" / "env.py").write_text(textwrap.dedent(text))

    def add(self, name: str, below: Any, up: str, down: str | None = "pass", head: str = "") -> None:
        (self.versions / f"{name}.py").write_text(revision(name, below, up, down, head), encoding="utf-8")

    def run(self, *arguments: str, url: bool = True, folder: Path | None = None) -> tuple[int, str, str]:
        """The exit code, what was printed, and what was complained."""
        given = ["--url", self.url] if url else []
        with pytest.raises(SystemExit) as ended:
            main(["migrations", str(folder or self.folder), *given, *arguments])
        said = self._capsys.readouterr()
        return int(str(ended.value.code)), said.out, said.err

    def judged(self, *arguments: str, **others: Any) -> dict[str, list[str]]:
        """The labels by revision."""
        code, out, err = self.run("--json", *arguments, **others)
        found = json.loads(out) if out else pytest.fail(err)
        assert code == int(any(one["labels"] != ["safe"] for one in found))
        assert all({"revision", "labels", "reasons", "evidence"} == set(one) for one in found)
        return {one["revision"]: one["labels"] for one in found}

    def git(self, *arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *arguments],
            cwd=self.folder,
            check=True,
            capture_output=True,
        )


@pytest.fixture
def project(tmp_path: Path, postgres: Server, capsys: pytest.CaptureFixture[str]) -> Project:
    return Project(tmp_path / "shop", postgres.url("postgres"), capsys)


def databases(server: Server) -> list[str]:
    listed = subprocess.run(
        [
            "psql",
            "-h",
            str(server.folder),
            "-U",
            "bot",
            "-Atc",
            "SELECT datname FROM pg_database",
            "postgres",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split() if "scratch" in name]


def test_what_is_asked_is_answered_as_json_and_for_people(project: Project, postgres: Server) -> None:
    project.add("two", "one", ADD, UNDO)
    project.add(
        "three",
        "two",
        'op.drop_column("users", "name")',
        'op.add_column("users", sa.Column("name", sa.Text))',
    )
    code, out, _ = project.run("--from", "two", "--json")
    (found,) = json.loads(out)
    assert code == 1
    assert found["labels"] == ["breaks-old-version", "destructive", "irreversible"]
    assert "The data in the column users.name is lost." in found["reasons"]
    assert found["evidence"]["statements"][0]["sql"] == "ALTER TABLE users DROP COLUMN name"
    assert "AccessExclusiveLock on users" in found["evidence"]["statements"][0]["locks"]
    code, out, _ = project.run("--from", "two")
    assert code == 1
    assert "three  breaks-old-version, destructive, irreversible" in out
    assert "Expand, then contract" in " ".join(out.split())
    code, out, _ = project.run("--from", "one", "--to", "two")
    assert (code, "All are safe." in out) == (0, True)
    assert databases(postgres) == [], "what was made on the operator's server is gone"


def test_everything_is_judged_where_nothing_is_known_to_be_deployed(project: Project) -> None:
    project.add("two", "one", ADD, "pass")
    assert project.judged() == {"one": ["safe"], "two": ["irreversible"]}
    code, out, _ = project.run("--from", "two")
    assert (code, "There is nothing to judge." in out) == (0, True)


def test_what_the_newest_release_had_is_deployed(project: Project) -> None:
    project.git("init", "-q")
    project.git("add", ".")
    project.git("commit", "-qm", "first")
    project.git("tag", "v0.1.0")
    project.add("two", "one", ADD, UNDO)
    assert project.judged() == {"two": ["safe"]}
    code, out, _ = project.run()
    assert (code, "one (the heads at v0.1.0)" in out) == (0, True)


def test_a_revision_that_was_edited_after_its_release_is_told(project: Project) -> None:
    project.git("init", "-q")
    project.git("add", ".")
    project.git("commit", "-qm", "first")
    project.git("tag", "v0.1.0")
    path = project.versions / "one.py"
    path.write_text("# a comment changes nothing\n" + path.read_text())
    assert project.judged() == {}
    path.write_text(path.read_text().replace("sa.Text", "sa.String(9)"))
    code, out, _ = project.run("--json")
    (found,) = json.loads(out)
    assert (code, found["revision"], found["labels"]) == (1, "one", ["unknown"])
    assert "one.py was changed after it was released" in found["reasons"][0]


def test_branches_and_merges(project: Project) -> None:
    project.add("left", "one", ADD, UNDO)
    project.add("right", "one", 'op.create_table("t", sa.Column("id", sa.Integer))', 'op.drop_table("t")')
    code, out, _ = project.run("--from", "one")
    assert (code, "There are several heads (left and right)" in " ".join(out.split())) == (0, True)
    project.add("merged", ("left", "right"), "pass", "pass")
    assert project.judged("--from", "one") == {"left": ["safe"], "right": ["safe"], "merged": ["safe"]}
    assert project.judged("--from", "left", "--from", "right") == {"merged": ["safe"]}


def test_a_branch_that_fails_leaves_the_others_judged(project: Project) -> None:
    project.add("left", "one", 'op.drop_column("users", "nothing")', UNDO)
    project.add("lefter", "left", ADD, UNDO)
    project.add("right", "one", ADD, UNDO)
    found = project.judged("--from", "one")
    assert (found["left"], found["lefter"], found["right"]) == (
        ["fails-to-apply", "breaks-old-version", "destructive", "irreversible"],
        ["unknown"],
        ["safe"],
    )


SETTINGS = """
    from pydantic_settings import BaseSettings, SettingsConfigDict
    from pydantic import AnyUrl, PostgresDsn, SecretStr

    class Settings(BaseSettings):
        model_config = SettingsConfigDict(env_prefix="SHOP_")
        db_url: PostgresDsn
        secret_key: SecretStr
        workers: int
        broker: AnyUrl
        debug: bool = False
    settings = Settings()
"""
ONLINE = """
    with engine.connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""


@pytest.mark.parametrize(
    "env",
    [
        'engine = sa.create_engine(context.config.get_main_option("sqlalchemy.url"))',
        'engine = sa.create_engine(context.get_x_argument(as_dictionary=True)["db_address"])',
        'engine = sa.create_engine(os.environ["SHOP_DB_URL"].replace("postgres://", "postgresql://"))',
        "engine = sa.create_engine(f\"postgresql://{os.environ['DB_USER']}@{os.environ['DB_HOST']}/x\")",
        'os.environ["SECRET_KEY"]; engine = sa.create_engine(os.getenv("SQLALCHEMY_DATABASE_URI"))',
        "from settings import settings; engine = sa.create_engine(str(settings.db_url))",
        'engine = sa.create_engine("postgresql+psycopg2://nobody:nothing@db.example:5432/production")',
    ],
    ids=["option", "x", "variable", "parts", "secret", "pydantic", "written-down"],
)
def test_an_env_py_finds_the_scratch_database_wherever_it_looks(project: Project, env: str) -> None:
    (project.folder / "settings.py").write_text(textwrap.dedent(SETTINGS))
    project.env(
        f"import os\nimport sqlalchemy as sa\nfrom alembic import context\n{env}\n{textwrap.dedent(ONLINE)}"
    )
    project.add("two", "one", ADD, UNDO)
    assert project.judged("--from", "one") == {"two": ["safe"]}, project.run("--from", "one")


def test_an_asynchronous_env_py(project: Project) -> None:
    project.env("""\
        import asyncio, os
        from alembic import context
        from sqlalchemy.ext.asyncio import create_async_engine

        def run(connection):
            context.configure(connection=connection)
            with context.begin_transaction():
                context.run_migrations()

        async def main():
            engine = create_async_engine("postgresql+asyncpg://" + os.environ["DATABASE_URL"].split("://")[1])
            async with engine.connect() as connection:
                await connection.run_sync(run)
            await engine.dispose()

        asyncio.run(main())
        """)
    project.add("two", "one", 'op.create_index("i", "users", ["name"])', 'op.drop_index("i")')
    assert project.judged("--from", "one") == {"two": ["needs-window"]}


def test_an_env_py_that_raises_is_told_and_done_without(project: Project) -> None:
    project.env('raise RuntimeError("the vault is sealed")\n')
    project.add("two", "one", 'op.drop_table("users")', "pass")
    _, out, _ = project.run("--from", "one", "--json")
    (found,) = json.loads(out)
    assert set(found["labels"]) == {"breaks-old-version", "destructive", "irreversible", "unknown"}
    assert any("RuntimeError: the vault is sealed" in one for one in found["reasons"])


def test_an_env_py_that_does_not_commit_is_told(project: Project) -> None:
    project.env(
        ENV.replace("    with context.begin_transaction():\n        context", "    if True:\n        context")
    )
    project.add("two", "one", ADD, UNDO)
    _, out, _ = project.run("--json")
    found = json.loads(out)
    assert found[0]["labels"] == ["fails-to-apply"]
    assert found[0]["reasons"] == ["It runs, and nothing of it is kept: env.py does not commit."]
    assert found[1]["labels"] == ["unknown"]


def test_another_database_is_never_touched(project: Project, tmp_path: Path) -> None:
    """env.py wants SQLite, whatever it is given: it gets none, and its file stays as it is."""
    project.env(ENV.replace('os.environ["DATABASE_URL"]', f'"sqlite:///{tmp_path}/real.db"'))
    project.add("two", "one", ADD, UNDO)
    code, out, _ = project.run("--from", "one", "--json")
    (found,) = json.loads(out)
    assert (code, found["labels"]) == (1, ["unknown"])
    assert "It is for sqlite" in found["reasons"][0]
    assert not (tmp_path / "real.db").exists()


def test_what_a_migration_does_besides_is_ended_and_does_no_harm(project: Project) -> None:
    project.add(
        "two",
        "one",
        f"""
import subprocess
print("ä" * 3_000_000)
subprocess.Popen(["sleep", "4711"])
subprocess.Popen(["sleep", "4711"], start_new_session=True)
{ADD}
""",
        UNDO,
    )
    assert project.judged("--from", "one") == {"two": ["safe"]}
    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "4711"]]


def test_a_migration_that_sleeps_is_stopped(project: Project) -> None:
    project.add("two", "one", "import time; time.sleep(60)", UNDO)
    code, out, _ = project.run("--from", "one", "--json", "--timeout", "3")
    (found,) = json.loads(out)
    assert (code, found["labels"]) == (1, ["unknown"])
    assert "It did not end: it took longer than 3 seconds." in found["reasons"]


def test_a_migration_that_ends_the_process(project: Project) -> None:
    project.add("two", "one", "import os; print('bye'); os._exit(0)", UNDO)
    project.add("three", "two", ADD, UNDO)
    assert project.judged("--from", "one") == {"two": ["fails-to-apply"], "three": ["unknown"]}


def test_a_file_that_is_no_python(project: Project) -> None:
    (project.versions / "two.py").write_text(
        "revision = 'two'\ndown_revision = 'one'\ndef upgrade(:\n    pass\n"
    )
    code, out, _ = project.run("--json")
    (found,) = json.loads(out)
    assert (code, found["revision"], found["labels"]) == (1, "two", ["fails-to-apply"])


def test_the_folder_of_the_scripts_or_one_above_will_do(project: Project, tmp_path: Path) -> None:
    project.add("two", "one", ADD, UNDO)
    ini = Place(project.folder / "alembic.ini", project.folder)
    for folder in (project.folder / "migrations", project.versions, tmp_path, project.folder / "alembic.ini"):
        assert find(folder) == ini
    (project.folder / "alembic.ini").unlink()
    assert project.judged("--from", "one", folder=project.folder / "migrations") == {"two": ["safe"]}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from", "nine"], "Can't locate revision identified by 'nine'"),
        (["--url", "sqlite:///x.db"], "this is an address of sqlite"),
        (["--url", "nonsense"], "is no URL such as postgresql://"),
        (["--url", "postgresql://nobody@127.0.0.1:9/x"], "does not let us in"),
        (["--python", "/nowhere/python"], "/nowhere/python could not be started"),
    ],
)
def test_wrong_use_is_said_with_code_2(project: Project, arguments: list[str], says: str) -> None:
    url = "--url" not in arguments
    code, out, err = project.run(*arguments, url=url)
    assert (code, out) == (2, "")
    assert says in err
    assert "Next: " in err


def test_a_folder_without_migrations_is_said(project: Project, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, _, err = project.run(folder=tmp_path / "empty")
    assert code == 2
    assert "should have one alembic.ini" in err
    code, _, err = project.run(folder=tmp_path / "nowhere")
    assert (code, "There is no folder" in err) == (2, True)


def _is_left(process: psutil.Process) -> bool:
    """A server whose keeper has gone: those of other tests have one."""
    return "releasebot-shadow-" in str(process.info["environ"]) and process.info["ppid"] == 1


def test_a_server_of_its_own(project: Project) -> None:
    project.add("two", "one", ADD, UNDO)
    assert project.judged("--from", "one", url=False) == {"two": ["safe"]}
    until = time.monotonic() + 10
    while left := [process for process in psutil.process_iter(["environ", "ppid"]) if _is_left(process)]:
        assert time.monotonic() < until, left
        time.sleep(0.05)


def test_a_product_on_sqlite_gets_what_its_words_tell(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "DATABASE_URL", "sqlite:///nowhere.db")
    project.add("two", "one", ADD, UNDO)
    project.add("three", "two", 'op.drop_table("users")', "pass")
    batch = 'with op.batch_alter_table("users") as batch:\n    batch.drop_column("phone")'
    project.add("four", "two", batch, UNDO)
    found = project.judged("--from", "one", url=False)
    assert found["two"] == ["safe"]
    assert found["three"] == ["breaks-old-version", "destructive", "irreversible"]
    assert set(found["four"]) >= {"breaks-old-version", "destructive"}
