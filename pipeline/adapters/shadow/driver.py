"""Runs in the product's checkout, by the product's Python: one revision at a time, on a scratch database, recorded.

A program, not imported by the bot: `python driver.py CONFIG READING WRITING`. One JSON request a line comes in at the
file descriptor READING, one JSON answer a line goes out at WRITING: env.py and the migrations may print whatever they
like. Needs Alembic and the standard library alone.

Wherever env.py wants to connect to, it is led to the scratch database; what is not that database is refused.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recording import MOST_TEXT, Recorder  # type: ignore[import-not-found]  # beside this file, which is run

# Alembic comes first, the checkout second: a product's own folder is often called "alembic".
if __name__ == "__main__":
    sys.path.pop(0)

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import Script, ScriptDirectory
from sqlalchemy import event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import NullPool, Pool

DRIVERS = ("psycopg", "psycopg2", "asyncpg", "pg8000")
PLACE = (
    "host", "hostaddr", "port", "user", "password", "passfile", "dbname", "database", "dsn", "service", "sslmode",
    "sslrootcert", "sslcert", "sslkey", "ssl", "ssl_context", "unix_sock", "multihost", "target_session_attrs",
)  # fmt: skip


class Place:
    """The scratch database: the only one that is connected to. Without one nothing is."""

    def __init__(self) -> None:
        self.url = ""
        self.name = ""
        self.dialects: set[str] = set()

    def lead(self, dialect: Any, _record: Any, cargs: list[Any], cparams: dict[str, Any]) -> None:
        self.dialects.add(dialect.name)
        if not self.url or dialect.name != "postgresql":
            where = "the scratch database, which is PostgreSQL's" if self.url else "any"
            raise RuntimeError(f"env.py wants a database of the kind {dialect.name}, not {where}")
        for name in PLACE:
            cparams.pop(name, None)
        theirs, named = dialect.create_connect_args(make_url(self.url))
        cargs[:] = theirs
        cparams.update(named)

    def check(self, connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT current_database()")
        record.info["releasebot"] = cursor.fetchone()[0]
        cursor.close()
        connection.rollback()
        if record.info["releasebot"] != self.name:
            raise RuntimeError(
                "env.py connects to another database than the scratch database; nothing was run there"
            )

    def still(self, _connection: Any, record: Any, _proxy: Any) -> None:
        """A pool that outlives env.py may keep connections to the scratch database before."""
        if record.info.get("releasebot") != self.name:
            raise DisconnectionError("another scratch database")


recorder, place = Recorder(), Place()


def _config(path: str, url: str) -> Config:
    """Alembic's configuration with the URL by every usual way: the option, -x, and of every section that has one."""
    if Path(path).is_dir():
        config = Config()
        config.set_main_option("script_location", path.replace("%", "%%"))
    else:
        config = Config(toml_file=path) if path.endswith(".toml") else Config(path)
    escaped = url.replace("%", "%%")
    config.set_main_option("sqlalchemy.url", escaped)
    for section in config.file_config.sections():
        if config.file_config.has_option(section, "sqlalchemy.url"):
            config.set_section_option(section, "sqlalchemy.url", escaped)
    words = _asked_for(config)
    for name in words:
        if re.search("url|dsn|uri", name, re.IGNORECASE):
            config.set_main_option(name, escaped)
    usual = ("url", "db_url", "database_url", "db", "dsn", "sqlalchemy.url")
    given = [f"{name}={url}" for name in dict.fromkeys([*usual, *words])]
    config.cmd_opts = argparse.Namespace(
        x=given, config=path, name="alembic", raiseerr=False, sql=False, tag=None
    )
    return config


def _asked_for(config: Config) -> list[str]:
    """The names that env.py looks up among Alembic's options and -x arguments."""
    try:
        text = (Path(config.get_main_option("script_location") or "") / "env.py").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return []
    asks = "get_x_argument" in text or "get_main_option" in text
    found = re.findall(
        r"""(?:get|get_main_option|pop)\(\s*["']([\w.-]+)["']|\[["']([a-z][\w.-]*)["']\]""", text
    )
    return [one or other for one, other in found] if asks else []


class Runner:
    """One product's scripts, and the actions on them. `plain`: without env.py, on a connection of our own."""

    def __init__(self, path: str) -> None:
        self.path, self.url, self.plain = path, os.environ.get("DATABASE_URL", ""), False
        self.script = ScriptDirectory.from_config(_config(path, ""))

    def place(self, url: str, plain: bool = False) -> Any:
        """Where everything that follows connects to."""
        for name, value in os.environ.items():
            if (
                self.url and value == self.url
            ):  # what is started by a migration finds the scratch database, too
                os.environ[name] = url
        self.url, self.plain = url, plain
        os.environ["PGDATABASE"] = make_url(url).database or ""
        place.url, place.name = url, make_url(url).database or ""

    def look(self, lower: list[str], upper: list[str]) -> Any:
        """The revisions above `lower` up to `upper` (the heads), in the order of their upgrade."""
        below = tuple(self.script.get_revision(one).revision for one in lower) or "base"
        above = tuple(self.script.get_revision(one).revision for one in upper) or "heads"
        between = self.script.iterate_revisions(above, below, implicit_base=True)
        under = self.script.iterate_revisions(below, "base", implicit_base=True) if lower else ()
        return {
            "revisions": [_told(one) for one in reversed(list(between))],
            "deployed": [_told(one) for one in under],
            "heads": sorted(self.script.get_heads()),
            "location": self.script.dir,
        }

    def reach(self, revisions: list[str]) -> Any:
        """Bring the scratch database to these revisions."""
        for revision in revisions:
            if self.plain:
                self._run(lambda rev, _, to=revision: self.script._upgrade_revs(to, rev), revision)
            else:
                command.upgrade(_config(self.path, self.url), revision)

    def upgrade(self, revision: str) -> Any:
        return self._step(revision, MigrationStep.upgrade_from_script)

    def downgrade(self, revision: str) -> Any:
        return self._step(revision, MigrationStep.downgrade_from_script)

    def stands(self) -> Any:
        """The heads that the scratch database stands at, by its version table; and that table's name."""
        found: dict[str, Any] = {}

        def look(heads: Any, context: Any) -> list[Any]:
            found.update(
                heads=sorted(heads), table=context.version_table, schema=context.version_table_schema
            )
            return []

        self._run(look, "heads", dont_mutate=True)
        return found

    def render(self, revision: str, dialect: str) -> Any:
        """The SQL of one revision, without a database and without env.py."""
        written = io.StringIO()
        script = self.script.get_revision(revision)
        steps = [MigrationStep.upgrade_from_script(self.script.revision_map, script)]
        options = {"as_sql": True, "output_buffer": written, "fn": lambda *_: steps, "literal_binds": True}
        context = MigrationContext.configure(
            dialect_name=dialect, opts={**options, "starting_rev": script.down_revision}
        )
        with recorded(), Operations.context(context):
            context.run_migrations()
        return {"sql": written.getvalue()}

    def _step(self, revision: str, made: Callable[..., Any]) -> Any:
        def step(heads: Any, context: Any) -> list[Any]:
            recorder.begin(context.version_table)
            return [made(self.script.revision_map, self.script.get_revision(revision))]

        with recorded():
            self._run(step, revision)
        return {}

    def _run(self, work: Callable[..., Any], revision: str, **options: Any) -> None:
        if self.plain:
            engine = sqlalchemy.create_engine(self.url, poolclass=NullPool)
            with engine.connect() as connection:
                context = MigrationContext.configure(connection=connection, opts={**options, "fn": work})
                with context.begin_transaction(), Operations.context(context):
                    context.run_migrations()
            return
        config = _config(self.path, self.url)
        with EnvironmentContext(config, self.script, fn=work, destination_rev=revision, **options):
            self.script.run_env()


@contextmanager
def recorded() -> Iterator[None]:
    recorder.clear()
    try:
        yield
    finally:
        recorder.active = False


def _is_there(driver: str) -> bool:
    """Whether this Python has the driver, and its SQLAlchemy knows it."""
    places = (driver, f"sqlalchemy.dialects.postgresql.{driver}")
    return all(importlib.util.find_spec(place) for place in places)


def _told(one: Script) -> dict[str, Any]:
    return {
        "revision": one.revision,
        "title": one.doc or "",
        "path": one.path,
        "below": list(one._all_down_revisions),
    }


def _failure(error: BaseException) -> dict[str, Any]:
    cause = getattr(error, "orig", None) or error
    said = str(cause).strip() or str(error).strip()
    code = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    code = code or getattr(getattr(cause, "__cause__", None), "sqlstate", None)
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "kind": type(cause).__name__,
        "said": said[:MOST_TEXT],
        "sqlstate": code,
        "statement": recorder.failed,
        "migrating": recorder.active or bool(recorder.statements),
        "places": [[frame.filename, frame.lineno] for frame in frames[-40:]],
    }


def answer(runner: Runner, request: dict[str, Any]) -> dict[str, Any]:
    """Carry out one request. What a migration executed is told also when it fails."""
    said: dict[str, Any] = {"result": None, "error": None}
    try:
        said["result"] = getattr(runner, request["action"])(*request["arguments"])
    except BaseException as error:  # a migration that ends the process with SystemExit is a failure, too
        traceback.print_exc()
        said["error"] = _failure(error)
    return {
        **said,
        "statements": recorder.statements,
        "more": recorder.more,
        "dialects": sorted(place.dialects),
    }


def main(path: str, reading: str, writing: str) -> int:
    """Answer requests until there are no more."""
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - what `python -m alembic` does
    event.listen(Engine, "do_connect", place.lead)
    event.listen(Pool, "connect", place.check)
    event.listen(Pool, "checkout", place.still)
    event.listen(Engine, "before_cursor_execute", recorder.before)
    event.listen(Engine, "after_cursor_execute", recorder.after)
    event.listen(Engine, "handle_error", recorder.error)
    with os.fdopen(int(reading)) as requests, os.fdopen(int(writing), "w") as answers:
        try:
            runner = Runner(path)
            found: dict[str, Any] = {"drivers": [name for name in DRIVERS if _is_there(name)]}
        except BaseException as error:
            traceback.print_exc()
            found = {"error": _failure(error)}
        print(json.dumps(found), file=answers, flush=True)
        for line in requests:
            print(json.dumps(answer(runner, json.loads(line))), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
