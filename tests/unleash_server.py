"""A private Unleash for tests: its npm package on the tests' PostgreSQL, on the loopback, gone at the end."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.postgres import Server
from tests.services.local import free_block

INSTALLED = Path(__file__).parents[1] / "build" / "unleash"
PROGRAM = INSTALLED / "node_modules" / "unleash-server" / "dist" / "server.js"
ADMIN = "*:*.admin-0123456789abcdef"
CLIENTS = {name: f"default:{name}.client-0123456789abcdef" for name in ("development", "production")}
SECONDS = 60.0
"""The most that its start may take, with its five hundred migrations."""


def why_none() -> str | None:
    """Why there is no Unleash here; None when there is one."""
    if not (INSTALLED / "installed").exists():
        return "needs Unleash: tests/unleash/install"
    return None if node() else "needs Node 22 or newer"


def node() -> str | None:
    """The program that was installed with Unleash, else this machine's."""
    own = INSTALLED / "node"
    return str(own) if own.exists() else shutil.which("node")


@dataclass(frozen=True)
class Unleash:
    """A running server. `ask` is what a person does in its pages."""

    url: str

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A request to its administration; the answer's JSON."""
        request = urllib.request.Request(
            f"{self.url}/api/admin{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": ADMIN, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def create(self, key: str, **more: Any) -> None:
        """A flag that is off everywhere and has no strategies."""
        self.ask("POST", "/projects/default/features", {"name": key, "type": "kill-switch", **more})

    def path(self, key: str, environment: str = "production") -> str:
        return f"/projects/default/features/{quote(key, safe='')}/environments/{environment}"

    def add_strategy(self, key: str, rollout: int = 100, **more: Any) -> None:
        """A share of the users, in production."""
        shares = {"rollout": str(rollout), "stickiness": "default", "groupId": key}
        body = {"name": "flexibleRollout", "constraints": [], "parameters": shares, **more}
        self.ask("POST", f"{self.path(key)}/strategies", body)


@contextmanager
def running_unleash(server: Server) -> Iterator[Unleash]:
    """Started with a database of its own and tokens that are known."""
    server.create()
    port = free_block()
    env = {
        "PATH": os.defpath,
        "TZ": "UTC",
        "NODE_ENV": "production",
        "NODE_NO_WARNINGS": "1",
        "DATABASE_HOST": str(server.folder),
        "DATABASE_NAME": f"bot_{server.made}",
        "DATABASE_USERNAME": "bot",
        "DATABASE_PASSWORD": "",
        "DATABASE_SSL": "false",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": str(port),
        "CHECK_VERSION": "false",
        "SEND_TELEMETRY": "false",
        "INIT_ADMIN_API_TOKENS": ADMIN,
        "INIT_BACKEND_API_TOKENS": ",".join(CLIENTS.values()),
        "LOG_LEVEL": "error",
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [str(node()), str(PROGRAM)],
            cwd=INSTALLED,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            _wait(f"http://127.0.0.1:{port}", process, log)
            yield Unleash(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Any) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=2).close()
        except (OSError, urllib.error.URLError):
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise AssertionError(f"Unleash did not start: {log.read()[-2000:].decode()}") from None
            time.sleep(0.1)
        else:
            return
