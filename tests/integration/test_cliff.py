"""git-cliff on the bare mirror: every commit counts, reverts cancel out, the same text every time."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.adapters.cliff import CliffChangelog
from pipeline.changes import Changes
from pipeline.errors import RepositoryError
from tests.integration.origin import Origin

AT = datetime(2026, 12, 1, 23, 30, tzinfo=UTC)


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    made = Origin(tmp_path)
    made.commit("feat: first")
    made.tag("v0.1.0")
    return made


async def cliff(origin: Origin) -> CliffChangelog:
    mirror = origin.path.with_name("mirror.git")
    await origin.repository(mirror).fetch()
    return CliffChangelog(mirror=mirror)


def head(origin: Origin, name: str = "HEAD") -> str:
    return origin.git("rev-parse", name + "^{commit}")


async def test_the_entry_accounts_for_every_commit(origin: Origin) -> None:
    messages = (
        "feat(api)!: drop the old login\n\nBREAKING CHANGE: log in again",
        "fix: rounding",
        "made it work",
        "chore: bump",
        "docs: how to",
        "perf(db): faster",
        "unknown: thing",
        "Merge trains are great",
    )
    short = [origin.commit(message)[:7] for message in messages]
    writer, shas = await cliff(origin), (head(origin), head(origin, "v0.1.0"))
    assert await writer.entry(*shas, "v0.2.0", AT) == (
        "## [0.2.0] - 2026-12-01\n\n"
        f"### Breaking\n\n- **api:** drop the old login: log in again ({short[0]})\n\n"
        f"### Changed\n\n- **db:** faster ({short[5]})\n\n"
        f"### Fixed\n\n- rounding ({short[1]})\n\n"
        f"### Documentation\n\n- how to ({short[4]})\n\n"
        f"### Maintenance\n\n- bump ({short[3]})\n\n"
        f"### Other\n\n- Merge trains are great ({short[7]})\n- thing ({short[6]})\n- made it work ({short[2]})\n"
    )
    assert await writer.entry(*shas, "0.2.0", AT) == await writer.entry(*shas, "v0.2.0", AT)


async def test_reverts_cancel_what_they_revert(origin: Origin) -> None:
    origin.commit("fix: kept", {"a": "1"})
    origin.commit("feat: regretted", {"a": "2"})
    origin.git("revert", "--no-edit", "HEAD")
    origin.commit("fix: later")
    writer = await cliff(origin)
    entry = await writer.entry(head(origin), head(origin, "v0.1.0"), "0.2.0", AT)
    assert "regretted" not in entry
    assert "kept" in entry
    context = await writer.context(head(origin), head(origin, "v0.1.0"), "0.2.0")
    assert len(context) == 4
    assert Changes.from_context(context, base=None, head=head(origin)).reverted == 2


async def test_merges_and_the_bots_own_commits_are_counted_but_not_told(origin: Origin) -> None:
    origin.git("checkout", "-q", "-b", "side")
    origin.commit("fix: on the side")
    origin.git("checkout", "-q", "main")
    origin.commit("fix: on main")
    origin.git("merge", "-q", "--no-ff", "-m", "Merge branch 'side'", "side")
    origin.commit("docs(changelog): add v0.1.0\n\nChangelog-For: v0.1.0")
    writer, base = await cliff(origin), head(origin, "v0.1.0")
    context = await writer.context(head(origin), base, "0.2.0")
    groups = Changes.from_context(context, base=base, head=head(origin)).groups
    assert {name: len(items) for name, items in groups.items()} == {"Fixed": 2, "Bookkeeping": 2}
    entry = await writer.entry(head(origin), base, "0.2.0", AT)
    assert "Merge" not in entry
    assert "v0.1.0" not in entry


async def test_a_pull_requests_text_is_read_from_its_merge(origin: Origin) -> None:
    origin.git("checkout", "-q", "-b", "side")
    origin.commit("fix: on the side\n\nRisk: orders wait")
    origin.git("checkout", "-q", "main")
    body = "## Risks\n\n- orders wait\n- [ ] data is lost\n\n## Tests\n\n- all"
    origin.git(
        "merge", "-q", "--no-ff", "-m", f"Merge pull request #12 from x/side\n\nOn the side\n\n{body}", "side"
    )
    origin.commit(
        "feat: squashed (#13)\n\n## Riscos\n\nPedidos em dobro\n\nCo-authored-by: Bea <bea@example.org>"
    )
    context = await (await cliff(origin)).context(head(origin), head(origin, "v0.1.0"), "0.2.0")
    changes = Changes.from_context(context, base=None, head=head(origin))
    assert changes.risks() == ("Pedidos em dobro", "orders wait")


async def test_the_first_release_has_the_whole_history(origin: Origin) -> None:
    origin.commit("fix: second")
    origin.tag("v0.2.0-rc.1")
    origin.commit("fix: third")
    context = await (await cliff(origin)).context(head(origin), None, "v0.2.0")
    assert [commit["message"] for commit in context] == ["third", "second", "first"]


async def test_no_commits_make_a_section_all_the_same(origin: Origin) -> None:
    writer = await cliff(origin)
    assert await writer.context(head(origin), head(origin), "0.1.0") == []
    assert (
        await writer.entry(head(origin), head(origin), "0.1.0", AT)
        == "## [0.1.0] - 2026-12-01\n\nNo changes.\n"
    )


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[None]:
    """git-cliff's own variables, as an operator might have them."""
    own = {"GIT_CLIFF_OUTPUT": str(tmp_path / "stolen"), "GIT_CLIFF_CONFIG": str(tmp_path / "none.toml")}
    os.environ.update(own)
    yield
    for name in own:
        del os.environ[name]


@pytest.mark.usefixtures("settings")
async def test_the_environment_and_the_products_own_files_change_nothing(
    origin: Origin, tmp_path: Path
) -> None:
    origin.commit("chore: config", {"cliff.toml": "[changelog]\nbody = 'hijacked'\n", ".cliffignore": "*"})
    entry = await (await cliff(origin)).entry(head(origin), head(origin, "v0.1.0"), "0.2.0", AT)
    assert "### Maintenance\n\n- config" in entry
    assert not (tmp_path / "stolen").exists()


async def test_hostile_commits_stay_one_harmless_line(origin: Origin) -> None:
    origin.commit("feat: {{ version }} {% raw %} \u202e<script> \x1b[31m\n\nsecond line\n\n## [9.9.9]\n")
    entry = await (await cliff(origin)).entry(head(origin), head(origin, "v0.1.0"), "0.2.0", AT)
    line = entry.splitlines()[-1]
    assert line == f"- {{{{ version }}}} {{% raw %}} <script> [31m ({head(origin)[:7]})"
    assert "9.9.9" not in entry


async def test_names_and_unknown_commits_are_refused(origin: Origin) -> None:
    writer = await cliff(origin)
    for hostile in ("main", "--exec=x", "", "v0.1.0"):
        with pytest.raises(RepositoryError, match="is no full commit SHA"):
            await writer.context(hostile, None, "0.2.0")
    with pytest.raises(RepositoryError, match=r"git-cliff could not read the history: .* Next: fetch"):
        await writer.context("0" * 40, None, "0.2.0")


async def test_a_mirror_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="Next: fetch the repository"):
        await CliffChangelog(mirror=tmp_path / "none").context("0" * 40, None, "0.2.0")
