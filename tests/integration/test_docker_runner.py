"""Commands in containers on a real engine: what they see, what they may use, and that nothing is left."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pipeline.adapters.docker import labels
from pipeline.adapters.docker.engine import Engine
from pipeline.adapters.docker.runner import ContainerRunner
from pipeline.errors import CommandError
from pipeline.ports import Command, CommandResult, Container, Limits, Network
from tests.docker_house import until

pytestmark = pytest.mark.docker
UNLIMITED = Limits()


class Bench:
    """A checkout, an output folder, and a runner on the engine."""

    def __init__(self, client: docker.DockerClient, host: str, folder: Path, image: str) -> None:
        self.client, self.host, self.folder, self.image = client, host, folder, image
        self.checkout, self.output = folder / "checkout", folder / "reports" / "unit"
        for made in (self.checkout, self.output):
            made.mkdir(parents=True)
        self.product = f"shop-{folder.name}"
        self.runner = ContainerRunner(Engine(host), lambda text: text.replace("hunter2", "***"))

    def command(
        self, *argv: str, timeout: float = 30, network: Network = "none", limits: Limits = UNLIMITED
    ) -> Command:
        inside = Container(self.image, self.product, self.output, network, limits)
        env = {"TOKEN": "hunter2", "HOME": "/tmp"}
        return Command("the tests", argv, self.checkout, env, timeout, self.folder / "logs" / "x.log", inside)

    async def run(self, *argv: str, **options: float) -> CommandResult:
        return await self.runner.run(self.command(*argv, timeout=options.get("timeout", 30)))

    async def python(self, script: str, limits: Limits = UNLIMITED) -> CommandResult:
        return await self.runner.run(self.command("python", "-c", script, limits=limits))

    def containers(self) -> list[str]:
        wanted = labels.filters({labels.OF_PRODUCT: self.product})
        return [str(found["Id"]) for found in self.client.api.containers(all=True, filters=wanted)]


@pytest.fixture
def bench(engine: str, base_image: str, tmp_path: Path) -> Iterator[Bench]:
    with closing(docker.DockerClient(base_url=engine)) as client:
        here = Bench(client, engine, tmp_path, base_image)
        yield here
        left = here.containers()
        for container in left:
            client.api.remove_container(container, force=True)
    assert left == []


async def test_it_reads_the_checkout_writes_its_report_and_nothing_else(bench: Bench) -> None:
    (bench.checkout / "sub").mkdir()
    (bench.checkout / "sub" / "a.txt").write_text("from the checkout")
    (bench.folder / "beside.txt").write_text("not for the command")
    script = f"""
import os, pathlib
print(pathlib.Path('sub/a.txt').read_text(), os.getcwd())
pathlib.Path('{bench.output}/report.out').write_text('report')
pathlib.Path('/tmp/x').write_text('scratch')
for path in ('sub/a.txt', 'new.txt', '/new.txt', '/usr/new.txt'):
    try:
        pathlib.Path(path).write_text('x')
        print('written', path)
    except OSError:
        pass
try:
    pathlib.Path('{bench.output.parent}/other.out').write_text('not a folder that it was given')
except OSError:
    pass
print(os.path.exists('{bench.folder}/beside.txt'), os.path.exists('/var/run/docker.sock'))
"""
    result = await bench.python(script)
    assert result.tail == (f"from the checkout {bench.checkout}", "False False")
    assert (result.ok, result.name) == (True, "the tests")
    report = bench.output / "report.out"
    assert (report.read_text(), report.stat().st_uid) == ("report", os.getuid())
    assert [path.name for path in bench.output.parent.iterdir()] == ["unit"]


async def test_it_has_no_privilege_and_no_network_unless_it_is_given_one(bench: Bench) -> None:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="from the machine")

    app = web.Application()
    app.router.add_get("/", hello)
    async with TestServer(app) as server:
        url = str(server.make_url("/"))
        script = (
            "import urllib.request as u; print([l.split()[1] for l in open('/proc/self/status') if 'CapEff' in l]);"
            f"print(u.urlopen('{url}', timeout=3).read().decode())"
        )
        command = bench.command("python", "-c", script)
        assert command.container
        results = {
            network: await bench.runner.run(
                replace(command, container=replace(command.container, network=network))
            )
            for network in ("none", "own", "host")
        }
    assert [results[network].ok for network in results] == [False, False, True]
    assert results["host"].tail == ("['0000000000000000']", "from the machine")


async def test_output_is_redacted_clean_and_whole(bench: Bench) -> None:
    script = (
        "import sys; print('token hunter2 \\x1b[31mred'); sys.stderr.write('wörld\\n');"
        "print('x' * 70000); sys.exit(3)"
    )
    result = await bench.python(script)
    assert (result.code, result.ok, result.timed_out) == (3, False, False)
    text = (bench.folder / "logs" / "x.log").read_text()
    assert "token *** red" in text
    assert "wörld" in text
    assert "hunter2" not in text
    assert "[line cut]" in text


async def test_everything_that_was_said_is_there_however_soon_it_ends(bench: Bench) -> None:
    for number in range(5):
        result = await bench.run("sh", "-c", f"echo said {number}")
        assert result.tail == (f"said {number}",)


async def test_a_command_that_closes_its_output_is_still_waited_for(bench: Bench) -> None:
    result = await bench.run("sh", "-c", "echo bye; exec >&- 2>&-; sleep 1; exit 5")
    assert (result.code, result.tail) == (5, ("bye",))


async def test_much_output_does_not_block_it(bench: Bench) -> None:
    result = await bench.python("for n in range(200000): print('line', n)")
    assert result.tail[-1] == "line 199999"


async def test_at_the_time_limit_it_ends_with_all_that_it_started(bench: Bench) -> None:
    result = await bench.run("sh", "-c", "trap '' TERM; (sleep 300 &) ; echo begun; sleep 300", timeout=2)
    assert (result.ok, result.timed_out, result.code) == (False, True, -1)
    assert result.tail == ("begun", "[stopped: it ran into its time limit of 2 s]")
    assert bench.containers() == []


async def test_cancelled_it_ends_with_all_that_it_started(bench: Bench) -> None:
    log = bench.folder / "logs" / "x.log"
    run = asyncio.create_task(bench.run("sh", "-c", "trap '' TERM; echo begun; sleep 300"))
    await until(lambda: log.exists() and "begun" in log.read_text(), "the command runs")
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert bench.containers() == []


async def test_more_memory_than_it_may_use_is_told(bench: Bench) -> None:
    result = await bench.python("x = bytearray(200_000_000); print('had it')", Limits(memory=64 * 2**20))
    assert not result.ok
    assert result.tail[-1] == "[stopped: it needed more than its 64 MiB of memory]"


async def test_more_processes_than_it_may_have_it_does_not_get(bench: Bench) -> None:
    start = "threading.Thread(target=time.sleep, args=(5,), daemon=True).start()"
    script = f"import threading, time\nfor n in range(60): {start}"
    result = await bench.python(script, Limits(pids=20, cpus=0.5))
    assert not result.ok
    assert "can't start new thread" in result.tail[-1]


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("nowhere.invalid/image:1", "there is no image nowhere.invalid/image:1"),
        ("sha256:" + "0" * 64, "sha256:000"),
        ("Nowhere/Image", "must be lowercase"),
    ],
)
async def test_an_image_that_is_not_there_and_cannot_be_pulled_is_told(
    bench: Bench, image: str, told: str
) -> None:
    command = bench.command("python")
    assert command.container
    with pytest.raises(CommandError, match=f"the tests could not be started: .*{told}.*Next: "):
        await bench.runner.run(replace(command, container=replace(command.container, image=image)))


async def test_a_program_that_is_not_there_is_told(bench: Bench) -> None:
    result = await bench.run("no-such-program")
    assert not result.ok
    assert "no-such-program" in result.tail[-1]


async def test_an_engine_that_is_not_there_is_told(bench: Bench) -> None:
    runner = ContainerRunner(Engine(f"unix://{bench.folder}/none.sock"), str)
    with pytest.raises(CommandError, match=r"the Docker engine at unix:///.*none.sock does not answer"):
        await runner.run(bench.command("python"))


async def test_what_a_killed_bot_left_is_ended_by_the_next_attempt(bench: Bench) -> None:
    program = f"""
import asyncio
from pathlib import Path
from pipeline.adapters.docker.engine import Engine
from pipeline.adapters.docker.runner import ContainerRunner
from pipeline.ports import Command, Container
inside = Container({bench.image!r}, {bench.product!r}, Path({str(bench.output)!r}))
log = Path({str(bench.folder)!r}) / "logs" / "x.log"
command = Command("t", ("sh", "-c", "echo begun; sleep 300"), Path({str(bench.checkout)!r}), {{}}, 300, log, inside)
asyncio.run(ContainerRunner(Engine({bench.host!r}), str).run(command))
"""
    log = bench.folder / "logs" / "x.log"
    bot = subprocess.Popen([sys.executable, "-c", program])
    await until(lambda: log.exists() and "begun" in log.read_text(), "the command runs")
    bot.send_signal(signal.SIGKILL)
    bot.wait(10)
    (orphan,) = bench.containers()
    result = await bench.run("sh", "-c", "echo again")
    assert result.tail == ("again",)
    assert orphan not in bench.containers()
