"""The JSON Schemas of both configuration files, for editors: `python -m bot.schema FOLDER` writes them."""

import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from pipeline.config import BotFile, Playbook
from pipeline.files import write_atomic

FILES: Mapping[str, type[BaseModel]] = {"playbook.schema.json": Playbook, "bot.schema.json": BotFile}


class _AsWritten(GenerateJsonSchema):
    """Durations and commands as people write them, not as they are after reading."""

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        written = {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[smhd]\s*$"}
        return {"anyOf": [written, {"type": "number", "minimum": 0}], "examples": ["90s", "30m", "2h"]}

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        if inner.get("type") != "array":
            return inner
        return {"anyOf": [{"type": "string", "minLength": 1}, {**inner, "minItems": 1}]}

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, BaseModel):
            return {name: self.encode_default(value) for name, value in dft}
        return f"{dft.total_seconds():g}s" if isinstance(dft, timedelta) else super().encode_default(dft)


def texts() -> dict[str, str]:
    """The schema of each file, as text that is the same every time."""
    return {name: _text(model) for name, model in FILES.items()}


def _text(model: type[BaseModel]) -> str:
    schema = {"$schema": _AsWritten.schema_dialect, **model.model_json_schema(schema_generator=_AsWritten)}
    return json.dumps(_standard(schema), indent=2, ensure_ascii=False) + "\n"


def _standard(part: Any) -> Any:
    """Without pydantic's bounds of durations (`ge`, `gt`), which are no words of JSON Schema."""
    if isinstance(part, list):
        return [_standard(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {key: _standard(value) for key, value in part.items() if key not in {"ge", "gt"}}


def write(folder: Path) -> list[Path]:
    """Write the schemas into a folder; the files written."""
    for name, text in texts().items():
        write_atomic(folder / name, text, mode=0o644)
    return [folder / name for name in FILES]


if __name__ == "__main__":
    write(Path(sys.argv[1]))
