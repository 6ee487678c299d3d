"""What only containers do: the engine brings them back, they carry labels and limits, strangers have their names."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo.history import EXAMPLE
from pipeline.adapters.docker.router import router_image
from pipeline.adapters.flags.file import FileFlags
from pipeline.errors import TargetError
from pipeline.ports import Bundle, Limits
from tests.docker_house import until
from tests.services.docker import DockerPlace, docker_place
from tests.services.load import load
from tests.services.local import API, SHOP, get

pytestmark = pytest.mark.docker


@pytest.fixture
async def here(engine: str, tmp_path: Path) -> AsyncIterator[DockerPlace]:
    async with docker_place(tmp_path, engine) as found:
        yield found


def _inspected(here: DockerPlace, place: str) -> dict[str, Any]:
    (found,) = [one["Id"] for one in here.containers() if one["Labels"]["releasebot.place"] == place]
    inspected: dict[str, Any] = here.client.inspect_container(found)
    return inspected


async def _serves(here: DockerPlace) -> None:
    async with asyncio.timeout(20):
        while (await _status(here)) != 200:
            await asyncio.sleep(0.05)


async def _status(here: DockerPlace) -> int:
    try:
        return (await get(here.target.address() + "/api/x"))[0]
    except (OSError, aiohttp.ClientError):
        return 0


async def test_five_second_requests_pass_through_a_canary_a_promotion_and_the_way_back(
    here: DockerPlace,
) -> None:
    await here.live("1.0.0")
    target = here.target
    await target.prepare(await here.bundle("1.1.0", API))
    async with load(target.address(), rate=100) as seen:
        slow = []
        for name, step in (
            ("canary", target.shift("r-1.1.0", 10)),
            ("promotion", target.promote("r-1.1.0")),
            ("way back", target.promote("r-1.0.0")),
            ("retirement", target.retire("r-1.1.0")),
        ):
            slow += [asyncio.create_task(get(target.address() + "/api/slow?seconds=5")) for _ in range(4)]
            await seen.more(60)
            began = time.monotonic()
            await step
            print(f"{name}: {1000 * (time.monotonic() - began):.0f} ms")
        answers = await asyncio.gather(*slow)
    assert [status for status, _, _ in answers] == [200] * 16
    assert seen.failures == []


async def test_what_dies_by_itself_comes_back_without_the_bot(here: DockerPlace) -> None:
    await here.live("1.0.0", SHOP)
    running = here.running()
    for place in ("router", "blue-api", "blue-worker"):
        os.kill(_inspected(here, place)["State"]["Pid"], signal.SIGKILL)
        await until(lambda place=place: _inspected(here, place)["RestartCount"] == 1, f"{place} is back")  # type: ignore[misc]  # a loop's own
    await _serves(here)
    await until(lambda: here.running() == running, "the same containers run")
    assert await here.restarted().missing() == ()
    assert not await here.restarted().heal()
    policies = [_inspected(here, place)["HostConfig"]["RestartPolicy"]["Name"] for place in running.values()]
    assert set(policies) == {"unless-stopped"}


async def test_a_release_that_dies_right_after_its_promotion_can_be_gone_back_from(here: DockerPlace) -> None:
    await here.live("1.0.0")
    await here.live("1.1.0")
    here.kill("green-api")
    assert await here.target.missing() == ("api of 1.1.0 (green slot) does not run.",)
    await here.target.promote("r-1.0.0")
    assert (await get(here.target.address() + "/api/x"))[:2] == (200, "blue")


async def test_a_container_is_known_by_labels_that_hold_no_secret(here: DockerPlace) -> None:
    bundle = _with(await here.bundle("1.0.0", API, env={"SECRET": "hunter2"}), volumes={"data": "/data"})
    bundle = replace(bundle, version="1.0.0+é/../x")
    await here.target.prepare(bundle)
    found = _inspected(here, "blue-api")
    labels = found["Config"]["Labels"]
    assert labels["releasebot.image"] == bundle.services[0].image.digest == found["Image"]
    assert (labels["releasebot.release"], labels["releasebot.slot"]) == (bundle.release_id, "blue")
    assert "hunter2" not in json.dumps(labels)
    assert "hunter2" not in (here.folder / "state" / "state.json").read_text()
    (volume,) = [mount for mount in found["Mounts"] if mount["Type"] == "volume"]
    assert (volume["Name"], volume["Destination"]) == ("shop.production.data", "/data")
    await here.target.stop()
    here.client.remove_volume("shop.production.data")


async def test_limits_are_the_engines_to_keep(here: DockerPlace) -> None:
    limits = Limits(memory=256 * 2**20, cpus=0.5, pids=50)
    await here.target.prepare(_with(await here.bundle("1.0.0", API), limits=limits))
    host = _inspected(here, "blue-api")["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (limits.memory, limits.memory)
    assert (host["NanoCpus"], host["PidsLimit"]) == (500_000_000, 50)
    assert set(host["PortBindings"]) == {"8080/tcp"}
    assert host["PortBindings"]["8080/tcp"][0]["HostIp"] == "127.0.0.1"


async def test_a_shared_folder_is_seen_as_it_changes_and_is_only_read(
    here: DockerPlace, tmp_path: Path
) -> None:
    store = FileFlags(tmp_path / "flags", "shop production")
    await store.add((EXAMPLE / "flags.json").read_text(encoding="utf-8"))
    bundle = _with(await here.bundle("1.0.0", API), shared={str(store.folder): "/run/flags"})
    await here.target.prepare(bundle)
    (container,) = [key for key, place in here.running().items() if place == "blue-api"]

    def said(command: str) -> str:
        run = here.client.exec_create(container, ["sh", "-c", command])
        output: bytes = here.client.exec_start(run["Id"])
        return output.decode()

    await store.switch("auto-approval", True, "U0DANA", "")
    assert json.loads(await asyncio.to_thread(said, "cat /run/flags/flags.json")) == json.loads(
        store.path.read_text()
    )
    assert "Read-only file system" in await asyncio.to_thread(said, "touch /run/flags/mine")
    await here.target.prepare(bundle)
    assert container in here.running()


def _with(bundle: Bundle, **changes: Any) -> Bundle:
    return replace(bundle, services=tuple(replace(service, **changes) for service in bundle.services))


async def test_a_strangers_container_is_left_alone_and_named(here: DockerPlace) -> None:
    await here.live("1.0.0")
    name = f"shop-production-api-1.1.0-green-{here.identity[:6]}"
    image = (await here.image("api", "1.0.0")).digest
    stranger = here.client.create_container(image, ["true"], name=name)["Id"]
    try:
        with pytest.raises(TargetError, match=f'"/{name}" is already in use'):
            await here.target.prepare(await here.bundle("1.1.0", API))
        assert here.client.inspect_container(stranger)["State"]["Status"] == "created"
    finally:
        here.client.remove_container(stranger)
    assert (await here.target.status()).other is None
    await here.live("1.1.0")


async def test_a_container_whose_end_has_begun_is_not_taken_for_one_that_runs(here: DockerPlace) -> None:
    await here.live("1.0.0")
    ending = _inspected(here, "blue-api")
    here.client.rename(ending["Id"], f"{ending['Name'][1:]}.ending-{ending['Id'][:6]}")
    assert await here.restarted().missing() == ("api of 1.0.0 (blue slot) does not run.",)
    status = await here.target.reconcile()
    assert status.live
    assert status.live.warm
    assert _inspected(here, "blue-api")["Id"] != ending["Id"]


async def test_a_stray_and_a_paused_container_are_put_right(here: DockerPlace) -> None:
    await here.live("1.0.0")
    labels = {"releasebot.identity": here.identity, "releasebot.place": "green-old"}
    image = _inspected(here, "router")["Image"]
    name = f"old-{here.identity[:6]}"
    stray = here.client.create_container(image, ["caddy", "run"], name=name, labels=labels)["Id"]
    here.client.start(stray)
    here.client.pause(_inspected(here, "blue-api")["Id"])
    await here.target.reconcile()
    assert sorted(here.running().values()) == ["blue-api", "router"]
    await _serves(here)


async def test_an_image_that_is_gone_is_missed_before_anything_is_stopped(here: DockerPlace) -> None:
    await here.live("1.0.0")
    running = here.running()
    bundle = await here.bundle("1.1.0", API)
    gone = replace(bundle.services[0].image, digest="sha256:" + "0" * 64)
    with pytest.raises(TargetError, match=r"is not on the engine\. Next: build it again"):
        await here.target.prepare(replace(bundle, services=(replace(bundle.services[0], image=gone),)))
    with pytest.raises(TargetError, match="executable file not found"):
        await here.target.prepare(replace(bundle, services=(replace(bundle.services[0], run=("nope",)),)))
    assert here.running() == running


async def test_logs_are_exact_in_time_and_outlive_their_containers(here: DockerPlace) -> None:
    began = datetime.now(UTC)
    await here.live("1.0.0", SHOP)
    first = await here.target.logs("r-1.0.0", began)
    assert "worker: worker 1.0.0 starts" in first
    later = datetime.now(UTC)
    assert await here.target.logs("r-1.0.0", later) == ()
    here.kill("blue-api")
    await here.target.reconcile()
    again = await here.target.logs("r-1.0.0", later)
    assert again == ("api: service 1.0.0 starts with no secret",)
    await here.live("1.1.0", SHOP)
    await here.target.retire("r-1.0.0")
    assert [one for one in here.containers() if one["Labels"].get("releasebot.release") == "r-1.0.0"] == []
    kept = await here.target.logs("r-1.0.0", began)
    assert sorted(kept) == sorted([*first, *again, "worker: worker 1.0.0 ends"])


async def test_a_router_is_made_of_our_own_program_where_its_image_is_not_to_be_had(
    here: DockerPlace,
) -> None:
    made = await asyncio.to_thread(router_image, "releasebot-test/nowhere:1", here.client)
    assert await asyncio.to_thread(router_image, "releasebot-test/nowhere:1", here.client) == made
    container = here.client.create_container(made, ["caddy", "version"])["Id"]
    try:
        here.client.start(container)
        assert here.client.wait(container)["StatusCode"] == 0
        assert here.client.logs(container).startswith(b"v2.")
    finally:
        here.client.remove_container(container)


async def test_the_way_a_container_ended_is_told(here: DockerPlace) -> None:
    with pytest.raises(TargetError) as error:
        await here.target.prepare(await here.bundle("1.0.0", API, env={"BROKEN": "crash"}))
    *said, ended = str(error.value).split("Its last lines:\n")[1].splitlines()
    # On two streams, between which the engine keeps no order.
    assert sorted(said) == ["no database: giving up", "service 1.0.0 starts with no secret"]
    assert ended == "[it ended with code 1]"


async def test_what_the_engine_brings_back_is_counted(here: DockerPlace) -> None:
    await here.live("1.0.0")
    status = await here.target.status()
    assert status.live
    release = status.live.release_id
    assert (await here.target.deaths(release)).restarts == 0
    place = f"{status.live.slot}-api"
    os.kill(_inspected(here, place)["State"]["Pid"], signal.SIGKILL)
    async with asyncio.timeout(20):
        while (await here.target.deaths(release)).restarts == 0:
            await asyncio.sleep(0.05)
    assert (await here.target.deaths(release)).out_of_memory == ()
