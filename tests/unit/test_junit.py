"""JUnit reports: only what is there and passed counts, and no report can break the reader."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.junit import LARGEST, SHOWN, normal, read_suite

CASES = """\
<testcase classname="smoke" name="test_login" time="0.1"/>
<testcase classname="smoke" name="test_create_charge" time="0.2"/>
"""
BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<testsuite><testcase name="&b;"/></testsuite>"""
OUTSIDE = (
    '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><testsuite><testcase name="&a;"/></testsuite>'
)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "report.xml"


def write(report: Path, cases: str, suite: str = "") -> Path:
    report.write_text(f"<testsuites><testsuite name='s' {suite}>{cases}</testsuite></testsuites>")
    return report


def test_required_steps_that_passed(report: Path) -> None:
    result = read_suite(write(report, CASES), ("Create charge", "test-login"))
    assert result.passed
    assert result.steps == {"test_login": "passed", "test_create_charge": "passed"}
    assert (result.missing, result.failures) == ((), {})


@pytest.mark.parametrize("step", ["create", "create charge again", "charge", ""])
def test_names_match_as_a_whole(report: Path, step: str) -> None:
    result = read_suite(write(report, CASES), (step,))
    assert (result.passed, result.missing) == (False, (step,))


def test_one_suite_without_a_wrapper_and_nested_suites_are_read(report: Path) -> None:
    report.write_text(f"<testsuite>{CASES}</testsuite>")
    assert len(read_suite(report, ()).steps) == 2
    write(report, f"<testsuite name='inner'>{CASES}</testsuite>")
    assert read_suite(report, ("login",)).passed


def test_skipped_is_not_passed(report: Path) -> None:
    write(report, CASES + '<testcase name="dry_run"><skipped message="later"/></testcase>')
    assert read_suite(report, ("login",)).passed
    result = read_suite(report, ("login", "dry run"))
    assert (result.passed, result.missing) == (False, ("dry run",))


@pytest.mark.parametrize("kind", ["failure", "error"])
def test_any_failure_fails_and_is_named_shortly(report: Path, kind: str) -> None:
    write(
        report,
        CASES
        + f'<testcase name="approve"><{kind} message="got&#10; 500 {"x" * 900}">trace</{kind}></testcase>',
    )
    result = read_suite(report, ("login", "approve"))
    assert (result.passed, result.missing) == (False, ())
    assert result.failures["approve"].startswith("got 500 xxx")
    assert len(result.failures["approve"]) == 300


def test_a_failure_without_a_message_shows_its_text(report: Path) -> None:
    write(
        report,
        '<testcase name="a"><failure>AssertionError: 1</failure></testcase><testcase name="b"><error/></testcase>',
    )
    assert read_suite(report, ()).failures == {"a": "AssertionError: 1", "b": "failed without a message"}


def test_of_tests_with_one_name_the_worst_counts(report: Path) -> None:
    write(report, CASES + '<testcase name="test_login"><skipped/></testcase>')
    assert read_suite(report, ("login",)).missing == ("login",)
    write(report, '<testcase name="Test Login"><skipped/></testcase>' + CASES)
    assert read_suite(report, ("login",)).missing == ("login",)


def test_a_suite_that_broke_outside_its_tests_failed(report: Path) -> None:
    result = read_suite(write(report, CASES, 'errors="1" tests="3"'), ())
    assert not result.passed
    assert result.failures == {"s": "The suite counts errors that no test shows."}


def test_no_tests_or_only_skipped_ones_are_not_passed(report: Path) -> None:
    assert read_suite(write(report, ""), ()).failures == {"report": "The report has no tests in it."}
    assert read_suite(write(report, "<testcase name='a'><skipped/></testcase>"), ()).failures == {
        "report": "No test passed."
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"<testsuite><testcase name='a'/>", "cannot be read: no element found"),
        (b"not xml", "cannot be read: syntax error"),
        (BOMB.encode(), "cannot be read: DTDForbidden"),
        (OUTSIDE.encode(), "cannot be read: DTDForbidden"),
        (b"<?xml version='1.0' encoding='utf-8'?><testsuite name='\xff\xfe'/>", "invalid token"),
        (b"<?xml version='1.0' encoding='klingon'?><testsuite/>", "unknown encoding"),
        (b"<testsuite errors='many'><testcase name='a'/></testsuite>", "invalid literal"),
        (b"<testsuite>\x00</testsuite>", "invalid token"),
    ],
)
def test_a_report_that_cannot_be_read_is_a_clear_failure(report: Path, content: bytes, says: str) -> None:
    report.write_bytes(content)
    result = read_suite(report, ("login",))
    assert (result.passed, result.missing) == (False, ("login",))
    assert says in result.failures["report"]


def test_a_report_that_is_not_there_or_too_large_is_a_clear_failure(report: Path) -> None:
    assert read_suite(report, ()).failures == {"report": "There is no report: the suite wrote none."}
    assert "Is a directory" in read_suite(report.parent, ()).failures["report"]
    with report.open("wb") as file:
        file.truncate(LARGEST * 5)
    assert "100,000,000 bytes" in read_suite(report, ()).failures["report"]


def test_thousands_of_failures_and_deep_suites_stay_bounded(report: Path) -> None:
    write(report, "".join(f"<testcase name='t{n}'><failure/></testcase>" for n in range(5000)))
    assert len(read_suite(report, ()).failures) == SHOWN
    report.write_text("<testsuite>" * 20_000 + CASES + "</testsuite>" * 20_000)
    assert read_suite(report, ("login",)).passed


def test_utf16_and_hostile_names(report: Path) -> None:
    report.write_bytes(
        "<?xml version='1.0' encoding='utf-16'?><testsuite><testcase name='tést\u202e&lt;b&gt;'/></testsuite>".encode(
            "utf-16"
        )
    )
    assert read_suite(report, ()).steps == {"tést<b>": "passed"}


def test_names_are_normalised() -> None:
    assert normal("Test_Create-Charge ") == normal("create  charge") == "create charge"
    assert normal("testing") == "testing"


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.xml"
    path.write_bytes(content)
    assert not read_suite(path, ("login",)).passed


def dry(value: str | None) -> str:
    said = f'<properties><property name="dry_run" value="{value}"/></properties>' if value else ""
    return f'<testsuite><testcase name="test_send_dry_run">{said}</testcase></testsuite>'


@pytest.mark.parametrize("value", ["True", "true"])
def test_a_dry_run_says_that_it_was_one(report: Path, value: str) -> None:
    assert read_suite(write(report, dry(value)), (), ("send dry run",)).passed


@pytest.mark.parametrize("text", [dry(None), dry("False"), dry("yes")])
def test_a_dry_run_that_does_not_say_so_counts_as_done_in_earnest(report: Path, text: str) -> None:
    result = read_suite(write(report, text), (), ("send dry run",))
    assert not result.passed
    assert "did not say that it was a dry run" in result.failures["send dry run"]


def test_a_dry_run_is_required(report: Path) -> None:
    result = read_suite(write(report, CASES), (), ("send dry run",))
    assert (result.passed, result.missing) == (False, ("send dry run",))
