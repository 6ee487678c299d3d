"""Every sentence is said in every language: the catalogues are complete, and their placeholders are right."""

import ast
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from handlers.text.language import CATALOGUES, LANGUAGES, listed, nearest, number, spoken_in, tr, trn

ROOT = Path(__file__).parents[2]
KEYWORDS = {"tr": None, "trn": (1, 2), "mark": None, "Stage": (2,)}
SOURCES = [*(ROOT / "handlers").rglob("*.py"), ROOT / "pipeline" / "playbook.py"]
OTHERS = [language for language in LANGUAGES if language != "en"]


def sentences() -> Catalog:
    """What stands in the code."""
    found = Catalog()
    for path in SOURCES:
        for _, message, comments, context in extract_from_file("python", path, KEYWORDS):
            found.add(message, auto_comments=comments, context=context)
    return found


def catalogue(language: str) -> Catalog:
    with (CATALOGUES / language / "LC_MESSAGES" / "releasebot.po").open("rb") as source:
        return read_po(source, locale=language)


def forms(message: Message) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A message's forms in the code and in the catalogue."""
    one = (message.id,) if isinstance(message.id, str) else tuple(message.id)
    other = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
    return one, other


def names(text: str) -> list[str]:
    return re.findall(r"\{(\w*)\}", text)


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_exactly_the_sentences_of_the_code(language: str) -> None:
    wanted, there = sentences(), catalogue(language)
    assert {m.id for m in wanted if m.id} - {m.id for m in there if m.id} == set(), "run `make messages`"
    assert {m.id for m in there if m.id} - {m.id for m in wanted if m.id} == set(), "run `make messages`"


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_translated_with_its_placeholders_and_marks(language: str) -> None:
    for message in catalogue(language):
        if not message.id:
            continue
        said, ours = forms(message)
        assert all(ours), f"not translated: {said[0]!r}"
        assert not message.fuzzy, said[0]
        for form in ours:
            assert set(names(said[0])) <= set(names(form)) <= set(names(said[-1])), said[0]
            assert form.count("\n") == said[0].count("\n"), said[0]
            assert form.count("`") == said[-1].count("`"), said[0]
            assert form.count("*") == said[-1].count("*"), said[0]


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_is_written_as_the_tool_writes_it(language: str) -> None:
    written = BytesIO()
    write_po(written, catalogue(language), width=0, sort_output=True, omit_header=True)
    path = CATALOGUES / language / "LC_MESSAGES" / "releasebot.po"
    assert path.read_bytes().strip() == written.getvalue().strip()


def said_in(path: Path) -> Iterator[ast.expr]:
    """What is handed to `tr`, `trn` and `mark` in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from node.args[: {"tr": 1, "mark": 1, "trn": 2}.get(node.func.id, 0)]


def test_what_is_said_is_found_by_the_tool() -> None:
    """A sentence put together while the bot runs is in no catalogue; nor is one within an f-string, for the tool
    does not look inside these before Python 3.12."""
    found = {one for message in sentences() if message.id for one in forms(message)[0]}
    for path in SOURCES:
        for said in said_in(path):
            assert not isinstance(said, ast.JoinedStr | ast.BinOp | ast.IfExp), ast.unparse(said)
            assert not isinstance(said, ast.Constant) or said.value in found, f"{path.name}: {said.value!r}"


@pytest.mark.parametrize(
    ("tag", "language"),
    [("pt-BR", "pt_BR"), ("pt-PT", "pt_BR"), ("en-GB", "en"), ("de-DE", "en"), ("", "en"), ("PT", "pt_BR")],
)
def test_the_nearest_language_is_spoken(tag: str, language: str) -> None:
    assert nearest(tag) == language


def test_a_language_holds_for_its_block_only() -> None:
    with spoken_in("pt-BR"):
        assert tr("failed") == "falhou"
        assert number(1234567.5) == "1.234.567,5"
        assert listed(["a", "b", "c"]) == "a, b e c"
        assert trn("{count} step passed", "{count} steps passed", 1) != trn(
            "{count} step passed", "{count} steps passed", 2
        )
    assert tr("failed") == "failed"
    assert number(1234567.5) == "1,234,567.5"
    assert listed(["a", "b"], alternatives=True) == "a or b"
