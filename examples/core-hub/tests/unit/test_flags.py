"""Flags by OpenFeature: a switch is seen while the process runs, and in doubt everything is safe."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core_hub.flags import SAFE, Asked, Flags
from core_hub.settings import Settings

ROOT = Path(__file__).parents[2]
SECONDS = 5.0
"""A switch takes two at most; machines may be busy."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider for files looks again every 20 ms instead of twice a second."""
    monkeypatch.setenv("FLAGD_DEADLINE_MS", "20")


def document(state: str = "ENABLED", variant: str = "on") -> str:
    flag = {"state": state, "variants": {"on": True, "off": False}, "defaultVariant": variant}
    return json.dumps({"flags": {"auto-approval": flag}})


def replace(file: Path, text: str) -> None:
    """As a whole, and later than before: the provider looks at newer files only."""
    new = file.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    later = file.stat().st_mtime_ns + 1_000_000 if file.exists() else 0
    if new.stat().st_mtime_ns < later:
        os.utime(new, ns=(later, later))
    new.replace(file)


def read(file: Path) -> Flags:
    return Flags.of(Settings("api", "0.1.0", "local", flags_file=file))


def until(reached: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def all_safe(flags: Flags) -> bool:
    return {name: flags.on(name) for name in SAFE} == SAFE


def test_the_file_in_the_repository_is_safe() -> None:
    with closing(read(ROOT / "flags.json")) as flags:
        assert all_safe(flags)


def test_a_change_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "flags.json"
    replace(file, document(variant="off"))
    with closing(read(file)) as flags:
        assert not flags.on("auto-approval")
        replace(file, document(variant="on"))
        assert until(lambda: flags.on("auto-approval"))


@pytest.mark.parametrize("text", ["", "[]", '{"flags": {"auto-approval": 1}}'])
def test_a_damaged_file_means_safe_until_it_is_mended(tmp_path: Path, text: str) -> None:
    file = tmp_path / "flags.json"
    replace(file, document())
    with closing(read(file)) as flags:
        assert flags.on("auto-approval")
        replace(file, text)
        assert until(lambda: all_safe(flags))
        replace(file, document())
        assert until(lambda: flags.on("auto-approval"))


def test_a_missing_file_means_safe_until_it_is_there(tmp_path: Path) -> None:
    with closing(read(tmp_path / "flags.json")) as flags:
        assert all_safe(flags)
        replace(tmp_path / "flags.json", document())
        assert until(lambda: flags.on("auto-approval"))


@pytest.mark.parametrize("text", ["{}", document(state="DISABLED"), document(variant="no")])
def test_a_flag_without_an_answer_means_safe(tmp_path: Path, text: str) -> None:
    replace(tmp_path / "flags.json", text)
    with closing(read(tmp_path / "flags.json")) as flags:
        assert all_safe(flags)


def test_a_flag_without_a_safe_state_is_a_mistake(tmp_path: Path) -> None:
    with closing(read(tmp_path / "none.json")) as flags, pytest.raises(KeyError):
        flags.on("colour")


class Answers(BaseHTTPRequestHandler):
    """Flags over HTTP: auto-approval as the server says, to whoever shows the token."""

    def do_POST(self) -> None:
        self.server.asked += 1
        key = self.path.rpartition("/")[2]
        known = key == "auto-approval" and self.headers["Authorization"] == "Bearer s3cret"
        answer = {"key": key, "reason": "STATIC", "variant": "on", "value": self.server.on}
        body = json.dumps(answer if known else {"errorCode": "FLAG_NOT_FOUND", "errorDetails": "no"}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


@contextmanager
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as serving:
        serving.on, serving.asked = True, 0
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield serving
        finally:
            serving.shutdown()
            thread.join()


def asked(port: int, token: str = "s3cret") -> Flags:
    return Asked(f"http://127.0.0.1:{port}/flags/core-hub/production", token, every=0.02)


def test_the_settings_say_whom_to_ask() -> None:
    with server() as serving:
        url = f"http://127.0.0.1:{serving.server_port}"
        settings = Settings("api", "0.1.0", "local", flags_url=url, flags_token="s3cret")
        with closing(Flags.of(settings)) as flags:
            assert until(lambda: flags.on("auto-approval"))


def test_flags_over_http() -> None:
    with server() as serving, closing(asked(serving.server_port)) as flags:
        assert until(lambda: flags.on("auto-approval"))
        assert flags.on("human-in-the-loop")
        serving.on = False
        assert until(lambda: not flags.on("auto-approval"))


def test_over_http_without_an_answer_means_safe() -> None:
    with server() as serving, closing(asked(serving.server_port)) as flags:
        assert until(lambda: flags.on("auto-approval"))
        serving.shutdown()
        serving.server_close()
        assert until(lambda: all_safe(flags))


def test_over_http_with_a_wrong_token_means_safe() -> None:
    with server() as serving, closing(asked(serving.server_port, "stolen")) as flags:
        assert until(lambda: serving.asked > 2 * len(SAFE))
        assert all_safe(flags)
