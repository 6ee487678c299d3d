"""Flags in the bot's own file, read as applications read it: with OpenFeature's own provider for files."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext
from openfeature.provider import FeatureProvider
from openfeature.provider.no_op_provider import NoOpProvider

from pipeline import files
from pipeline.adapters.flags.file import FileFlags
from pipeline.errors import FlagError, ReadBackError
from pipeline.ports import FLAGS_FILE

RULE = {"if": [{"==": [{"var": "targetingKey"}, "vip"]}, "on"]}
SWITCH = "auto-approval"


def flag(default: str = "off", **more: Any) -> dict[str, Any]:
    return {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": default, **more}


def document(**flags: Any) -> str:
    return json.dumps({"flags": {SWITCH: flag(), "new-flow": flag(), **flags}})


@pytest.fixture
async def store(tmp_path: Path) -> FileFlags:
    store = FileFlags(tmp_path / "production", "shop production", patience=0.2)
    await store.add(document())
    return store


@contextmanager
def application(path: Path, name: str = "an application") -> Iterator[OpenFeatureClient]:
    """A program that has been running for a while: OpenFeature's client with its provider for files."""
    provider = FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(path))
    api.set_provider_and_wait(provider, name)
    try:
        yield api.get_client(name)
    finally:
        api.set_provider(NoOpProvider(), name)


async def gets(client: OpenFeatureClient, on: bool, user: str | None = None, key: str = SWITCH) -> float:
    """Wait until the application gets this; the seconds that it took (two at most)."""
    began = time.monotonic()
    async with asyncio.timeout(2):
        while client.get_boolean_value(key, not on, EvaluationContext(user)) is not on:
            await asyncio.sleep(0.02)
    return time.monotonic() - began


async def states(store: FileFlags) -> dict[str, bool | None]:
    return {flag.key: flag.on for flag in await store.flags()}


async def test_an_application_that_runs_gets_each_switch_within_two_seconds(store: FileFlags) -> None:
    with application(store.path) as client:
        await gets(client, False)
        for on in (True, False, False, True):
            switched = await store.switch(SWITCH, on, "U0DANA", "a trial")
            assert switched.now.on is on
            await gets(client, on)


async def test_an_application_gets_a_switch_after_the_clock_went_back(store: FileFlags) -> None:
    """The provider looks again only at a file that is newer than the one it knows."""
    ahead = time.time() + 3600
    os.utime(store.path, (ahead, ahead))
    with application(store.path) as client:
        await store.switch(SWITCH, True, "U0DANA", "")
        await gets(client, True)


async def test_a_switch_wins_over_rules_for_users_and_keeps_them_in_the_record(store: FileFlags) -> None:
    await store.add(document(ruled=flag(targeting=RULE)))
    with application(store.path) as client:
        await gets(client, True, "vip", "ruled")
        switched = await store.switch("ruled", False, "U0DANA", "too many complaints")
        await gets(client, False, "vip", "ruled")
    assert (switched.was.on, switched.was.doubt, switched.now.on) == (None, "rules", False)
    assert switched.set_aside == {"targeting": RULE}


async def test_a_disabled_flag_gives_way_to_a_switch(store: FileFlags) -> None:
    await store.add(document(off=flag("on", state="DISABLED")))
    with application(store.path) as client:
        assert {client.get_boolean_value("off", own) for own in (True, False)} == {True, False}
        await store.switch("off", False, "U0DANA", "")
        await gets(client, False, key="off")


async def test_names_in_any_script(store: FileFlags) -> None:
    key = "自動承認 ☂ 'quoted' \\ {x}"
    await store.add(document(**{key: flag()}))
    assert (await store.switch(key, True, "U0DANA", "")).now.on is True
    assert (await states(store))[key] is True


async def test_what_a_release_brings_is_added_once_and_never_switched(store: FileFlags) -> None:
    await store.switch(SWITCH, True, "U0DANA", "")
    later = json.dumps({"flags": {SWITCH: flag("off"), "brand-new": flag("off")}})
    assert await store.add(later) == ("brand-new",)
    await store.switch("brand-new", True, "U0DANA", "")
    before = store.path.read_bytes()
    assert await store.add(later) == ()
    assert store.path.read_bytes() == before
    assert await states(store) == {SWITCH: True, "new-flow": False, "brand-new": True}


async def test_an_environment_without_a_file(tmp_path: Path) -> None:
    store = FileFlags(tmp_path / "staging", "shop staging")
    assert (await store.flags(), store.served()) == ((), None)
    with pytest.raises(FlagError, match=r"shop staging has no flags yet: .* Next: release one"):
        await store.switch(SWITCH, True, "U0DANA", "")


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        '{"flags": {"auto-app',
        json.dumps({"flags": {SWITCH: {"state": "ON"}}}),
        "\xff\xfe".encode("latin-1"),
    ],
)
async def test_a_damaged_file_is_said_and_left_as_it_is(store: FileFlags, damaged: str | bytes) -> None:
    data = damaged if isinstance(damaged, bytes) else damaged.encode()
    store.path.write_bytes(data)
    for attempt in (store.flags(), store.switch(SWITCH, True, "U0DANA", ""), store.add(document())):
        with pytest.raises(FlagError, match=r"flags\.json is not .* Next: mend"):
            await attempt
    assert store.path.read_bytes() == data


async def test_an_application_keeps_what_it_read_while_the_file_is_damaged(store: FileFlags) -> None:
    await store.switch(SWITCH, True, "U0DANA", "")
    good = store.path.read_text()
    with application(store.path) as client:
        await gets(client, True)
        store.path.write_text(good[: len(good) // 2])
        await asyncio.to_thread(_until_noticed, "an application")
        assert client.get_boolean_value(SWITCH, False)
        files.write_atomic(store.path, good.replace('"defaultVariant": "on"', '"defaultVariant": "off"'))
        await gets(client, False)


def _until_noticed(name: str) -> None:
    deadline = time.monotonic() + 2
    while api.get_client(name).get_provider_status().value != "ERROR":
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def test_switches_at_once_all_take_effect(store: FileFlags) -> None:
    keys = [f"flag-{number}" for number in range(12)]
    await store.add(document(**{key: flag() for key in keys}))
    store, other = FileFlags(store.folder, "shop production"), FileFlags(store.folder, "another bot")
    await asyncio.gather(
        *((store, other)[n % 2].switch(key, True, "U0DANA", "") for n, key in enumerate(keys))
    )
    assert {key: on for key, on in (await states(store)).items() if key in keys} == dict.fromkeys(keys, True)
    assert [path.name for path in store.folder.iterdir()] == [FLAGS_FILE]


async def test_another_bot_that_keeps_the_file_is_said(store: FileFlags, tmp_path: Path) -> None:
    with files.locked(store.folder.with_suffix(".lock"), 1) as free:
        assert free
        with pytest.raises(FlagError, match="Another bot is changing the flags of shop production"):
            await store.switch(SWITCH, True, "U0DANA", "")


CHILD = """
import asyncio, os, pathlib, resource, signal, sys
from pipeline.adapters.flags.file import FileFlags
trouble, folder = sys.argv[1], pathlib.Path(sys.argv[2])

def hook(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith("flags.json"):
        os.kill(os.getpid(), signal.SIGKILL)

if trouble == "killed":
    sys.addaudithook(hook)
else:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    asyncio.run(FileFlags(folder, "shop production").switch("auto-approval", True, "U0DANA", ""))
except Exception as error:
    print(type(error).__name__, error)
"""


def child(trouble: str, store: FileFlags) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, trouble, str(store.folder)], capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


async def test_a_kill_between_writing_and_replacing_changes_nothing(store: FileFlags) -> None:
    before = store.path.read_bytes()
    code, said = await asyncio.to_thread(child, "killed", store)
    assert (code, said) == (-signal.SIGKILL, "")
    assert store.path.read_bytes() == before
    assert len(list(store.folder.iterdir())) == 2  # what it had written is left
    await store.switch(SWITCH, True, "U0DANA", "")
    assert [path.name for path in store.folder.iterdir()] == [FLAGS_FILE]


async def test_a_full_disk_is_said_and_nothing_is_changed(store: FileFlags) -> None:
    before = store.path.read_bytes()
    code, said = await asyncio.to_thread(child, "full", store)
    assert code == 0
    assert said.startswith("FlagError The flags of shop production cannot be reached: ")
    assert "Nothing was changed. Next: see that the disk has room" in said
    assert store.path.read_bytes() == before
    assert [path.name for path in store.folder.iterdir()] == [FLAGS_FILE]


async def test_a_folder_that_is_gone_is_said(store: FileFlags) -> None:
    store.path.unlink()
    store.folder.rmdir()
    store.folder.write_text("somebody put a file here")
    for attempt in (store.flags(), store.switch(SWITCH, True, "U0DANA", ""), store.add(document())):
        with pytest.raises(FlagError, match=r"cannot be reached: .*Not a directory.* Next: "):
            await attempt


class ReadElsewhere(FileFlags):
    """A product whose instances read a copy that nobody writes any more."""

    def _as_an_application(self) -> FeatureProvider:
        copy = self.folder.parent / "copy.json"
        return FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(copy))


async def test_an_application_that_reads_something_else_is_said_aloud(store: FileFlags) -> None:
    elsewhere = ReadElsewhere(store.folder, "shop production", patience=0.2)
    copy = store.folder.parent / "copy.json"
    copy.write_text(document())
    with pytest.raises(
        ReadBackError,
        match=r"switched on, BUT THAT AN APPLICATION GETS IT COULD NOT BE CONFIRMED: it gets off",
    ):
        await elsewhere.switch(SWITCH, True, "U0DANA", "")
    copy.unlink()
    with pytest.raises(ReadBackError, match="its client does not work"):
        await elsewhere.switch(SWITCH, True, "U0DANA", "")


async def test_users_of_the_machine_may_read_it_and_only_the_bot_may_write(store: FileFlags) -> None:
    await store.switch(SWITCH, True, "U0DANA", "")
    assert oct(store.path.stat().st_mode)[-3:] == "644"
    assert oct(store.folder.stat().st_mode)[-3:] == "755"
    assert store.served() == store.folder
