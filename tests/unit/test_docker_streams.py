"""What a failed build is told with."""

from pipeline.adapters.docker.streams import said

WHY = "The command '/bin/sh -c make' returned a non-zero code: 2"
LOG = (
    "Step 4/5 : RUN pip install .",
    " ---> Running in 0123456789ab",
    "installed",
    "Step 5/5 : RUN make",
    " ---> Running in cbb41bfaee72",
    "cc: no such file",
    "Removing intermediate container cbb41bfaee72",
    WHY,
)


class TestSaid:
    def test_it_is_what_the_last_step_printed(self) -> None:
        assert said(LOG, WHY) == ["cc: no such file"]

    def test_without_the_steps_beginning_it_is_all_that_was_printed(self) -> None:
        assert said(("a line", "another"), WHY) == ["a line", "another"]

    def test_a_step_that_printed_nothing(self) -> None:
        assert said((LOG[3], LOG[4], WHY), WHY) == []
