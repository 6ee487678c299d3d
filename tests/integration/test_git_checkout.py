"""Checkouts are complete or not there at all."""

import asyncio
import os
from pathlib import Path

import pytest

from pipeline.errors import RepositoryError
from tests.integration.origin import Origin


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    made = Origin(tmp_path)
    made.commit("first", {"app.py": "1\n", "tests/t.py": "t\n", ".gitattributes": "tests export-ignore\n"})
    return made


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


async def test_every_file_of_the_commit_is_there_and_nothing_of_git(origin: Origin, tmp_path: Path) -> None:
    (origin.work / "run.sh").write_text("#!/bin/sh\n")
    (origin.work / "run.sh").chmod(0o755)
    (origin.work / "link").symlink_to("app.py")
    sha = origin.commit("more", {"dir/sp ace/ü": "x"})
    folder = tmp_path / "out" / "tree"
    await origin.repository().checkout(sha, folder)
    assert names(folder) == {"app.py", "tests/t.py", ".gitattributes", "run.sh", "link", "dir/sp ace/ü"}
    assert os.access(folder / "run.sh", os.X_OK)
    assert (folder / "link").is_symlink()
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


async def test_a_complete_checkout_is_kept_as_it_is(origin: Origin, tmp_path: Path) -> None:
    sha = origin.git("rev-parse", "HEAD")
    repository, folder = origin.repository(), tmp_path / "tree"
    await repository.checkout(sha, folder)
    (folder / "built.txt").write_text("by a build")
    await repository.checkout("main", folder)
    assert (folder / "built.txt").exists()


async def test_an_empty_folder_is_filled(origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    await origin.repository().checkout("main", tmp_path / "tree")
    assert (tmp_path / "tree" / "app.py").exists()


async def test_another_commit_or_foreign_files_are_never_overwritten(origin: Origin, tmp_path: Path) -> None:
    first = origin.git("rev-parse", "HEAD")
    second = origin.commit("second", {"app.py": "2\n"})
    repository, folder = origin.repository(), tmp_path / "tree"
    await repository.checkout(first, folder)
    with pytest.raises(RepositoryError, match=f"holds {first}"):
        await repository.checkout(second, folder)
    assert (folder / "app.py").read_text() == "1\n"
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "mine").touch()
    with pytest.raises(RepositoryError, match="something that the bot did not check out"):
        await repository.checkout(first, foreign)


async def test_an_interrupted_checkout_leaves_nothing_and_starts_again(
    origin: Origin, tmp_path: Path
) -> None:
    sha = origin.commit("many", {f"d{n % 50}/f{n}": "x" * 200 for n in range(1500)})
    repository, folder = origin.repository(), tmp_path / "out" / "tree"
    await repository.fetch()
    work = asyncio.create_task(repository.checkout(sha, folder))
    async with asyncio.timeout(10):
        while not (folder.parent.exists() and any(folder.parent.glob(".tree.part-*/tree/d*"))):
            await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert list(folder.parent.iterdir()) == []
    await repository.checkout(sha, folder)
    assert len(names(folder)) == 1503


async def test_what_a_killed_bot_left_is_swept(origin: Origin, tmp_path: Path) -> None:
    old, young = tmp_path / ".tree.part-old", tmp_path / ".tree.part-young"
    old.mkdir()
    young.mkdir()
    os.utime(old, (0, 0))
    (tmp_path / "tree.commit").write_text("a marker whose rename never came")
    await origin.repository().checkout("main", tmp_path / "tree")
    assert (tmp_path / "tree" / "app.py").exists()
    assert not old.exists()
    assert young.exists()


async def test_two_checkouts_at_once_are_one(origin: Origin, tmp_path: Path) -> None:
    repository, folder = origin.repository(), tmp_path / "out" / "tree"
    await asyncio.gather(*(repository.checkout("main", folder) for _ in range(4)))
    assert names(folder.parent) == {"tree.commit", "tree/app.py", "tree/tests/t.py", "tree/.gitattributes"}


async def test_a_folder_that_cannot_be_written_says_so(origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RepositoryError, match=r"could not be checked out into .*: File exists\. Next: "):
        await origin.repository().checkout("main", tmp_path / "file" / "tree")
