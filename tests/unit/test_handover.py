"""Which workers end before their successors start."""

import pytest

from pipeline.adapters.slots.places import Place, handover
from pipeline.adapters.slots.state import ServiceState
from pipeline.ports import Slot


def _worker(slot: Slot, component: str, overlap: bool) -> Place:
    service = ServiceState(
        component=component,
        digest="sha256:" + "a" * 64,
        run=("run",),
        route=None,
        health="/healthz",
        version_path="/version",
        grace=1,
        ready_timeout=1,
        overlap=overlap,
    )
    return Place(slot, f"r-{slot}", "1.0.0", service, None)


@pytest.mark.parametrize(
    ("coming", "going", "first"),
    [(False, False, True), (True, False, True), (False, True, True), (True, True, False)],
)
def test_both_generations_must_allow_an_overlap(coming: bool, going: bool, first: bool) -> None:
    old = _worker("blue", "worker", going)
    before, after = handover([_worker("green", "worker", coming)], [old])
    assert (before, after) == (([old], []) if first else ([], [old]))


def test_a_worker_without_a_successor_ends_last() -> None:
    gone, kept = _worker("blue", "mailer", False), _worker("blue", "worker", False)
    assert handover([_worker("green", "worker", False)], [gone, kept]) == ([kept], [gone])
    assert handover([], []) == ([], [])
