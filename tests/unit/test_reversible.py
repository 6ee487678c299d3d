"""A downgrade that does nothing, or only raises, is no way back."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reversible import judge_downgrade

NOTHING = "its downgrade() does nothing"


def judge(body: str, rest: str = "") -> tuple[bool, str]:
    return judge_downgrade(f"def downgrade():\n{textwrap.indent(body, '    ')}\n{rest}")


@pytest.mark.parametrize(
    "body",
    [
        "op.drop_table('charges')",
        "op.execute('DROP VIEW x')",
        "with op.batch_alter_table('c') as batch:\n    batch.drop_column('x')",
        "for name in NAMES:\n    op.drop_index(name)",
        "bind = op.get_bind()\nif bind.dialect.name == 'sqlite':\n    pass\nelse:\n    op.drop_table('x')",
        "if rows():\n    raise RuntimeError('data would be lost')\nop.drop_table('x')",
        "try:\n    pass\nfinally:\n    op.drop_table('x')",
        "return op.drop_table('x')",
        "op.execute('\\d')",
        "globals()['downgrade_' + engine_name]()",
    ],
)
def test_a_downgrade_that_acts_is_a_way_back(body: str) -> None:
    assert judge(body) == (True, "")


@pytest.mark.parametrize(
    "body",
    [
        "pass",
        "...",
        "'''Cannot be undone.'''",
        "'''Doc.'''\npass\nreturn None",
        "print('nothing to do')",
        "log.info('nothing')",
        "bind = op.get_bind()\ninspector = sa.inspect(bind)",
        "with op.batch_alter_table('c') as batch:\n    pass",
        "return\nop.drop_table('x')",
        "if False:\n    op.drop_table('x')",
        "def inner():\n    op.drop_table('x')",
        "from alembic import op",
        "x = 1\nassert x",
    ],
)
def test_a_downgrade_that_does_nothing_is_none(body: str) -> None:
    assert judge(body) == (False, NOTHING)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise NotImplementedError", "its downgrade() raises NotImplementedError on line 2"),
        ("'''Doc.'''\nraise RuntimeError('no')", "its downgrade() raises RuntimeError on line 3"),
        ("op.drop_table('x')\nraise errors.Irreversible()", "its downgrade() raises Irreversible on line 3"),
    ],
)
def test_a_downgrade_that_raises_is_none(body: str, why: str) -> None:
    assert judge(body) == (False, why)


def test_functions_of_the_file_are_followed() -> None:
    assert judge("undo()", "def undo():\n    op.drop_table('x')") == (True, "")
    assert judge("undo()", "def undo():\n    undo()\n    downgrade()") == (False, NOTHING)


def test_the_last_definition_counts() -> None:
    assert judge("op.drop_table('x')", "def downgrade():\n    pass") == (False, NOTHING)


def test_files_without_a_downgrade_or_without_python() -> None:
    assert judge_downgrade("def upgrade(): pass") == (False, "it has no downgrade()")
    for source in ("def downgrade(:", "\0", "(" * 10_000):
        assert judge_downgrade(source) == (False, "its file cannot be read as Python")


@given(st.text())
def test_any_text_is_judged(source: str) -> None:
    assert judge_downgrade(source) in {
        (False, "it has no downgrade()"),
        (False, "its file cannot be read as Python"),
    }
