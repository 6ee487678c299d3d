"""A base image with Python, also on a machine that reaches no registry.

Where the engine has or can pull the official image, that is it. Elsewhere one is made on the spot, of this
Debian's own packages and of wheels from where pip finds them; a second call finds it again by its name.
"""

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import docker
import docker.errors

from pipeline.adapters.docker.engine import Engine
from pipeline.errors import BuildError

OFFICIAL = "python:3.12-slim"
REPOSITORY = "releasebot/base"
LABEL = "releasebot.base"
PACKAGES = ("python3", "dash", "coreutils", "libstdc++6")  # the last is what compiled wheels expect
MINUTES = 10
"""The most that one download or the import may take."""

_MERGED = ("bin", "sbin", "lib", "lib64")  # in Debian these are links into /usr; packages name both ways
_USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
_GROUPS = "root:x:0:\nnogroup:x:65534:\n"
_WHAT = "The base image could not be had"
_RECIPE = 1  # raise it when what follows makes another image of the same parts
_SETTINGS = ["ENV PATH=/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1", 'CMD ["python"]']


async def base_image(engine: Engine, requirements: Path, packages: Sequence[str] = ()) -> str:
    """The reference of an image with `python`, and pip; one that is made has the requirements in it already.

    `packages` are Debian's that an image made here brings besides. Raises BuildError with what could not be
    had and what to do.
    """
    made = await asyncio.to_thread(_name, requirements, packages)
    found = await engine.call(_WHAT, partial(_first, (made, OFFICIAL)), error=BuildError)
    if found:
        return found
    if await engine.call(_WHAT, _pulled, error=BuildError, timeout=MINUTES * 60):
        return OFFICIAL
    with tempfile.TemporaryDirectory(prefix="base-image-") as folder:
        archive = await asyncio.to_thread(_archive, Path(folder), requirements, [*PACKAGES, *packages])
        load = partial(_import, archive, made)
        await engine.call(_WHAT, load, error=BuildError, timeout=MINUTES * 60)
    return made


def _name(requirements: Path, packages: Sequence[str]) -> str:
    parts = [str(_RECIPE), *PACKAGES, *packages, requirements.read_text(encoding="utf-8")]
    return f"{REPOSITORY}:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:12]}"


def _first(names: Sequence[str], client: docker.APIClient) -> str | None:
    """The first of these images that the engine has."""
    for name in names:
        with suppress(docker.errors.NotFound):
            client.inspect_image(name)
            return name
    return None


def _pulled(client: docker.APIClient) -> bool:
    """Whether the official image came; why not does not matter, as there is another way."""
    try:
        client.pull(OFFICIAL)
    except docker.errors.APIError:
        return False
    return _first((OFFICIAL,), client) is not None


def _import(archive: Path, name: str, client: docker.APIClient) -> None:
    repository, tag = name.split(":")
    changes = [*_SETTINGS, f"LABEL {LABEL}={tag}"]
    client.import_image_from_file(str(archive), repository=repository, tag=tag, changes=changes)


# ------------------------------------------------------------ made on the spot


def _archive(folder: Path, requirements: Path, packages: Sequence[str]) -> Path:
    """The image's whole file system as a tar file."""
    tree = folder / "tree"
    tree.mkdir()
    for name in _MERGED:
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    for package in _downloaded(folder / "packages", packages):
        _run("dpkg-deb", "--extract", str(package), str(tree))
    _settle(tree)
    _install(tree, requirements)
    archive = folder / "base.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(tree, ".", filter=_root)
    return archive


def _downloaded(folder: Path, packages: Sequence[str]) -> list[Path]:
    """Debian's packages with all that they depend on, as if nothing were installed here."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise BuildError(
            f"There is no base image: the engine has no {OFFICIAL} and cannot pull it, and to make one here "
            f"Debian's tools are needed. Next: give the engine a registry, or `docker load` a {OFFICIAL}."
        )
    (folder / "partial").mkdir(parents=True)
    (folder / "status").touch()
    options = (f"Dir::State::status={folder}/status", f"Dir::Cache::archives={folder}", "Debug::NoLocking=1")
    given = [word for option in options for word in ("-o", option)]
    _run("apt-get", *given, "-y", "-qq", "--no-install-recommends", "--download-only", "install", *packages)
    return sorted(folder.glob("*.deb"))


def _settle(tree: Path) -> None:
    """What the packages' own scripts would do, as far as a container needs it."""
    (tree / "etc" / "passwd").write_text(_USERS)
    (tree / "etc" / "group").write_text(_GROUPS)
    (tree / "tmp").mkdir(mode=0o1777, exist_ok=True)
    (tree / "tmp").chmod(0o1777)
    (tree / "root").mkdir(exist_ok=True)
    (tree / "usr/local/bin").mkdir(parents=True, exist_ok=True)
    (tree / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    for marker in tree.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()  # nothing but pip manages packages in there


def _install(tree: Path, requirements: Path) -> None:
    version = (tree / "usr/bin/python3").readlink().name.removeprefix("python")
    target = tree / f"usr/local/lib/python{version}/dist-packages"
    wanted = ("install", "--quiet", "--target", str(target), "--python-version", version)
    uv = Path(sys.executable).with_name("uv")
    try:
        if not uv.exists():
            raise BuildError("no uv")
        _fill(requirements, str(uv), "pip", *wanted, "--compile-bytecode")
    except BuildError:  # pip is slower, and knows this machine's own places of packages
        shutil.rmtree(target, ignore_errors=True)
        pip = (sys.executable, "-m", "pip")
        _fill(requirements, *pip, *wanted, "--disable-pip-version-check", "--no-warn-conflicts")
    for script in (target / "bin").glob("*"):
        script.unlink()  # they name this machine's Python; `python -m` works


def _fill(requirements: Path, *installer: str) -> None:
    """Install what is required, and pip. A list with hashes is complete."""
    is_complete = "--hash=" in requirements.read_text(encoding="utf-8")
    # Not all of such a list comes as wheels; what does not is Python alone.
    how = ("--no-deps",) if is_complete else ("--only-binary", ":all:")
    _run(*installer, *how, "--requirement", str(requirements))
    _run(*installer, "--only-binary", ":all:", "--upgrade", "pip")


def _root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def _run(*argv: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed programs, no shell
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=MINUTES * 60,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(
            f"The base image could not be made: {error}. Next: see why, then try again."
        ) from error
    if done.returncode:
        raise BuildError(
            f"The base image could not be made: `{argv[0]}` ended with code {done.returncode}: "
            f"{done.stdout.strip()[-500:]}. Next: see that this machine knows its packages "
            f"(`apt-get update`) and that pip works."
        )
