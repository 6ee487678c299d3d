"""A private PostgreSQL server to try migrations on, made of the server's own programs.

Its files are as short-lived as it is, and written without care for a power cut. A shell beside it ends it and takes
its files away as soon as we are gone, however that comes. Where it may be kept, an empty cluster is, to start faster.
"""

import asyncio
import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import asyncpg

from pipeline.errors import DatabaseError

ROLE = "shadow"
ACCOUNTS = ("postgres", "nobody")
"""Who runs the server when we are root, which PostgreSQL refuses to be run by."""

START = 20.0
"""Seconds until a server that was started must answer."""

_MEMORY, _ENOUGH = "/dev/shm", 2 * 2**30  # noqa: S108 - a folder of its own is made in it

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "jit": "off",
    "timezone": "UTC",
    "max_connections": "60",
    "max_wal_size": "64MB",
    "checkpoint_timeout": "1h",
    "bgwriter_lru_maxpages": "0",
}

_WATCHED = """
"$@" &
server=$!
cat >/dev/null
kill -QUIT $server 2>/dev/null
wait $server
rm -rf "$FOLDER"
"""
"""The shell reads what nobody writes: it reads the end when the process that holds the other side is gone."""


def programs() -> Path | None:
    """The folder of the newest server programs on this machine, if there are any."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_number, reverse=True)
    found = shutil.which("initdb")
    folders += [Path(found).resolve().parent] if found else []
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _number(folder: Path) -> float:
    found = re.search(r"\d+(\.\d+)?", folder.parent.name)
    return float(found[0]) if found else 0.0


class ShadowServer:
    """One server on a port of the loopback, for as long as this process lives or until `stop`."""

    def __init__(self, folder: Path) -> None:
        self._programs = folder
        self._process: asyncio.subprocess.Process | None = None
        self._files: Path | None = None
        self.url = ""

    async def start(self) -> str:
        """The server's URL (of its database postgres), with its password. Raises DatabaseError."""
        try:
            self._files = await asyncio.to_thread(_prepared, self._programs)
            password = (self._files / "password").read_text(encoding="utf-8")
            port = _free_port()
            await self._launch(port)
            self.url = f"postgresql://{ROLE}:{password}@127.0.0.1:{port}/postgres"
            await self._until_it_answers()
        except (OSError, subprocess.SubprocessError, TimeoutError) as error:
            await self.stop()
            raise DatabaseError(
                f"A PostgreSQL server to try migrations on could not be started: {error or 'it does not answer'}."
                " Next: look whether its programs work for the account that runs this, or give the URL of a server."
            ) from error
        return self.url

    async def alive(self) -> bool:
        """Whether it (still) answers."""
        try:
            connection = await asyncpg.connect(self.url, timeout=5)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await connection.close(timeout=5)
        return True

    async def stop(self) -> None:
        """End it, and remove its files."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            await process.wait()
        if self._files is not None:
            await asyncio.to_thread(shutil.rmtree, self._files, ignore_errors=True)

    async def _launch(self, port: int) -> None:
        assert self._files is not None  # start has made them
        settings = [f"-c{name}={value}" for name, value in {**_SETTINGS, "port": str(port)}.items()]
        server = [str(self._programs / "postgres"), "-D", str(self._files / "data"), *settings]
        self._process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _WATCHED, "sh", *server),
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "FOLDER": str(self._files)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            **_account(),  # type: ignore[arg-type]  # user and group
        )

    async def _until_it_answers(self) -> None:
        async with asyncio.timeout(START):
            while not await self.alive():  # noqa: ASYNC110 - a server tells nobody that it is ready
                await asyncio.sleep(0.03)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _account() -> dict[str, object]:
    """Who to become for the server; nothing to stay who we are. Raises OSError when root finds nobody."""
    if os.geteuid() != 0:
        return {}
    for name in ACCOUNTS:
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise OSError(f"root cannot run it, and there is no account {' or '.join(ACCOUNTS)}")


def _prepared(folder: Path) -> Path:
    """A folder with an empty cluster in `data`, copied from the one that is kept."""
    kept = _kept(folder)
    files = Path(tempfile.mkdtemp(prefix="releasebot-shadow-", dir=_roomy()))
    try:
        shutil.copytree(kept, files, dirs_exist_ok=True)
        _give(files)
    except OSError:
        shutil.rmtree(files, ignore_errors=True)
        raise
    return files


def _roomy() -> str | None:
    """Memory for the files, where the machine lends enough of it; else the usual folder."""
    try:
        return _MEMORY if shutil.disk_usage(_MEMORY).free > _ENOUGH and os.access(_MEMORY, os.W_OK) else None
    except OSError:
        return None


def _give(files: Path) -> None:
    who = _account()
    if who:
        for path in (files, *files.rglob("*")):
            os.chown(path, who["user"], who["group"])  # type: ignore[arg-type]  # numbers


def _kept(folder: Path) -> Path:
    """The empty cluster of these programs, made once and readable by us alone."""
    version = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)
    name = re.sub(r"[^0-9A-Za-z.]+", "-", version.stdout).strip("-")
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "releasebot" / f"{name}-1"
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = _initialised(folder)
        with suppress(OSError):  # another process was faster
            shutil.copytree(made, place.with_name(f"{place.name}-{secrets.token_hex(4)}")).rename(place)
        shutil.rmtree(made, ignore_errors=True)
    return place


def _initialised(folder: Path) -> Path:
    files = Path(tempfile.mkdtemp(prefix="releasebot-shadow-"))
    (files / "password").write_text(secrets.token_urlsafe(24), encoding="utf-8")
    (files / "password").chmod(0o600)
    _give(files)
    made = subprocess.run(
        [folder / "initdb", "-D", files / "data", "-U", ROLE, f"--pwfile={files / 'password'}",
         "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--wal-segsize=1"],
        cwd="/", env={"PATH": os.defpath, "LC_ALL": "C"}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, **_account(),
    )  # type: ignore[call-overload]  # user and group  # fmt: skip
    if made.returncode != 0:
        shutil.rmtree(files, ignore_errors=True)
        raise OSError(f"initdb: {made.stderr.strip()[-200:]}")
    return files
