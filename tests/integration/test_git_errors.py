"""Every failure of git says what, why and what next, and never a credential."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from aiohttp import web

from pipeline.adapters.git_cli import Git
from pipeline.errors import RepositoryError
from pipeline.process import Output
from tests.integration.origin import Origin, repository

USER, PASSWORD = "bot", "s3cr3t-t0ken"


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """A server on the loopback; yields its host and port."""
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


def dumb_http(folder: Path) -> web.Application:
    """Serves a repository's files to those who give the password."""
    wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != wanted:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        path = folder / request.match_info["path"]
        return web.FileResponse(path) if path.is_file() else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


async def failure(url: str, mirror: Path, *, branch: str = "main") -> str:
    with pytest.raises(RepositoryError) as caught:
        await repository(url, mirror, branch=branch).fetch()
    message = str(caught.value)
    assert " Next: " in message
    assert message.endswith(".")
    return message


async def test_addresses_that_are_no_repository(tmp_path: Path) -> None:
    mirror = tmp_path / "m.git"
    assert "There is no git repository at that address." in await failure(str(tmp_path / "none"), mirror)
    assert "There is no git repository at that address." in await failure(str(tmp_path), mirror)
    (tmp_path / "file").write_text("x")
    assert "There is no git repository at that address." in await failure(str(tmp_path / "file"), mirror)
    assert "no git repository" in await failure("", mirror)


async def test_a_branch_that_is_not_there(tmp_path: Path) -> None:
    origin = Origin(tmp_path)
    assert "has no branch main" in await failure(str(origin.path), tmp_path / "m.git")
    origin.commit("first")
    assert "has no branch trunk" in await failure(str(origin.path), tmp_path / "m.git", branch="trunk")


async def test_dangerous_addresses_run_nothing(tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    for url in (
        f"ext::sh -c touch% {proof}",
        f"--upload-pack=touch {proof}",
        f"-oProxyCommand=touch {proof}",
    ):
        await failure(url, tmp_path / "m.git")
    assert not proof.exists()


async def test_an_origin_that_is_not_reached(tmp_path: Path, unused_tcp_port: int) -> None:
    message = await failure(f"http://127.0.0.1:{unused_tcp_port}/x.git", tmp_path / "m.git")
    assert "The origin could not be reached." in message


async def test_credentials_in_the_url_open_the_door_and_stay_out_of_sight(tmp_path: Path) -> None:
    origin = Origin(tmp_path)
    sha = origin.commit("first", {"app.py": "1\n"})
    origin.bare("update-server-info")
    async with served(dumb_http(origin.path)) as host:
        good = repository(f"http://{USER}:{PASSWORD}@{host}/", tmp_path / "m.git")
        await good.fetch()
        assert await good.resolve("main") == sha
        message = await failure(f"http://{USER}:wr0ng-t0ken@{host}/", tmp_path / "n.git")
        without = await failure(f"http://{host}/", tmp_path / "o.git")
    assert "did not accept the bot's credentials" in message
    assert "did not accept the bot's credentials" in without
    assert "wr0ng" not in message
    stored = b"".join(p.read_bytes() for p in (tmp_path / "m.git").rglob("*") if p.is_file())
    assert PASSWORD.encode() not in stored


async def test_a_cancelled_fetch_leaves_no_process_and_shows_no_password(tmp_path: Path) -> None:
    asked = asyncio.Event()
    release = asyncio.Event()

    async def silence(_: web.Request) -> web.Response:
        asked.set()
        await release.wait()
        return web.Response()

    app = web.Application()
    app.router.add_get("/{path:.*}", silence)
    async with served(app) as host:
        others = set(psutil.Process().children(recursive=True))  # servers of other tests
        task = asyncio.create_task(
            repository(f"http://{USER}:{PASSWORD}@{host}/", tmp_path / "m.git").fetch()
        )
        await asyncio.wait_for(asked.wait(), 10)
        running = list(set(psutil.Process().children(recursive=True)) - others)
        lines = [" ".join(child.cmdline()) for child in running]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        release.set()
    assert any("remote-http" in line for line in lines)
    assert not any(PASSWORD in line for line in lines)
    gone, alive = await asyncio.to_thread(psutil.wait_procs, running, 5)
    assert gone
    assert not alive


async def test_a_time_limit_stops_git_and_says_so(tmp_path: Path) -> None:
    git = Git(tmp_path / "m.git", str(tmp_path))
    with pytest.raises(RepositoryError, match=r"longer than 0\.2 seconds .* Next: check the network"):
        await git.run("-c", "alias.wait=!sleep 30", "wait", doing="wait", timeout=0.2)


async def test_arguments_that_no_program_can_get_are_an_error_not_a_crash(tmp_path: Path) -> None:
    git = Git(tmp_path / "m.git", str(tmp_path))
    for hostile in ("a\0b", "\ud800"):
        with pytest.raises(RepositoryError, match="Could not look"):
            await git.run("rev-parse", hostile, doing="look")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("fatal: Authentication failed for 'https://u:p@h/x'", "credentials"),
        ("git@example.org: Permission denied (publickey).\nfatal: Could not read from remote", "credentials"),
        (
            "remote: error: GH006: Protected branch update failed\n ! [remote rejected] protected branch",
            "rules",
        ),
        (
            "error: insufficient permission for adding an object to database ./objects",
            "may not read or write",
        ),
        ("fatal: write error: No space left on device", "disk is full"),
        ("fatal: detected dubious ownership in repository at '/x'", "another user"),
        ("fatal: unable to access 'https://h/': Could not resolve host: h", "could not be reached"),
        ("fatal: unable to access 'https://h/': The requested URL returned error: 403", "credentials"),
        ("error: packfile ./objects/pack/p.pack cannot be accessed", "damaged"),
        ("fatal: something new", "Git says: fatal: something new."),
        ("", "Git says: nothing."),
    ],
)
def test_what_git_says_is_explained(tmp_path: Path, said: str, why: str) -> None:
    message = str(Git(tmp_path / "m.git", "https://u:p@h/x").error("push", Output(1, b"", said)))
    assert re.fullmatch(r"Could not push \(https://h/x\)\. Git says: .*Next: .*\.", message)
    assert why in message
    assert "u:p" not in message
