"""Reading a TOML file as a model: a mistake names the file, the key, what was found and what would be right."""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pipeline.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


def parse(model: type[M], text: str, origin: str) -> M:
    """Read TOML `text` as `model`. Raises ConfigError: `origin`, key, what was found, what is right."""
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin} is not valid TOML: {error}.") from error
    except ValidationError as error:
        lines = [_sentence(dict(e)) for e in error.errors(include_url=False)]
        raise ConfigError(f"{origin} has {len(lines)} mistake(s):\n" + "\n".join(lines)) from error


def load(model: type[M], path: Path) -> M:
    """Read a TOML file as `model`. Raises ConfigError, also when the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} could not be read: {error}. Write one with `releasebot init`.") from error
    return parse(model, text, str(path))


def _sentence(error: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "the file"
    kind, message = error["type"], str(error["msg"]).removeprefix("Value error, ")
    if kind == "missing":
        return f"  {key}: is missing; it is required."
    if kind == "extra_forbidden":
        return f"  {key}: is not a known key; look for a typing mistake."
    found = repr(error["input"])
    return f"  {key}: found {found[:80]}; {message[0].lower()}{message[1:]}."
