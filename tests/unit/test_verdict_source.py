"""What a revision's file, and the settings around it, tell by themselves."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.adapters.shadow.surroundings import Names, location, names, variables
from pipeline.verdicts.source import heads, ids, read_downgrade, substance, upgrade_calls, written_sql

UP = """
def upgrade():
    op.create_table("a", sa.Column("id", sa.Integer))
    op.create_index("i", "a", ["id"])
    op.add_column("b", sa.Column("c", sa.Text))
"""


@pytest.mark.parametrize(
    ("down", "code"),
    [
        ('def downgrade():\n    op.drop_column("b", "c")\n    op.drop_table("a")', None),
        ('def downgrade():\n    op.drop_table("a")', "downgrade_partial"),
        ('def downgrade():\n    for n in N:\n        op.drop_column("b", n)\n    op.drop_table("a")', None),
        ('def downgrade():\n    op.execute("DROP TABLE a")', None),
        ("def downgrade():\n    pass", "downgrade_empty"),
        ("def downgrade():\n    raise NotImplementedError", "downgrade_raises"),
        ("", "downgrade_missing"),
        ("from shared import downgrade", None),
        ("def downgrade(:", "downgrade_unreadable"),
    ],
)
def test_a_downgrade_is_read(down: str, code: str | None) -> None:
    found = read_downgrade(f"{UP}\n{down}")
    assert (found.code if found else None) == code


def test_a_partial_one_names_what_stays() -> None:
    found = read_downgrade(f"{UP}\ndef downgrade():\n    op.drop_table('a')")
    assert found is not None
    assert [one["thing"] for one in found.facts["left"]] == ["b.c"]


def test_calls_are_followed_into_functions_of_the_file() -> None:
    source = (
        'def upgrade():\n    helper()\ndef helper():\n    op.drop_column("a", column_name="b")\n    helper()'
    )
    assert [(call.name, call.arguments) for call in upgrade_calls(source)] == [("drop_column", ("a", "b"))]


def test_statements_that_a_condition_guards_are_found() -> None:
    source = (
        'def upgrade():\n    if x():\n        op.execute(f"DELETE FROM {T} WHERE a")\n    print("DELETED")\n'
    )
    assert written_sql(source) == ("DELETE FROM x WHERE a",)


def test_comments_and_layout_are_no_substance() -> None:
    one = '"""Doc."""\nrevision = "1"\ndef upgrade():\n    "doc"\n    op.execute("x")  # why\n'
    assert substance(one) == substance('revision = "1"\n\ndef upgrade():\n    op.execute(\n        "x")\n')
    assert substance(one) != substance(one.replace('"x"', '"y"'))


def test_heads_of_files() -> None:
    files = ['revision = "1"\ndown_revision = None', 'revision: str = "2"\ndown_revision: str = "1"',
             'revision = "3"\ndown_revision = "1"', "x = 1", "def ("]  # fmt: skip
    assert heads(files) == ("2", "3")
    assert heads([*files, 'revision = "4"\ndown_revision = ("2", "3")']) == ("4",)
    assert ids("revision = make()") is None


@given(st.text())
def test_any_source_is_read(source: str) -> None:
    read_downgrade(source)
    upgrade_calls(source)
    substance(source)
    written_sql(source)


def test_where_the_scripts_are(tmp_path: Path) -> None:
    ini = tmp_path / "alembic.ini"
    ini.write_text("[alembic]\nscript_location = %(here)s/db\n")
    assert location(ini, tmp_path / "elsewhere") == tmp_path / "db"
    ini.write_text("[alembic]\nscript_location: db\n")
    assert location(ini, tmp_path / "elsewhere") == tmp_path / "elsewhere" / "db"
    toml = tmp_path / "pyproject.toml"
    toml.write_text('[tool.alembic]\nscript_location = "%(here)s/db"\n')
    assert location(toml, tmp_path) == tmp_path / "db"
    assert location(tmp_path, tmp_path) == tmp_path


def test_settings_are_found_and_filled(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "settings.py").write_text(
        "class Settings(BaseSettings):\n"
        "    model_config = SettingsConfigDict(env_prefix='APP_')\n"
        "    db_dsn: PostgresDsn\n    workers: int\n    debug: bool = False\n"
        "    key: str = Field(..., alias='SIGNING_KEY')\n"
    )
    env = tmp_path / "env.py"
    env.write_text(
        "import os\nfrom app.settings import Settings\nos.environ['DB_HOST']; os.getenv('REGION')\n"
    )
    found = names(env, (tmp_path,))
    assert set(found.required) == {"APP_DB_DSN", "APP_WORKERS", "SIGNING_KEY", "DB_HOST"}
    parts = {"host": "h", "port": "1", "user": "u", "password": "p", "name": "n"}
    values = variables(found, "postgresql://x", parts, {"SIGNING_KEY": "given"})
    assert values["APP_DB_DSN"] == "postgresql://x"
    assert (values["APP_WORKERS"], values["DB_HOST"]) == ("1", "h")
    assert not {"SIGNING_KEY", "REGION", "APP_DEBUG"} & set(values)


def test_an_env_py_that_is_not_there_mentions_nothing(tmp_path: Path) -> None:
    assert names(tmp_path / "env.py", ()) == Names()
