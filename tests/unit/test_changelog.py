"""A new version's section goes where a reader of CHANGELOG.md looks for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.changelog import HEADER, insert_section

SECTION = "## [0.2.0] - 2026-12-01\n\n### Added\n\n- Approvals\n"


@pytest.mark.parametrize("existing", [None, "", "\n \n"])
def test_a_missing_file_gets_a_header(existing: str | None) -> None:
    assert insert_section(existing, SECTION) == f"{HEADER}\n{SECTION}"


def test_the_newest_version_comes_first_and_unreleased_stays_on_top() -> None:
    existing = "# Changelog\n\n## [Unreleased]\n\n- soon\n\n## [0.1.0] - 2026-10-01\n\n- first\n"
    assert insert_section(existing, SECTION) == (
        f"# Changelog\n\n## [Unreleased]\n\n- soon\n\n{SECTION}\n## [0.1.0] - 2026-10-01\n\n- first\n"
    )


def test_link_definitions_stay_at_the_end() -> None:
    existing = "# Changelog\n\n## [Unreleased]\n\n[unreleased]: https://example.org/compare\n"
    assert insert_section(existing, SECTION) == (
        f"# Changelog\n\n## [Unreleased]\n\n{SECTION}\n[unreleased]: https://example.org/compare\n"
    )


@pytest.mark.parametrize("heading", ["## [0.2.0] - 2026-11-11", "## v0.2.0", "## 0.2.0", "##  [v0.2.0]"])
def test_a_version_is_written_once(heading: str) -> None:
    existing = f"# Changelog\n\n{heading}\n\n- by hand\n"
    assert insert_section(existing, SECTION) == existing


def test_a_longer_version_is_another_version() -> None:
    assert "## [0.2.0] -" in insert_section("# Changelog\n\n## [0.2.0-rc.1]\n\n## 0.2.01\n", SECTION)


def test_line_ends_are_kept() -> None:
    merged = insert_section("# Changelog\r\n\r\n## [0.1.0]\r\n", SECTION)
    assert merged.count("\n") == merged.count("\r\n")


def test_nothing_to_say_changes_nothing() -> None:
    assert insert_section("# Mine\n", "  \n") == "# Mine\n"
    assert insert_section(None, "") == ""


@given(st.text(st.sampled_from("#[]v0.12 -\n\rab:"), max_size=80))
def test_inserting_twice_is_inserting_once(existing: str) -> None:
    once = insert_section(existing, SECTION)
    assert insert_section(once, SECTION) == once
