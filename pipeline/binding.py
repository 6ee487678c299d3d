"""What an approval is bound to. If any of it changes, the approval is void."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline import judged
from pipeline.models import Release, StageRun
from pipeline.ports import Image


def authors(runs: Mapping[str, StageRun]) -> list[str]:
    """The e-mail addresses of everybody who wrote a commit of the release, as preflight found them."""
    preflight = runs.get("preflight")
    return list(preflight.data.get("authors", [])) if preflight else []


def bound(release: Release, images: Iterable[Image], runs: Mapping[str, StageRun]) -> dict[str, Any]:
    """Commit, image digests, migration heads, what was found of the migrations, and playbook hash, as plain data that
    compares exactly."""
    staging = runs.get("staging")
    return {
        "commit": release.commit,
        "digests": {image.component: image.digest for image in sorted(images, key=lambda i: i.component)},
        "heads": sorted(staging.data.get("heads", [])) if staging else [],
        "playbook": release.playbook_hash,
        **judged.bound(runs),
    }
