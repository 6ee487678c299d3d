"""A target's state as a value, its file, and the ports it gives out."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.adapters.slots.state import SlotState, State, StateFile, allocate
from pipeline.errors import TargetError
from pipeline.ports import Bundle, Image, ServiceSpec


def _bundle(version: str, *routes: tuple[str, str | None]) -> Bundle:
    services = tuple(
        ServiceSpec(
            component=component,
            image=Image(component, version, f"sha256:{'a' * 64}", "x"),
            run=("run",),
            route=route,
            health="/healthz",
            version_path="/version",
            grace=1,
            ready_timeout=1,
            env={"PASSWORD": "hunter2"},
        )
        for component, route in routes
    )
    return Bundle(f"r-{version}", version, services)


def _file(folder: Path) -> StateFile:
    return StateFile(folder, lambda: datetime(2026, 1, 1, tzinfo=UTC))


def test_a_state_is_read_back_as_it_was_written_without_secrets(tmp_path: Path) -> None:
    state = State().put("blue", SlotState.of(_bundle("1.0.0", ("api", "/"), ("worker", None))))
    state = state.learn_routes("blue").begin("prepare", "r-1.0.0", "blue").route("blue", 10, 5.0)
    _file(tmp_path).save(state)
    assert _file(tmp_path).load() == state
    assert "hunter2" not in (tmp_path / "state.json").read_text()


def test_a_new_environment_is_empty(tmp_path: Path) -> None:
    assert _file(tmp_path / "none").load() == State()
    assert State().traffic == "none"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"live": "red"}', '{"share": "x"}'])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(TargetError, match=r"cannot be read.*Next: restore it"):
        _file(tmp_path).load()


def test_a_slot_that_loses_its_last_request_is_drained() -> None:
    state = State().put("blue", SlotState.of(_bundle("1.0.0", ("api", "/"))))
    state = state.route("blue", 0, 1.0).route("blue", 10, 2.0)
    assert state.drained == {}
    assert state.route("blue", 0, 3.0).drained == {"green": 3.0}
    promoted = state.route("green", 0, 4.0)
    assert (promoted.drained, promoted.previous, promoted.generation) == ({"blue": 4.0}, "r-1.0.0", 3)


def test_an_empty_slot_is_routed_as_the_other_one() -> None:
    state = State().put("blue", SlotState.of(_bundle("1.0.0", ("api", "/api"), ("worker", None))))
    state = state.learn_routes("blue")
    assert state.routes == {"blue": {"api": "/api"}, "green": {"api": "/api"}}
    state = state.put("green", SlotState.of(_bundle("1.1.0", ("web", "/")))).learn_routes("green")
    assert state.routes == {"blue": {"api": "/api"}, "green": {"web": "/"}}


def test_ports_are_given_once_and_kept() -> None:
    first = allocate(State(), ["api", "web"], 8003, {8004})
    assert first.ports == {"api": (8003, 8005), "web": (8006, 8007)}
    again = allocate(first, ["web", "admin"], 8003, {8004})
    assert again.ports == {**first.ports, "admin": (8008, 8009)}
    with pytest.raises(TargetError, match="lower first_port"):
        allocate(State(), ["api"], 65535, set())


def test_operations_are_noted_in_order(tmp_path: Path) -> None:
    _file(tmp_path).note("route", when="before", to="blue")
    _file(tmp_path).note("route", when="after", to="blue")
    lines = (tmp_path / "operations.jsonl").read_text().splitlines()
    assert lines[0] == '{"at": "2026-01-01T00:00:00+00:00", "step": "route", "when": "before", "to": "blue"}'
    assert len(lines) == 2
