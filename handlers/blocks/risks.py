"""Single risks, each with what is done about it and the way back, where somebody has said them."""

from collections.abc import Mapping, Sequence
from typing import Any

from handlers.text import words
from handlers.text.language import number, tr, trn
from pipeline.changes import Change
from pipeline.config import Playbook, Risk
from pipeline.snapshot import Snapshot


def standing(risks: Sequence[Risk]) -> list[str]:
    """Those of the register, by their ids."""
    return [
        f"• *{words.safe(r.id, 40)}* {words.safe(r.title, 120)}" + _answers([r.mitigation], [r.way_back])
        for r in risks
    ]


def named(changes: Sequence[Change]) -> list[str]:
    """Those that the authors of changes name, with the mitigation and the way back of the same commit. A merge may
    say again what a commit of its branch says."""
    rows = [
        f"• {words.safe(risk, 200)}" + _answers(change.mitigations, change.rollback)
        for change in changes
        for risk in change.risks
    ]
    return list(dict.fromkeys(rows))


def breaking(changes: Sequence[Change]) -> list[str]:
    """Changes that break something, and how, in the words of their authors."""
    return [_breaking(change) for change in changes if change.breaking]


def _breaking(change: Change) -> str:
    said = tr("breaking: {what}", what=words.safe(change.subject, 160))
    how = " ".join(change.trailers.get("breaking change", ()))
    mitigations = () if change.risks else change.mitigations
    return f"• ⚠️ {said}" + (f" ({words.safe(how, 160)})" if how else "") + _answers(mitigations, ())


def _answers(mitigations: Sequence[str], ways_back: Sequence[str | None]) -> str:
    done = "; ".join(words.safe(one, 200) for one in mitigations if one)
    back = "; ".join(words.safe(one, 200) for one in ways_back if one)
    return (f" — {done}" if done else "") + (" · " + tr("way back: {how}", how=back) if back else "")


def of_release(shown: Snapshot) -> tuple[Risk, ...]:
    """The standing risks that apply to a release, as preflight found them; before that, all."""
    playbook, found = Playbook.model_validate(shown.release.playbook), _preflight(shown).get("standing")
    return tuple(risk for risk in playbook.risks if found is None or risk.id in found)


def size(shown: Snapshot) -> list[str]:
    """How much differs from the version in service."""
    known = _preflight(shown).get("extent")
    return [f"• {sized(known['files'], known['added'], known['removed'])}"] if known else []


def sized(files: int, added: int, removed: int) -> str:
    counted = trn("{count} file differs", "{count} files differ", files)
    return tr(
        "size: {files}, +{added} −{removed} lines",
        files=counted,
        added=number(added),
        removed=number(removed),
    )


def evaluation(shown: Snapshot) -> list[str]:
    """What the evaluation lost against the version in service."""
    run = shown.runs.get("evaluation")
    report = run.facts.get("report") if run else None
    compared = report.get("compared") if isinstance(report, dict) else None
    if run is None or not compared or not compared["lost"]:
        return []
    facts = {
        "lost": compared["lost"],
        "won": compared["won"],
        "version": words.safe(run.facts.get("before", "")),
    }
    return ["• " + tr("evaluation: {lost} cases lost and {won} won against {version}", **facts)]


def _preflight(shown: Snapshot) -> Mapping[str, Any]:
    return shown.runs["preflight"].data if "preflight" in shown.runs else {}
