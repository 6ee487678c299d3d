"""What is said when a release ended before production: never that nothing is left when that is not known."""

import pytest

from handlers.blocks.announcements import ended
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus, StageStatus
from tests.unit.test_card import release, run

GONE = "the engine does not answer. Next: start it."


@pytest.mark.parametrize(
    ("cleaning", "said"),
    [
        (StageStatus.SUCCEEDED, "nothing of it is left running."),
        (
            StageStatus.FAILED,
            "what was prepared of this one may still run, until the next release takes it away.",
        ),
    ],
)
def test_what_is_left_of_it(cleaning: StageStatus, said: str) -> None:
    runs = {
        "build": run("build", StageStatus.FAILED, "trouble", facts={"error": GONE}),
        "clean-up": run("clean-up", cleaning, "trouble", facts={"error": GONE}),
    }
    text = ended(Snapshot(release(ReleaseStatus.FAILED), runs)).text
    assert f"Production still serves v0.1.0; {said}" in text
    assert ".;" not in text
    assert ".." not in text
