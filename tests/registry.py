"""A registry of its own on the loopback for tests, where only one user may push."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER, PASSWORD = "bot", "pushes-here"
SECONDS = 30.0

_USERS = f"{USER}:$2b$05$KbUzlZFPizbQncQ48XWAfubI0/hhcnRoIu0yCJ1q7m1OH.1xywlSS\n"
_CONFIG = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/images}}, maintenance: {{uploadpurging: {{enabled: false}}}}}}
http: {{addr: "127.0.0.1:{port}"}}
auth: {{htpasswd: {{realm: tests, path: {folder}/users}}}}
"""


def program() -> str | None:
    """The registry's server, if it is installed."""
    return shutil.which("docker-registry")


@contextmanager
def running_registry(folder: Path) -> Iterator[str]:
    """The name of a started registry, such as 127.0.0.1:40123; it is ended by its pid."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (folder / "users").write_text(_USERS)
    (folder / "config.yml").write_text(_CONFIG.format(folder=folder, port=port))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            (str(program()), "serve", str(folder / "config.yml")),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait(server, port, folder / "log")
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(SECONDS)


def _wait(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not _answers(port):
        assert server.poll() is None, log.read_text(errors="replace")[-1000:]
        assert time.monotonic() < deadline, log.read_text(errors="replace")[-1000:]
        time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
        return error.code == 401  # it asks who we are
    except OSError:
        return False
    return True
