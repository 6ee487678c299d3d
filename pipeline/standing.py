"""The register of standing risks (playbook.toml): which of them a release touches. Pure."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from pipeline.config import Playbook, Risk
from pipeline.ports import Extent


def applying(playbook: Playbook, paths: Iterable[str]) -> tuple[Risk, ...]:
    """The risks that stand whatever changes, and those of whose paths something changed."""
    changed = tuple(paths)
    return tuple(risk for risk in playbook.risks if not risk.paths or _touched(risk, changed))


def _touched(risk: Risk, changed: tuple[str, ...]) -> bool:
    return any(matches(pattern, path) for pattern in risk.paths for path in changed)


def matches(pattern: str, path: str) -> bool:
    """Whether a path is, is in, or fits a pattern: `evals`, `evals/`, `*.py` and `core/**/model.py` are patterns."""
    folder = pattern.rstrip("/") + "/"
    return path == pattern or path.startswith(folder) or fnmatchcase(path, pattern)


def kept(playbook: Playbook, extent: Extent) -> dict[str, Any]:
    """What preflight keeps of it: the size of what changed, and the ids of the risks that apply."""
    size = {"files": len(extent.paths), "added": extent.added, "removed": extent.removed}
    return {"extent": size, "standing": [risk.id for risk in applying(playbook, extent.paths)]}
