"""Flags from a file: read again when it changes, safe when it is damaged."""

import json
from pathlib import Path

import pytest

from core_hub.flags import SAFE, Flags, parse

ROOT = Path(__file__).parents[2]


def document(state: str = "ENABLED", variant: str = "on") -> str:
    flag = {"state": state, "variants": {"on": True, "off": False}, "defaultVariant": variant}
    return json.dumps({"flags": {"auto-approval": flag}})


def replace(file: Path, text: str) -> None:
    new = file.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(file)


def test_the_file_in_the_repository_is_safe() -> None:
    assert parse((ROOT / "flags.json").read_text(encoding="utf-8")) == SAFE


def test_a_change_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "flags.json"
    replace(file, document(variant="off"))
    flags = Flags(file)
    assert not flags.on("auto-approval")
    replace(file, document(variant="on"))
    assert flags.on("auto-approval")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"flags": {"auto-approval": 1}}', document(variant="no")])
def test_a_damaged_file_switches_nothing_on(tmp_path: Path, text: str) -> None:
    file = tmp_path / "flags.json"
    replace(file, document())
    flags = Flags(file)
    assert flags.on("auto-approval")
    replace(file, text)
    assert {name: flags.on(name) for name in SAFE} == SAFE


def test_a_missing_file_means_safe(tmp_path: Path) -> None:
    assert Flags(tmp_path / "none.json").on("human-in-the-loop")


def test_a_disabled_flag_means_safe(tmp_path: Path) -> None:
    replace(tmp_path / "flags.json", document(state="DISABLED"))
    assert not Flags(tmp_path / "flags.json").on("auto-approval")
