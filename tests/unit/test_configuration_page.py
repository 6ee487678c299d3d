"""docs/configuration.md names every key and every variable; what it shows as an example is valid."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from bot.settings import Settings
from pipeline import config
from pipeline.evals import Record

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
MODELS = [
    model
    for model in vars(config).values()
    if isinstance(model, type) and issubclass(model, config.Model) and model is not config.Model
]


def named(names: Iterator[str] | list[str]) -> list[str]:
    """Those that the page does not name: as a key, in a heading of a table, or inside an address such as `a.b`."""
    return [name for name in names if not re.search(rf"[`.\[]{name}[`\].]", PAGE)]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_is_there(model: type[BaseModel]) -> None:
    keys = [field.alias or name for name, field in model.model_fields.items()]
    assert named([key for key in keys if key not in ("products", "environments")]) == []


def test_every_variable_is_there() -> None:
    assert named([name.upper() for name in Settings.model_fields]) == []


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_of_the_operators_file_is_valid() -> None:
    shop = config.parse(config.BotFile, examples("toml")[0], "the example").products["shop"]
    assert shop.environments.production.first_port == 19000


def test_the_example_of_a_record_is_valid() -> None:
    assert Record.model_validate_json(examples("json")[0]).cases[0].critical
