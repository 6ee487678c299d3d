"""docs/flags.md: what it tells people to type does what it says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.adapters.flags.file import FileFlags
from tests.flags import document, flag

PAGE = (Path(__file__).parents[2] / "docs" / "flags.md").read_text(encoding="utf-8")
RULE = {"if": [{"==": [{"var": "targetingKey"}, "vip"]}, "on"]}


def block(language: str, start: str) -> str:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return next(text for text in found if text.startswith(start))


@pytest.fixture
async def store(tmp_path: Path) -> FileFlags:
    store = FileFlags(tmp_path / "products" / "shop" / "flags" / "production", "shop production")
    await store.add(document(auto_approval=flag("on", state="DISABLED", targeting=RULE)))
    return store


async def test_a_flag_is_switched_by_hand_without_the_bot(store: FileFlags, tmp_path: Path) -> None:
    typed = block("sh", "cd STATE/").replace("STATE", str(tmp_path)).replace("PRODUCT", "shop")
    subprocess.run(["sh", "-ec", typed], check=True, timeout=30)
    flags = {each.key: each.on for each in await store.flags()}
    assert flags == {"human-in-the-loop": True, "auto-approval": False}
    assert [path.name for path in store.folder.iterdir()] == ["flags.json"]
    assert oct(store.path.stat().st_mode)[-3:] == "644"


async def test_a_product_reads_its_flags_as_the_example_does(store: FileFlags) -> None:
    await store.switch("auto-approval", True, "U0DANA", "")
    code = "import os\n" + block("python", "from openfeature").replace(
        "    ...", "    print('approved by itself')"
    )
    env = {**os.environ, "FLAGS_FILE": str(store.path)}
    wait = code.replace("api.set_provider(", "api.set_provider_and_wait(")
    done = subprocess.run([sys.executable, "-c", wait], env=env, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, "approved by itself\n"), done.stderr


def test_the_requests_to_the_servers_are_well_formed() -> None:
    (body,) = re.findall(r"-d '(\{.*\})'", PAGE)
    assert json.loads(body) == {"environmentKey": "production", "instructions": [{"kind": "turnFlagOff"}]}
