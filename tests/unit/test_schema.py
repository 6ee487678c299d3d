"""The published JSON Schemas are those of the models, in the form that people write."""

import json
from pathlib import Path

import pytest

from bot.schema import FILES, texts, write

PUBLISHED = Path(__file__).parents[2] / "docs" / "schema"


@pytest.mark.parametrize("name", FILES)
def test_the_published_schema_is_up_to_date(name: str) -> None:
    assert (PUBLISHED / name).read_text(encoding="utf-8") == texts()[name], (
        "run: python -m bot.schema docs/schema"
    )


def test_the_schemas_are_written(tmp_path: Path) -> None:
    assert [path.name for path in write(tmp_path)] == ["playbook.schema.json", "bot.schema.json"]
    assert json.loads((tmp_path / "bot.schema.json").read_text())["title"] == "BotFile"


def test_durations_and_commands_are_as_people_write_them() -> None:
    check = json.loads(texts()["playbook.schema.json"])["$defs"]["Check"]["properties"]
    assert check["timeout"]["default"] == "600s"
    assert [kind["type"] for kind in check["timeout"]["anyOf"]] == ["string", "number"]
    assert [kind["type"] for kind in check["run"]["anyOf"]] == ["string", "array"]


def test_no_word_is_foreign_to_json_schema() -> None:
    for text in texts().values():
        assert '"ge"' not in text
        assert '"PT' not in text
