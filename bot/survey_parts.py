"""What a repository runs: read from its Dockerfiles, compose files and Procfile."""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import yaml

from bot.tree import Tree

MOST_PARTS = 20
_SHELL = re.compile(r"[$;&|<>`(){}*?\"'\\]")
_NOT_SHIPPED = {"tests", "test", "docs", "doc", "examples", "e2e", "smoke", "evals", "benchmarks"}
_OTHER_USES = {"dev", "development", "test", "tests", "ci", "local", "debug"}
_BUILD_FOLDERS = {"docker", "deploy", "deployment", "build", "infra", "ops"}
_ANSWERS = {"web", "api", "frontend", "ui", "site", "server", "backend", "app", "gateway"}


@dataclass(frozen=True)
class Part:
    """Something that runs. `run` is empty when nothing says how; `answers` when it takes requests."""

    name: str
    sources: tuple[str, ...]
    run: tuple[str, ...]
    answers: bool
    origin: str


def slug(text: str, otherwise: str) -> str:
    """A name as the playbook wants it: lower-case letters, digits and hyphens, at most 40."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
    return name if re.match(r"[a-z]", name) else otherwise


def parts(tree: Tree) -> tuple[list[Part], list[str]]:
    """Every part by its best description, and notes on what was left out."""
    notes: list[str] = []
    images = {path: _image(tree, path) for path in _dockerfiles(tree)}
    found: dict[str, Part] = {}
    used: set[str] = set()
    for path in tree.named("compose.y*ml", "docker-compose.y*ml"):
        for part, dockerfile in _services(tree, path, images, notes):
            found.setdefault(part.name, part)
            used.add(dockerfile)
    for path, part in images.items():
        if path not in used:
            found.setdefault(part.name, part)
    for part in _processes(tree, notes):
        known = found.get(part.name)
        found[part.name] = replace(known, run=part.run) if known and not known.run else known or part
    return list(found.values())[:MOST_PARTS], notes


def shipped(tree: Tree) -> tuple[str, ...]:
    """What of the root folder an image is likely to need."""
    names = [name for name in tree.top if not name.startswith(".") and name.lower() not in _NOT_SHIPPED]
    plain = [
        name
        for name in names
        if not re.search(r"\.(md|rst|txt~)$|^(Dockerfile|Makefile|LICENSE)|compose", name)
    ]
    return tuple(plain) or ("README.md",)


def command(text: str) -> tuple[str, ...]:
    """A shell's line as arguments: split where that is safe, else given to a shell."""
    line = " ".join(text.split())
    return ("sh", "-c", line) if _SHELL.search(line) else tuple(line.split())


def _dockerfiles(tree: Tree) -> list[str]:
    found = tree.named("Dockerfile", "Dockerfile.*", "*.Dockerfile", "*.dockerfile", "Containerfile")
    return [path for path in found if _purpose(path) not in _OTHER_USES][:MOST_PARTS]


def _purpose(path: str) -> str:
    """`api` of api.Dockerfile, Dockerfile.api and services/api/Dockerfile; empty at the root."""
    pure = PurePosixPath(path)
    own = re.sub(r"^(Dockerfile|Containerfile)\.?|\.[Dd]ockerfile$", "", pure.name)
    folders = [part for part in pure.parts[:-1] if part not in _BUILD_FOLDERS]
    return (own or (folders[-1] if folders else "")).lower()


def _image(tree: Tree, path: str) -> Part:
    run, exposes = dockerfile(tree.read(path))
    name = slug(_purpose(path), "app")
    folder = str(PurePosixPath(path).parent)
    own_folder = folder != "." and PurePosixPath(folder).name not in _BUILD_FOLDERS
    return Part(name, (folder,) if own_folder else shipped(tree), run, exposes or name in _ANSWERS, path)


def dockerfile(text: str) -> tuple[tuple[str, ...], bool]:
    """The command of a Dockerfile's last stage, and whether it exposes a port."""
    entry: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    exposes = False
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word.upper() == "FROM":
            entry, arguments, exposes = (), (), False
        elif word.upper() == "ENTRYPOINT":
            entry, arguments = _argv(rest), ()
        elif word.upper() == "CMD":
            arguments = _argv(rest)
        exposes = exposes or word.upper() == "EXPOSE"
    if entry[:2] == ("sh", "-c"):  # a shell's entry point takes no arguments
        return entry, exposes
    return entry + arguments, exposes


def _argv(rest: str) -> tuple[str, ...]:
    try:
        words = json.loads(rest)
    except (ValueError, RecursionError):
        return command(rest)
    return tuple(map(str, words)) if isinstance(words, list) else command(rest)


def _services(
    tree: Tree, path: str, images: Mapping[str, Part], notes: list[str]
) -> Iterator[tuple[Part, str]]:
    folder, left_out = str(PurePosixPath(path).parent), []
    for name, service in _compose(tree.read(path), path, notes).items():
        if not isinstance(service, Mapping) or not service.get("build"):
            left_out.append(str(name)[:40])
            continue
        build = service["build"] if isinstance(service["build"], Mapping) else {"context": service["build"]}
        context = posixpath.normpath(posixpath.join(folder, str(build.get("context") or ".")))
        file = posixpath.normpath(posixpath.join(context, str(build.get("dockerfile") or "Dockerfile")))
        image = images.get(file)
        own = (context,) if context != "." and not context.startswith("..") else shipped(tree)
        run = _words(service.get("entrypoint")) + _words(service.get("command")) or (
            image.run if image else ()
        )
        short = slug(str(name), "app")
        answers = bool(service.get("ports") or service.get("expose")) or short in _ANSWERS
        yield Part(short, own, run, answers, path), file
    if left_out:
        notes.append(
            f"{path}: {', '.join(left_out)} are not built here; the bot expects them to run already."
        )


def _compose(text: str, path: str, notes: list[str]) -> Mapping[Any, Any]:
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        notes.append(f"{path} could not be read as YAML and was left out.")
        return {}
    services = content.get("services") if isinstance(content, Mapping) else None
    return services if isinstance(services, Mapping) else {}


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(map(str, value))
    return command(value) if isinstance(value, str) else ()


def _processes(tree: Tree, notes: list[str]) -> Iterator[Part]:
    for line in tree.read("Procfile").splitlines():
        name, colon, rest = line.partition(":")
        if not colon or not rest.strip() or name.strip().startswith("#"):
            continue
        if name.strip() == "release":
            notes.append(
                f"Procfile: the release process ({rest.strip()[:80]}) is not run; migrations have an own place."
            )
            continue
        short = slug(name, "app")
        yield Part(short, shipped(tree), command(rest), short in _ANSWERS, "Procfile")
