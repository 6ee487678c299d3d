"""What a failed build is told with, and how the two streams of a container become one text."""

from pipeline.adapters.docker.streams import said, whole_lines

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


class TestWholeLines:
    def test_a_line_is_not_broken_by_one_of_the_other_stream(self) -> None:
        pieces = [(b"token hun", None), (None, b"w\xc3"), (b"ter2\n", b"\xb6rld\n"), (b"more\nand", None)]
        assert list(whole_lines(pieces)) == [b"token hunter2\n", b"w\xc3\xb6rld\n", b"more\n", b"and"]

    def test_what_has_no_end_is_not_kept_for_ever(self) -> None:
        long = b"x" * 2**20
        assert list(whole_lines([(long, None), (b"y", None), (b"z\n", None)])) == [long + b"y", b"z\n"]

    def test_of_nothing_comes_nothing(self) -> None:
        assert list(whole_lines([(b"", None), (None, None)])) == []
