"""What was found of a release's migrations, as its stage kept it. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.models import StageRun
from pipeline.verdicts import Label, Reason, Verdict, digest, from_plain, label_of, verdict_of

STAGE = "migrations"


def verdicts(runs: Mapping[str, StageRun]) -> tuple[Verdict, ...]:
    """The verdicts on a release's migrations, in their order; none where there are none, or not yet."""
    run = runs.get(STAGE)
    return tuple(from_plain(one) for one in run.data.get("verdicts", ())) if run else ()


def bound(runs: Mapping[str, StageRun]) -> dict[str, str]:
    """What of it an approval is bound to; nothing for a release that was begun before migrations were judged."""
    run = runs.get(STAGE)
    return {"verdicts": digest(run.data.get("verdicts", ()))} if run else {}


def holds(found: Iterable[Verdict], label: Label) -> bool:
    """Whether a label holds for any of them."""
    return any(label in one.labels for one in found)


def lifted(verdict: Verdict, announced: Iterable[str]) -> Verdict:
    """The verdict for a version in service that has announced not to need these things any more.

    What it does not need, it does not miss: such reasons do not break it. What is lost stays lost.
    """
    known = tuple(announced)
    kept = [one for one in verdict.reasons if not (_breaks(one) and names(one) & {*_covering(one, known)})]
    return verdict_of(verdict.revision, verdict.title, kept, verdict.evidence, verdict.notes)


def breaking(verdict: Verdict) -> tuple[Reason, ...]:
    """Why it breaks the version in service."""
    return tuple(one for one in verdict.reasons if _breaks(one))


def is_contraction(reason: Reason) -> bool:
    """Whether it takes a table or a column away: what has to be announced first."""
    return reason.code == "gone" and reason.facts.get("kind") in ("table", "column")


def names(reason: Reason) -> set[str]:
    """The things that a reason is about, as a playbook lists them: `table`, `table.column`, `table.rule`."""
    facts = reason.facts
    table = facts.get("table")
    parts = {f"{table}.{facts[key]}" for key in ("column", "name") if table and key in facts}
    thing = facts.get("thing")
    return {str(one) for one in (*parts, thing, table if not parts else None) if one}


def _covering(reason: Reason, announced: Iterable[str]) -> Iterator[str]:
    """The names of a reason that are announced, by themselves or with their table."""
    known = set(announced)
    for name in names(reason):
        if name in known or name.partition(".")[0] in known:
            yield name


def _breaks(reason: Reason) -> bool:
    return label_of(reason.code) == "breaks-old-version"


def summary(found: Iterable[Verdict]) -> list[dict[str, Any]]:
    """Revision, title and labels: what the card tells of each."""
    return [{"revision": one.revision, "title": one.title, "labels": list(one.labels)} for one in found]
