"""How a stage went, in a sentence. Keys are the codes that the stages answer with."""

from collections.abc import Callable, Mapping
from typing import Any

from handlers.text import evaluations, flags, migrations, watching
from handlers.text.language import mark, number, tr, trn
from handlers.text.times import until
from handlers.text.words import lasted, people, person, safe, short, when
from pipeline.models import StageRun
from pipeline.states import StageStatus

Facts = dict[str, Any]
Sentence = Callable[[Facts], str]


def _took(facts: Facts) -> str:
    return ", ".join(f"{safe(name)} {lasted(seconds)}" for name, seconds in facts["took"].items())


def _images(facts: Facts) -> str:
    return ", ".join(f"{safe(name)} `{short(digest)}`" for name, digest in facts["images"].items())


def _revisions(facts: Facts) -> str:
    return "; ".join(_revision(revision) for revision in facts["revisions"])


def _revision(revision: Facts) -> str:
    back = tr("can be undone") if revision["reversible"] else tr("no way back")
    return f"`{safe(revision['revision'], 40)}` {safe(revision['title'], 80)} ({back})"


def problem(found: Facts) -> str:
    """What stands in the way of a release at its very beginning."""
    said = PROBLEMS[found["code"]]
    return tr(said, **{name: safe(fact, 300) for name, fact in found.items()})


def _failed_names(facts: Facts) -> str:
    return ", ".join(safe(failed["name"]) for failed in facts["failed"])


def _suite_problems(facts: Facts) -> str:
    missing = [tr("{step} did not pass", step=safe(step, 60)) for step in facts["missing"]]
    failures = [f"{safe(name, 60)}: {safe(why, 120)}" for name, why in facts["failures"].items()]
    return "; ".join([*failures, *missing][:4]) or tr("it ended with code {code}", code=facts["code"])


def _steps_passed(facts: Facts) -> str:
    return trn("{count} step passed", "{count} steps passed", facts["steps"])


PROBLEMS: Mapping[str, str] = {
    "tag_taken": mark("the tag {tag} exists at `{commit}`; release a newer version"),
    "not_on_main": mark("commit `{commit}` is not on the main branch; merge it first"),
    "variable_missing": mark(
        "{environment} needs {name}: put it into bot.toml, or set {secret} where the bot runs"
    ),
    "source_missing": mark(
        "{component} names the source `{path}`, which is not in this commit; mend playbook.toml"
    ),
    "image_missing": mark("{component} has no `image`, which Docker needs; add it to playbook.toml"),
    "no_such_image": mark(
        "{check} wants to run in the image of {component}; there are images on Docker only: name another"
    ),
    "query_unanswered": mark(
        "the limit `{limit}` has a query, which only a Prometheus answers; name one in bot.toml, or give it a metric"
    ),
    "metrics_unknown": mark(
        "the limit `{limit}` cannot be read: add `metrics` (the page with the numbers) to watch, or name a Prometheus"
    ),
    "flag_unsafe": mark("flag: {problem}"),
}

GOOD: Mapping[str, Sentence] = {
    "ready": lambda f: _ready(f),
    "tests_passed": _took,
    "built": _images,
    "leaks_revoked": lambda f: tr("{who} says that they are revoked", who=person(f["by"])),
    "no_leaks": lambda f: tr("none in the commits since the last release"),
    "staged": lambda f: tr("running at {url}", **f),
    "staging_checked": _steps_passed,
    "checklist_done": lambda f: tr("{done} of {total} done", **f),
    "approved": lambda f: _approved(f),
    "adopted": lambda f: tr("taken over as it was"),
    "no_migration": lambda f: tr("no migration in this release"),
    "database_new": lambda f: tr("the database is new"),
    "backed_up": lambda f: _backed_up(f),
    "migrated": _revisions,
    "first_release": lambda f: tr("nothing to compare with: this is the first version"),
    "canary_passed": lambda f: tr("well at {share} % of the traffic", **f),
    "promoted": lambda f: tr("all traffic at {url}", **f),
    "verified": _steps_passed,
    "published": lambda f: tr("tag {tag}", tag=safe(f["tag"])),
    "announced": lambda f: tr("in this channel"),
    "watch_passed": lambda f: _watched(f),
    "watch_overruled": lambda f: tr("{who} decided that it stays", who=person(f["by"])),
    "nothing_to_retire": lambda f: tr("nothing ran beside it"),
    "retired": lambda f: tr("{version} stopped; its images are kept", version=safe(f["version"])),
    "switched_back": lambda f: _switched(f),
    "migration_undone": lambda f: tr(
        "migration undone: {revisions}", revisions=", ".join(f"`{safe(r, 40)}`" for r in f["revisions"])
    ),
    "migration_kept": lambda f: tr("the schema stays as it is: {why}", why=_kept(f["why"])),
    "verified_back": lambda f: trn(
        "{count} step passed on {version}",
        "{count} steps passed on {version}",
        f["steps"],
        version=safe(f["version"]),
    ),
    "announced_back": lambda f: tr("production is locked"),
    "cleaned_up": lambda f: tr("nothing of it is left running"),
    "not_needed": lambda f: tr("not needed: {reason}", reason=safe(f["reason"], 300)),
    "skipped_by": lambda f: tr(
        "skipped by {who}: {reason}", who=person(f["by"]), reason=safe(f["reason"], 300)
    ),
    "secrets_present": lambda f: tr("every secret is there, by name"),
    "flags_safe": lambda f: tr("every flag stands at its safe default"),
    "flags_unsafe": lambda f: flags.problems(f["problems"]),
    "migrated_on_staging": lambda f: tr("they ran on staging"),
}

KEPT: Mapping[str, str] = {
    "asked_to_keep": mark("it was asked to keep it"),
    "several_heads": mark("it had several heads before"),
    "irreversible": mark("a revision has no way back"),
}

BAD: Mapping[str, Sentence] = {
    "not_ready": lambda f: "; ".join(problem(found) for found in f["problems"][:6]),
    "tests_failed": lambda f: tr("{names} failed; the last lines are in the thread", names=_failed_names(f)),
    "seed_failed": lambda f: tr("the seed ended with code {code}", code=f["code"]),
    "suite_failed": lambda f: f"{safe(f['suite'])}: {_suite_problems(f)}",
    "rejected": lambda f: tr("{who} rejected it: {reason}", who=person(f["by"]), reason=safe(f["reason"])),
    "approval_expired": lambda f: tr("nobody decided in time; release it again when somebody can"),
    "approval_gone": lambda f: tr(
        "the approval does not stand any more: what it was bound to changed, or who gave it may not approve now"
    ),
    "canary_down": lambda f: tr("the canary's processes died"),
    "canary_critical": lambda f: tr(
        "the canary logged critical errors: {line}", line=safe(f["lines"][0], 200)
    ),
    "nothing_to_go_back_to": lambda f: tr("there is no version before it; release a fix"),
    "trouble": lambda f: safe(f["error"], 700),
    "crashed": lambda f: tr(
        "an error of mine, reference `{reference}`; the log of the bot has the details", **f
    ),
}

OPEN: Mapping[str, Sentence] = {
    "leaks": lambda f: _leaks(f),
    "checklist_open": lambda f: tr("{done} of {total} done", **f),
    "approval_needed": lambda f: _approval_needed(f),
    "approval_unsure": lambda f: tr("who approved it cannot be looked up now; it is tried again"),
    "canary_holding": lambda f: tr(
        "{share} % of the traffic until {time}", share=f["share"], time=when(f["until"], "{time_secs}")
    ),
    "canary_paused": lambda f: _paused(f),
    "canary_asks": lambda f: tr(
        "well so far at {share} % of the traffic; the rest waits for an approver", **f
    ),
    "locked_out": lambda f: _locked_out(f),
    "frozen": lambda f: _frozen(f),
    "canary_locked_out": lambda f: _kept_at(f, _locked_out(f)),
    "canary_frozen": lambda f: _kept_at(f, _frozen(f)),
    "watching": lambda f: _watching(f),
    "watch_critical": lambda f: trn(
        "{count} critical log line: {line}",
        "{count} critical log lines: {line}",
        f["count"],
        line=safe(f["lines"][0], 200),
    ),
    "new_errors": lambda f: trn(
        "{count} error that the version before never had: {line}",
        "{count} errors that the version before never had: {line}",
        f["count"],
        line=safe(f["lines"][0], 200),
    ),
    "dashboard_wrong": lambda f: safe(f["problem"], 300),
    "publish_failed": lambda f: tr(
        "production is live, but the tag could not be pushed: {error}", error=safe(f["error"], 300)
    ),
    "unknown_stage": lambda f: tr(
        "this version of the bot does not know the stage; run the version that started it"
    ),
}

SENTENCES: Mapping[str, Sentence] = {
    **GOOD, **BAD, **OPEN, **evaluations.OUTCOMES, **migrations.OUTCOMES, **watching.OUTCOMES,
}  # fmt: skip


def _ready(facts: Facts) -> str:
    said = flags.ready(facts)
    if not facts.get("unused"):
        return said
    return f"{said}; " + tr(
        "set, and asked for by nothing: {names}", names=safe(", ".join(facts["unused"]), 300)
    )


def _leaks(facts: Facts) -> str:
    places = ", ".join(
        f"`{safe(one['path'], 100)}:{one['line']}` ({safe(one['kind'], 40)})" for one in facts["places"][:4]
    )
    return trn(
        "{count} secret was committed: {places}. Revoke it now: it is in the history for good",
        "{count} secrets were committed: {places}. Revoke them now: they are in the history for good",
        facts["count"],
        places=places,
    )


def _approved(facts: Facts) -> str:
    if facts.get("alone"):
        why = safe(facts["note"], 200)
        return tr("{who} alone; nobody could be reached: {reason}", who=people(facts["by"]), reason=why)
    said = tr("by {who}", who=people(facts["by"]))
    return f"{said}: {safe(facts['note'], 200)}" if facts["note"] else said


def _approval_needed(facts: Facts) -> str:
    said = tr("waiting for a DRI until {time}", time=when(facts["expires"]))
    void = tr(
        "(an earlier approval is void: what it was bound to changed, or who gave it may not approve now)"
    )
    if facts.get("needed"):
        said = f"{said}, " + tr("{got} of {needed} approved", got=len(facts["got"]), needed=facts["needed"])
    return f"{said} {void}" if facts["void"] else said


def _backed_up(facts: Facts) -> str:
    said = tr("{bytes} bytes written and read back", bytes=number(facts["bytes"]))
    if not (proof := facts.get("proof")):
        return said
    return f"{said}; " + tr(
        "restored for a trial: {tables} tables, {rows} rows",
        tables=number(proof["tables"]),
        rows=number(proof["rows"]),
    )


def _paused(facts: Facts) -> str:
    said = tr("{who} paused it at {share} % of the traffic", who=person(facts["by"]), share=facts["share"])
    return f"{said}: {safe(facts['reason'], 200)}" if facts["reason"] else said


def _locked_out(facts: Facts) -> str:
    where = tr("staging is locked") if facts["environment"] == "staging" else tr("production is locked")
    why = tr("by {who}: {reason}", who=person(facts["by"]), reason=safe(facts["reason"], 300).rstrip("."))
    return f"{where} {why}, {until(facts['until'], facts['zone'])}"


def _frozen(facts: Facts) -> str:
    said = tr("production is frozen {until}", until=until(facts["until"], facts["zone"]))
    reason = facts["reason"] or facts["name"]
    return f"{said}: {safe(reason, 300)}" if reason else said


def _kept_at(facts: Facts, why: str) -> str:
    return tr("{share} % of the traffic, and no more for now: {why}", share=facts["share"], why=why)


def _watching(facts: Facts) -> str:
    said = tr("until {time}", time=when(facts["until"], "{time_secs}"))
    return f"{said} · {watching.lapsed(facts['dashboard'])}" if "dashboard" in facts else said


def _switched(facts: Facts) -> str:
    version = safe(facts["version"])
    if facts["warm"]:
        return tr("{version} serves again (it was kept warm)", version=version)
    return tr("{version} serves again", version=version)


def _watched(facts: Facts) -> str:
    time = lasted(facts["minutes"] * 60)
    if facts["dashboard"]:
        return tr(
            "{time} without a critical error, {page} shows metrics", time=time, page=safe(facts["dashboard"])
        )
    return tr("{time} without a critical error", time=time)


def _kept(why: str) -> str:
    known = KEPT.get(why.split()[0])
    return tr(known) if known else safe(why)


def sentence(code: str, facts: Facts) -> str:
    """The sentence of an outcome; what a later version wrote is shown as it stands."""
    return SENTENCES[code](facts) if code in SENTENCES else code.replace("_", " ")


def outcome(run: StageRun) -> str:
    """How a run went, or "" while it runs for the first time."""
    unheard = run.status in (StageStatus.RUNNING, StageStatus.CANCELLED) or not run.code
    return "" if unheard else sentence(run.code, run.facts)
