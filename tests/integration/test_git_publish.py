"""Publishing: one atomic push, the same objects every time, and nothing is ever moved."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.adapters.git import ATTEMPTS, GitRepository
from pipeline.errors import RepositoryError
from pipeline.ports import Published
from tests.integration.origin import Origin, repository

AT = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)
SECTION = "## [0.2.0] - 2026-12-01\n\n### Added\n\n- Approvals\n"
MOVES_MAIN = """\
unset GIT_QUARANTINE_PATH
tip=$(git rev-parse refs/heads/main)
new=$(git -c user.name=x -c user.email=x@x commit-tree "$tip^{tree}" -p "$tip" -m "chore: meanwhile")
git update-ref refs/heads/main "$new"
"""


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    made = Origin(tmp_path)
    made.commit("feat: first", {"app.py": "1\n"})
    return made


async def publish(
    repository: GitRepository, sha: str, tag: str = "v0.2.0", section: str = SECTION
) -> Published:
    message = "Release v0.2.0\n\nApproved by Bea."
    return await repository.publish(sha=sha, tag=tag, message=message, changelog=section, at=AT)


async def test_the_tag_stands_at_the_commit_and_the_section_on_main(origin: Origin) -> None:
    sha = origin.git("rev-parse", "HEAD")
    made = await publish(origin.repository(), sha)
    assert origin.bare("rev-parse", "v0.2.0^{commit}") == sha
    assert origin.bare("rev-parse", "v0.2.0") == made.tag_sha
    assert origin.bare("cat-file", "tag", "v0.2.0") == (
        f"object {sha}\ntype commit\ntag v0.2.0\ntagger Release Bot <bot@example.org> 1796121000 +0000\n\n"
        "Release v0.2.0\n\nApproved by Bea."
    )
    assert origin.bare("rev-parse", "main") == made.changelog_commit
    assert origin.bare("rev-parse", "main^") == sha
    assert "### Added\n\n- Approvals" in origin.bare("show", "main:CHANGELOG.md")
    assert origin.bare("ls-tree", "-r", "--name-only", "main") == "CHANGELOG.md\napp.py"
    assert origin.bare("fsck", "--strict") == ""


async def test_the_same_call_again_changes_nothing(origin: Origin, tmp_path: Path) -> None:
    sha = origin.git("rev-parse", "HEAD")
    first = await publish(origin.repository(), sha)
    origin.git("pull", "-q", "origin", "main")
    later = origin.commit("feat: later")
    assert await publish(origin.repository(), sha) == first
    assert await publish(origin.repository(tmp_path / "another.git"), sha) == first
    assert origin.bare("rev-parse", "main") == later


async def test_the_objects_depend_on_the_arguments_alone(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        origin = Origin(tmp_path / name)
        made.append(await publish(origin.repository(), origin.commit("feat: first", {"app.py": "1\n"})))
    assert made[0] == made[1]


async def test_what_is_published_can_be_asked(origin: Origin) -> None:
    repository = origin.repository()
    assert await repository.published("v0.2.0") is None
    made = await publish(repository, origin.git("rev-parse", "HEAD"))
    assert (await repository.tags()).keys() == {"v0.2.0"}
    assert await repository.resolve("main") == made.changelog_commit
    assert await origin.repository().published("v0.2.0") == made
    assert await repository.published("v0.2") is None


async def test_the_section_goes_above_the_older_ones_and_only_once(origin: Origin) -> None:
    sha = origin.commit(
        "docs: changelog", {"CHANGELOG.md": "# Changes\r\n\r\n## [0.1.0]\r\n\r\n- caf\u00e9\r\n"}
    )
    await publish(origin.repository(), sha)
    origin.git("pull", "-q", "origin", "main")
    text = (origin.work / "CHANGELOG.md").read_bytes().decode()
    assert text.startswith("# Changes\r\n\r\n## [0.2.0] - 2026-12-01\r\n")
    assert text.endswith("## [0.1.0]\r\n\r\n- caf\u00e9\r\n")


async def test_a_section_that_is_there_by_hand_makes_no_commit(origin: Origin) -> None:
    sha = origin.commit("docs: by hand", {"CHANGELOG.md": "# Changes\n\n## [0.2.0]\n\n- mine\n"})
    made = await publish(origin.repository(), sha)
    assert made.changelog_commit is None
    assert origin.bare("rev-parse", "main") == sha


async def test_bytes_that_are_no_utf8_and_the_mode_are_kept(origin: Origin) -> None:
    (origin.work / "CHANGELOG.md").write_bytes(b"# Caf\xe9\n")
    (origin.work / "CHANGELOG.md").chmod(0o755)
    await publish(origin.repository(), origin.commit("docs: latin"))
    origin.git("pull", "-q", "origin", "main")
    assert (origin.work / "CHANGELOG.md").read_bytes().startswith(b"# Caf\xe9\n\n## [0.2.0]")
    assert origin.bare("ls-tree", "main", "CHANGELOG.md").startswith("100755")


async def test_a_changelog_that_is_no_file_is_refused(origin: Origin) -> None:
    (origin.work / "CHANGELOG.md").symlink_to("app.py")
    sha = origin.commit("docs: link")
    with pytest.raises(RepositoryError, match=r"a link or a folder.* Next: make it a plain file"):
        await publish(origin.repository(), sha)
    assert origin.bare("tag") == ""


async def test_a_tag_at_another_commit_is_never_moved(origin: Origin) -> None:
    origin.tag("v0.2.0")
    later = origin.commit("feat: later")
    with pytest.raises(
        RepositoryError, match=r"v0\.2\.0 exists already, at .* A tag is never moved\. Next: "
    ):
        await publish(origin.repository(), later)
    assert origin.bare("rev-parse", "main") == later


async def test_when_main_moves_meanwhile_the_section_goes_on_the_new_tip(origin: Origin) -> None:
    sha = origin.git("rev-parse", "HEAD")
    origin.hook("pre-receive", f"[ -e moved ] && exit 0\ntouch moved\n{MOVES_MAIN}")
    made = await publish(origin.repository(), sha)
    assert origin.bare("log", "--format=%s", "main").splitlines() == [
        "docs(changelog): add v0.2.0",
        "chore: meanwhile",
        "feat: first",
    ]
    assert origin.bare("rev-parse", "main") == made.changelog_commit


async def test_a_main_that_never_rests_ends_in_an_error_and_leaves_no_tag(origin: Origin) -> None:
    sha = origin.git("rev-parse", "HEAD")
    origin.hook("pre-receive", MOVES_MAIN)
    with pytest.raises(RepositoryError, match=f"main moved {ATTEMPTS} times"):
        await publish(origin.repository(), sha)
    assert origin.bare("tag") == ""


async def test_rules_of_the_origin_are_explained(origin: Origin) -> None:
    origin.hook("pre-receive", "echo 'only through a pull request' >&2; exit 1")
    with pytest.raises(RepositoryError, match=r"The origin's rules forbid this push\. Next: let the bot's"):
        await publish(origin.repository(), origin.git("rev-parse", "HEAD"))
    assert origin.bare("tag") == ""
    assert origin.bare("log", "--format=%s") == "feat: first"


async def test_a_working_folder_as_origin_is_explained(origin: Origin, tmp_path: Path) -> None:
    folder = repository(str(origin.work), tmp_path / "m.git")
    with pytest.raises(RepositoryError, match=r"somebody's working folder .* Next: release from a bare"):
        await publish(folder, origin.git("rev-parse", "HEAD"))
    assert origin.git("tag") == ""


async def test_two_bots_at_once_publish_one_release(origin: Origin, tmp_path: Path) -> None:
    sha = origin.git("rev-parse", "HEAD")
    bots = [origin.repository(tmp_path / f"mirror-{n}.git") for n in range(3)]
    made = await asyncio.gather(*(publish(bot, sha) for bot in bots))
    assert made[0] == made[1] == made[2]
    assert origin.bare("rev-list", "--count", "main") == "2"


async def test_releases_with_different_tags_at_once_both_arrive(origin: Origin, tmp_path: Path) -> None:
    sha = origin.git("rev-parse", "HEAD")
    one, two = origin.repository(tmp_path / "1.git"), origin.repository(tmp_path / "2.git")
    await asyncio.gather(publish(one, sha), publish(two, sha, "v0.3.0", "## [0.3.0]\n\n- more\n"))
    text = origin.bare("show", "main:CHANGELOG.md")
    assert "## [0.2.0]" in text
    assert "## [0.3.0]" in text


@pytest.mark.parametrize("tag", ["", "-d", "v1..2", "v1 2", "v1\n", "a" * 300, "v1^{}"])
async def test_hostile_tag_names_are_refused(origin: Origin, tag: str) -> None:
    with pytest.raises(RepositoryError, match="cannot be a tag's name"):
        await publish(origin.repository(), origin.git("rev-parse", "HEAD"), tag)


async def test_a_commit_that_is_not_there_is_refused(origin: Origin) -> None:
    with pytest.raises(RepositoryError, match="is no commit"):
        await publish(origin.repository(), "0" * 40)
