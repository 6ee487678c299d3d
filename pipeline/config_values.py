"""How single values are written in both configuration files: durations, sizes, commands, names, paths.

Durations are written as "90s", "30m", "2h" or as seconds; sizes as "512m", "2g" or as bytes.
"""

import re
import shlex
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"k": 2**10, "m": 2**20, "g": 2**30}


def _duration(value: object) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return timedelta(seconds=value)
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", value) if isinstance(value, str) else None
    if not found:
        raise ValueError('should be a duration such as "90s", "30m" or "2h"')
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def _size(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = re.fullmatch(r"\s*(\d{1,9})\s*([kmg])\s*", value) if isinstance(value, str) else None
    if not found:
        raise ValueError('should be a size such as "512m" or "2g", or a number of bytes')
    return int(found[1]) * _SIZES[found[2]]


def _argv(value: object) -> object:
    return tuple(shlex.split(value)) if isinstance(value, str) else value


def _inside_checkout(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or "\0" in value or not path.parts:
        raise ValueError("should be a path inside the repository, relative to its root")
    return value


def _inside_container(value: str) -> str:
    path = PurePosixPath(value)
    wrong = ".." in path.parts or re.search(r"[:,\0\n]", value) or len(path.parts) < 2
    if not path.is_absolute() or wrong or value != str(path) or value.startswith("//"):
        raise ValueError('should be an absolute path of a folder in the container, such as "/var/lib/shop"')
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(ge=timedelta(0))]
Days = Annotated[Duration, Field(ge=timedelta(days=1))]
Size = Annotated[
    int,
    BeforeValidator(_size),
    Field(ge=6 * 2**20, le=2**50),  # less than 6 MiB no engine takes
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": r"^\s*\d{1,9}\s*[kmg]\s*$"}, {"type": "integer"}]}
    ),
]
Argv = Annotated[tuple[str, ...], BeforeValidator(_argv), Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
EnvName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
ArgName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
UserOrGroup = Annotated[str, Field(pattern=r"^[UWS][A-Z0-9]{2,}$")]
FlagKey = Annotated[str, Field(min_length=1, max_length=256)]
CheckoutPath = Annotated[str, AfterValidator(_inside_checkout)]
ContainerPath = Annotated[str, AfterValidator(_inside_container)]
ImageName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._:/@-]{0,254}$")]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
