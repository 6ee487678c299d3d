"""A private PostgreSQL server for tests: its own folder, no network, gone at the end."""

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ACCOUNTS = ("postgres", "nobody")
"""Who runs the server when the tests run as root, which PostgreSQL refuses."""


def binaries() -> Path | None:
    """The folder of the newest server programs on this machine, if there are any."""
    config = shutil.which("pg_config")
    asked = subprocess.run([config, "--bindir"], capture_output=True, text=True) if config else None
    folders = [Path(asked.stdout.strip())] if asked and asked.returncode == 0 else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def account() -> str | None:
    """The account to become for the server; None to stay who we are."""
    if os.geteuid() != 0:
        return None
    known = Path("/etc/passwd").read_text()
    return next(name for name in ACCOUNTS if f"\n{name}:" in known)


@dataclass
class Server:
    """Databases are made from one template, so that each test gets a migrated one of its own at once."""

    programs: Path
    folder: Path
    user: str | None
    made: int = 0

    def url(self, name: str) -> str:
        return f"postgresql://bot@/{name}?host={self.folder}"

    def create(self, template: str = "template1") -> str:
        """A new database; its URL."""
        self.made += 1
        name = f"bot_{self.made}"
        self.run("createdb", "-h", str(self.folder), "-U", "bot", "-T", template, name)
        return self.url(name)

    def run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            user=self.user,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a server that inherits a pipe would keep its reader waiting
            stderr=subprocess.DEVNULL,
            timeout=60,
        )
        assert done.returncode == 0, f"{program} ended with {done.returncode}; see {self.folder}/log"


@contextmanager
def running_server(programs: Path) -> Iterator[Server]:
    """A started server without durability: nothing of it outlives the tests."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short, as a socket's path must be
    user = account()
    shutil.chown(folder, user or getpass.getuser())
    server = Server(programs, folder, user)
    data = str(folder / "data")
    try:
        server.run("initdb", "-D", data, "-U", "bot", "--auth=trust", "--no-sync", "--encoding=UTF8")
        options = f"-c listen_addresses='' -c fsync=off -c synchronous_commit=off -k {folder}"
        server.run("pg_ctl", "-D", data, "-l", str(folder / "log"), "-w", "-o", options, "start")
        try:
            yield server
        finally:
            server.run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
