"""The artifact store: content, digests, what is refused, what is kept."""

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.adapters.artifacts import ArtifactStore
from pipeline.adapters.commands import LocalRunner
from pipeline.errors import BuildError
from pipeline.ports import BuildOrder, Image
from pipeline.sources import remove_tree

LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts", LocalRunner(str))


def _order(folder: Path, *commands: tuple[str, ...], sources: tuple[str, ...] = ("api",)) -> BuildOrder:
    checkout = folder / "checkout"
    if not checkout.exists():
        (checkout / "api" / "inner").mkdir(parents=True)
        (checkout / ".git").mkdir()
        (checkout / ".git" / "config").write_text("secret")
        (checkout / "api" / "main.py").write_text("print('hello')\n")
        (checkout / "api" / "inner" / "größe.txt").write_text("1")
        (checkout / "api" / "run.sh").write_text("#!/bin/sh\n")
        (checkout / "api" / "run.sh").chmod(0o744)
    log = folder / "build.log"
    return BuildOrder("shop", "api", "1.0.0", "c" * 40, "r-1", checkout, sources, commands, 30, log)


def _files(store: ArtifactStore, image: Image) -> set[str]:
    folder = store.folder(image.digest)
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


async def test_an_image_holds_the_sources_read_only(tmp_path: Path, store: ArtifactStore) -> None:
    image = await store.build(_order(tmp_path, sources=(".",)))
    folder = store.folder(image.digest)
    assert _files(store, image) == {"api/main.py", "api/inner/größe.txt", "api/run.sh"}
    assert image.digest == f"sha256:{folder.name}"
    assert image.reference == f"shop/api:1.0.0@{image.digest}"
    assert (folder / "api/main.py").stat().st_mode & 0o777 == 0o444
    assert (folder / "api/run.sh").stat().st_mode & 0o777 == 0o555
    assert await store.exists(image)


async def test_equal_content_is_one_image_whenever_it_is_built(tmp_path: Path, store: ArtifactStore) -> None:
    command = ("python", "-m", "compileall", "-q", ".")
    first = await store.build(_order(tmp_path, command))
    os.utime(tmp_path / "checkout/api/main.py", (1, 1))
    elsewhere = ArtifactStore(tmp_path / "elsewhere", LocalRunner(str))
    second = await elsewhere.build(_order(tmp_path, command))
    assert first.digest == second.digest
    assert any(name.endswith(".pyc") for name in _files(store, first))


async def test_what_was_built_is_not_built_again(tmp_path: Path, store: ArtifactStore) -> None:
    command = ("sh", "-c", f"echo x >> {tmp_path}/times; cat {tmp_path}/times > out")
    first = await store.build(_order(tmp_path, command))
    again = await store.build(replace(_order(tmp_path, command), version="1.1.0", release_id="r-2"))
    assert first.digest == again.digest
    assert again.version == "1.1.0"
    assert (tmp_path / "times").read_text() == "x\n"


async def test_builds_at_once_do_not_disturb_each_other(tmp_path: Path, store: ArtifactStore) -> None:
    order = _order(tmp_path, ("sh", "-c", "sleep 0.1; date +%N > now"))
    images = await asyncio.gather(*(store.build(order) for _ in range(3)))
    assert len({image.digest for image in images}) == 1


async def test_components_of_one_content_built_at_once_are_one_image(
    tmp_path: Path, store: ArtifactStore
) -> None:
    (tmp_path / "there").mkdir()
    together = f"touch {tmp_path}/there/$$; until [ $(ls {tmp_path}/there | wc -l) = 6 ]; do :; done"
    order = _order(tmp_path, ("sh", "-c", together))
    parts = [
        replace(order, component=f"part-{number}", log=tmp_path / f"{number}.log") for number in range(6)
    ]
    images = await asyncio.gather(*(store.build(part) for part in parts))
    assert len({image.digest for image in images}) == 1
    assert await store.exists(images[0])


async def test_the_digest_follows_content_mode_and_name(tmp_path: Path, store: ArtifactStore) -> None:
    order = _order(tmp_path)
    digests = [(await store.build(order)).digest]
    api = tmp_path / "checkout/api"
    changes: list[Callable[[], object]] = [
        lambda: (api / "main.py").write_text("print('hi')\n"),
        lambda: (api / "main.py").chmod(0o755),
        lambda: (api / "main.py").rename(api / "other\nname.py"),
        lambda: (api / "empty").mkdir(),
        lambda: (api / "link").symlink_to("run.sh"),
    ]
    for change in changes:
        change()
        digests.append((await store.build(order)).digest)
    assert len(set(digests)) == 6


async def test_changed_content_is_noticed(tmp_path: Path, store: ArtifactStore) -> None:
    image = await store.build(_order(tmp_path))
    assert await store.exists(image)
    file = store.folder(image.digest) / "api/main.py"
    before = file.stat()
    file.chmod(0o644)
    file.write_text("print('hellO')\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not await store.exists(image)
    rebuilt = await store.build(_order(tmp_path))
    assert rebuilt.digest == image.digest
    assert await store.exists(image)


@pytest.mark.parametrize(
    "digest", ["", "sha256:", "sha256:../../etc", "md5:" + "a" * 64, "sha256:" + "A" * 64]
)
async def test_a_strange_digest_exists_nowhere(store: ArtifactStore, digest: str) -> None:
    assert not await store.exists(Image("api", "1.0.0", digest, "x"))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("../secret", "leads out of the checkout"),
        ("/etc/passwd", "leads out of the checkout"),
        ("api/../../secret", "leads out of the checkout"),
        ("nothing/*.py", "nothing in the checkout matches"),
        (".git", "nothing in the checkout matches"),
        ("out/file", "through a link"),
        ("leak", "outside of the image"),
    ],
)
async def test_sources_that_lead_out_are_refused(
    tmp_path: Path, store: ArtifactStore, source: str, said: str
) -> None:
    order = _order(tmp_path, sources=(source,))
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("secret")
    (order.checkout / "out").symlink_to("../secret")
    (order.checkout / "leak").symlink_to("../secret/file")
    with pytest.raises(BuildError, match=said):
        await store.build(order)


async def test_a_link_made_by_the_build_must_stay_inside(tmp_path: Path, store: ArtifactStore) -> None:
    with pytest.raises(BuildError, match="outside of the image"):
        await store.build(_order(tmp_path, ("ln", "-s", "/etc/passwd", "users")))
    with pytest.raises(BuildError, match="neither file, folder nor link"):
        await store.build(_order(tmp_path, ("mkfifo", "pipe")))


async def test_a_failing_build_shows_its_last_lines(tmp_path: Path, store: ArtifactStore) -> None:
    with pytest.raises(BuildError, match="ended with code 7") as error:
        await store.build(_order(tmp_path, ("true",), ("sh", "-c", "echo no compiler; exit 7")))
    assert "no compiler" in str(error.value)
    assert (tmp_path / "build-2.log").read_text() == "no compiler\n"
    with pytest.raises(BuildError, match="could not be started"):
        await store.build(_order(tmp_path, ("no-such-compiler",)))
    with pytest.raises(BuildError, match="time limit"):
        await store.build(replace(_order(tmp_path, ("sleep", "60")), timeout=0.2))


async def test_pruning_keeps_what_it_is_told_to(tmp_path: Path, store: ArtifactStore) -> None:
    first = await store.build(_order(tmp_path))
    (tmp_path / "checkout/api/main.py").write_text("2")
    second = await store.build(_order(tmp_path))
    assert await store.prune({second.digest}, LATER) == (first.digest,)
    assert not await store.exists(first)
    assert await store.exists(second)
    assert await store.prune({second.digest}, LATER) == ()


async def test_pruning_leaves_what_a_build_has_just_given_again(tmp_path: Path, store: ArtifactStore) -> None:
    image = await store.build(_order(tmp_path))
    month_ago = datetime.now(UTC) - timedelta(days=30)
    os.utime(store.folder(image.digest), (0, 0))
    assert await store.build(_order(tmp_path)) == image
    assert await store.prune(set(), month_ago) == ()
    os.utime(store.folder(image.digest), (0, 0))
    assert await store.prune(set(), month_ago) == (image.digest,)
    assert list((tmp_path / "artifacts" / ".index").iterdir()) == []


async def test_an_empty_store_has_nothing_to_prune(store: ArtifactStore) -> None:
    assert await store.prune(set(), LATER) == ()


async def test_the_bots_own_environment_stays_out_of_builds(tmp_path: Path, store: ArtifactStore) -> None:
    assert "PYTEST_CURRENT_TEST" in os.environ
    await store.build(_order(tmp_path, ("env",)))
    assert "PYTEST" not in (tmp_path / "build.log").read_text()


@pytest.fixture(autouse=True)
def _remove_read_only(tmp_path: Path) -> Iterator[None]:
    yield
    for name in ("artifacts", "elsewhere"):
        remove_tree(tmp_path / name)
