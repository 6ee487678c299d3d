"""Reading logs since a time, within bounds, while services go on writing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.adapters.local import logs as log_files
from pipeline.adapters.local.logs import Logs

START = datetime(2026, 1, 1, tzinfo=UTC)


class Watch:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def after(self, minutes: float) -> datetime:
        self.now = START + timedelta(minutes=minutes)
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def logs(tmp_path: Path, watch: Watch) -> Logs:
    return Logs(tmp_path / "logs", watch, lambda text: text.replace("hunter2", "***"))


def _write(logs: Logs, component: str, data: bytes) -> None:
    path = logs.path("r-1", component)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(data)


def test_lines_since_a_time_are_given(logs: Logs, watch: Watch) -> None:
    _write(logs, "api", b"first\n")
    logs.mark()
    watch.after(5)
    logs.mark()
    _write(logs, "api", b"second hunter2\n")
    _write(logs, "worker", b"third \x1b[31mr\xc3\xa9d \xff\n")
    assert logs.read("r-1", START + timedelta(minutes=1)) == (
        "api: second ***",
        "worker: third réd \ufffd",
    )
    assert logs.read("r-1", START - timedelta(minutes=1))[0] == "api: first"


def test_a_time_after_the_last_line_gives_nothing(logs: Logs, watch: Watch) -> None:
    _write(logs, "api", b"first\n")
    logs.mark()
    assert logs.read("r-1", watch.after(1)) == ()
    assert logs.read("r-unknown", START) == ()


def test_reading_is_bounded_and_says_so(logs: Logs) -> None:
    _write(logs, "api", b"".join(b"line %d\n" % number for number in range(400_000)))
    lines = logs.read("r-1", START - timedelta(days=1))
    assert "older lines are left out" in lines[0]
    assert lines[-1] == "api: line 399999"
    assert len(lines) <= 20_001


def test_a_log_that_is_too_long_is_cut_and_read_on(logs: Logs, watch: Watch) -> None:
    _write(logs, "api", b"x" * (log_files.FILE_LIMIT + 1))
    logs.mark()
    assert logs.path("r-1", "api").stat().st_size == 0
    watch.after(1)
    _write(logs, "api", b"next\n")
    assert logs.read("r-1", START)[-1] == "api: next"


def test_marks_stay_few_and_damaged_ones_are_passed_over(logs: Logs, watch: Watch) -> None:
    for minute in range(2_100):
        _write(logs, "api", b"line\n")
        watch.after(minute)
        logs.mark()
    marks = logs.path("r-1", "api").with_suffix(".marks")
    assert len(marks.read_text().splitlines()) <= 2_001
    marks.write_text(marks.read_text() + "2026-01-")
    assert logs.read("r-1", watch.now) == ()


def test_only_the_newest_releases_keep_their_logs(logs: Logs, tmp_path: Path) -> None:
    logs.forget_old()
    for number in range(25):
        (tmp_path / "logs" / f"r-{number}").mkdir(parents=True)
    logs.forget_old()
    assert len(list((tmp_path / "logs").iterdir())) == 20
