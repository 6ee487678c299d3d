"""A Docker engine for tests: the machine's own where one answers, else a private one, gone at the end."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import docker
import docker.errors

USUAL = "unix:///var/run/docker.sock"
SECONDS = 60.0
"""How long a private engine may take to answer, and to end."""


def answers(host: str) -> bool:
    """Whether an engine is there."""
    if host.startswith("unix://") and not Path(host.removeprefix("unix://")).exists():
        return False
    try:
        with closing(docker.APIClient(base_url=host, version="auto", timeout=10)) as client:
            return bool(client.ping())
    except docker.errors.DockerException:
        return False


def usual() -> str | None:
    """The address of the machine's own engine, when it answers."""
    host = os.environ.get("DOCKER_HOST") or USUAL
    return host if answers(host) else None


def why_none() -> str | None:
    """Why no private engine can be started here; None when it can."""
    if os.geteuid() != 0:
        return "needs a Docker engine: none answers, and only root can start one"
    missing = [name for name in ("dockerd", "containerd", "runc") if not shutil.which(name)]
    return (
        f"needs a Docker engine: none answers, and {', '.join(missing)} is not installed" if missing else None
    )


@contextmanager
def private_engine(*options: str) -> Iterator[str]:
    """The address of a started engine with folders and a socket of its own; it is ended, by its pid.

    Beside another engine its containers should have networks of their own, as both share the usual bridge; never
    take that away with `--bridge=none`: the bridge is the whole machine's, and would be gone for the other one.
    """
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    host = f"unix://{folder}/docker.sock"
    folders = ("--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid")
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            ("dockerd", *folders, "--host", host, *options), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _wait(daemon, host, folder / "log")
        yield host
    finally:
        daemon.terminate()
        daemon.wait(SECONDS)
        # The engine leaves its network namespace mounted; the machine would keep it until its next start.
        subprocess.run(("umount", f"{folder}/exec/netns/default"), capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(daemon: "subprocess.Popen[bytes]", host: str, log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not answers(host):
        said = log.read_text(errors="replace")[-1000:]
        assert daemon.poll() is None, f"dockerd ended with code {daemon.returncode}: {said}"
        assert time.monotonic() < deadline, f"dockerd does not answer: {said}"
        time.sleep(0.05)
