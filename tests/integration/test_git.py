"""Reading a product's repository: real git, a real origin, one bare mirror."""

import asyncio
import os
from pathlib import Path

import pytest

from pipeline.adapters.git import LARGEST_TEXT
from pipeline.errors import RepositoryError
from pipeline.ports import Extent
from tests.integration.origin import Origin


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    made = Origin(tmp_path)
    made.commit("feat: first", {"app.py": "1\n", "docs/ü b.md": "héllo\n"})
    return made


async def test_tags_are_peeled_to_their_commits(origin: Origin) -> None:
    assert await origin.repository().tags() == {}
    first = origin.git("rev-parse", "HEAD")
    origin.tag("v0.1.0")
    origin.tag("light", annotated=False)
    origin.git("tag", "-a", "-m", "of a tag", "nested", "v0.1.0")
    origin.git("push", "-q", "origin", "nested")
    repository = origin.repository()
    await repository.fetch()
    assert await repository.tags() == {"v0.1.0": first, "light": first, "nested": first}


async def test_names_are_resolved_and_expressions_are_not(origin: Origin) -> None:
    first = origin.git("rev-parse", "HEAD")
    origin.commit("fix: second")
    origin.tag("v0.1.0", first)
    repository = origin.repository()
    assert await repository.resolve("v0.1.0") == first
    assert await repository.resolve(first[:8]) == first
    assert await repository.resolve("main") == origin.git("rev-parse", "HEAD")
    for hostile in (
        "",
        "-h",
        "--all",
        "main~1",
        ":/first",
        "main@{1}",
        "a b",
        "x" * 5000,
        "nope",
        "\x00",
        "v\ud800",
    ):
        assert await repository.resolve(hostile) is None, hostile
    assert await repository.resolve("0" * 40) is None


async def test_a_commit_is_on_main_or_not(origin: Origin) -> None:
    first = origin.git("rev-parse", "HEAD")
    main = origin.commit("fix: second")
    origin.git("checkout", "-q", "-b", "side", first)
    side = origin.commit("feat: side")
    repository = origin.repository()
    answers = [await repository.is_on_main(sha) for sha in (first, main, side, "0" * 40, "-x")]
    assert answers == [True, True, False, False, False]


async def test_files_are_read_at_a_commit(origin: Origin) -> None:
    first = origin.git("rev-parse", "HEAD")
    origin.commit("later", {"app.py": "2\n"})
    (origin.work / "link").symlink_to("app.py")
    origin.commit("link")
    repository = origin.repository()
    assert await repository.read(first, "app.py") == "1\n"
    assert await repository.read("main", "./docs/ü b.md") == "héllo\n"
    for absent in ("", "nope", "docs", "/etc/passwd", "../app.py", "app.py\0", "*.py", ":(top)app.py"):
        assert await repository.read("main", absent) is None, absent
    with pytest.raises(RepositoryError, match="is no commit of the repository"):
        await repository.read("0" * 40, "app.py")


async def test_files_that_are_no_text_or_too_large_are_refused(origin: Origin) -> None:
    origin.commit("binary", {"latin.toml": b"caf\xe9", "huge.toml": b"x" * (LARGEST_TEXT + 1)})
    repository = origin.repository()
    with pytest.raises(RepositoryError, match=r"not UTF-8 text: .* at byte 3"):
        await repository.read("main", "latin.toml")
    with pytest.raises(RepositoryError, match="10,000,001 bytes"):
        await repository.read("main", "huge.toml")


async def test_the_log_keeps_every_field(origin: Origin) -> None:
    base = origin.git("rev-parse", "HEAD")
    head = origin.commit("fix: ünïcode \u202e\n\nbody %x00 line\n\nRisk: none\n")
    repository = origin.repository()
    (commit,) = await repository.log(base, head)
    assert (commit.sha, commit.subject, commit.author) == (head, "fix: ünïcode \u202e", "Ana Lima")
    assert commit.body == "body %x00 line\n\nRisk: none"
    assert commit.email == "ana@example.org"
    assert commit.at.utcoffset() is not None
    assert [c.sha for c in await repository.log(None, head)] == [head, base]
    assert await repository.log(head, head) == ()


async def test_changed_files_name_both_ends_of_a_rename(origin: Origin) -> None:
    base = origin.git("rev-parse", "HEAD")
    origin.git("mv", "app.py", "main.py")
    head = origin.commit("refactor: rename")
    repository = origin.repository()
    assert await repository.changed_files(base, head) == ("app.py", "main.py")
    assert await repository.changed_files(None, base) == ("app.py", "docs/ü b.md")
    extent = await repository.extent(base, head)
    assert (extent.paths, extent.added > 0, extent.removed > 0) == (("app.py", "main.py"), True, True)
    assert await repository.extent(None, base) == Extent(("app.py", "docs/ü b.md"), 0, 0)


async def test_a_moved_release_tag_is_an_error_that_says_so(origin: Origin) -> None:
    origin.tag("v0.1.0")
    repository = origin.repository()
    before = await repository.resolve("v0.1.0")
    origin.commit("later")
    origin.tag("v0.1.0")
    with pytest.raises(
        RepositoryError, match=r"The tag v0\.1\.0 was moved at the origin .* Next: put it back"
    ):
        await repository.fetch()
    assert await repository.resolve("v0.1.0") == before


async def test_floating_and_deleted_tags_follow_the_origin(origin: Origin) -> None:
    origin.tag("nightly")
    origin.tag("gone")
    repository = origin.repository()
    await repository.fetch()
    head = origin.commit("later")
    origin.tag("nightly")
    origin.git("push", "-q", "origin", ":refs/tags/gone")
    await repository.fetch()
    assert await repository.tags() == {"nightly": head}


async def test_a_branch_that_becomes_a_folder_and_a_rewritten_one_are_followed(origin: Origin) -> None:
    origin.git("push", "-q", "origin", "HEAD:refs/heads/topic")
    repository = origin.repository()
    await repository.fetch()
    origin.git("push", "-q", "origin", ":refs/heads/topic")
    origin.git("push", "-q", "origin", "HEAD:refs/heads/topic/one")
    origin.git("commit", "-q", "--amend", "-m", "rewritten")
    head = origin.commit("more")
    await repository.fetch()
    assert await repository.resolve("topic/one") is not None
    assert await repository.resolve("main") == head


async def test_an_old_mirror_is_read_without_its_origin(origin: Origin) -> None:
    await origin.repository().fetch()
    origin.path.rename(origin.path.with_name("moved.git"))
    assert await origin.repository().read("main", "app.py") == "1\n"


async def test_a_damaged_mirror_says_what_to_do(origin: Origin, tmp_path: Path) -> None:
    repository = origin.repository()
    await repository.fetch()
    for stored in (tmp_path / "mirror.git" / "objects").rglob("*"):
        if stored.is_file():
            stored.chmod(0o644)
            stored.write_bytes(b"rubbish")
    with pytest.raises(RepositoryError, match=r"copy of the repository is damaged\. Next: remove the mirror"):
        await repository.log(None, origin.git("rev-parse", "HEAD"))


async def test_a_lock_without_an_owner_is_removed(origin: Origin, tmp_path: Path) -> None:
    repository = origin.repository()
    await repository.fetch()
    origin.commit("later")
    lock = tmp_path / "mirror.git" / "refs" / "heads" / "main.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    with pytest.raises(RepositoryError, match=r"Another git is at work"):
        await repository.fetch()
    os.utime(lock, (0, 0))
    await repository.fetch()
    assert await repository.resolve("main") == origin.git("rev-parse", "HEAD")


async def test_many_calls_at_once_are_fine(origin: Origin) -> None:
    repository = origin.repository()
    await asyncio.gather(*(repository.fetch() for _ in range(3)), *(repository.tags() for _ in range(5)))
