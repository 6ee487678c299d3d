"""How a stage went, in a sentence. Keys are the codes that the stages answer with."""

from collections.abc import Callable, Mapping
from typing import Any

from handlers.text import evaluations
from handlers.text.words import lasted, person, safe, short, when
from pipeline.models import StageRun
from pipeline.states import StageStatus

Facts = dict[str, Any]
Sentence = Callable[[Facts], str]


def _took(facts: Facts) -> str:
    return ", ".join(f"{safe(name)} {lasted(seconds)}" for name, seconds in facts["took"].items())


def _images(facts: Facts) -> str:
    return ", ".join(f"{safe(name)} `{short(digest)}`" for name, digest in facts["images"].items())


def _revisions(facts: Facts) -> str:
    return "; ".join(
        f"`{safe(r['revision'], 40)}` {safe(r['title'], 80)} ({'can be undone' if r['reversible'] else 'no way back'})"
        for r in facts["revisions"]
    )


def _problem(problem: Facts) -> str:
    return PROBLEMS[problem["code"]].format_map({name: safe(fact, 300) for name, fact in problem.items()})


def _failed_names(facts: Facts) -> str:
    return ", ".join(safe(failed["name"]) for failed in facts["failed"])


def _suite_problems(facts: Facts) -> str:
    missing = [f"{safe(step, 60)} did not pass" for step in facts["missing"]]
    failures = [f"{safe(name, 60)}: {safe(why, 120)}" for name, why in facts["failures"].items()]
    return "; ".join([*failures, *missing][:4]) or f"it ended with code {facts['code']}"


PROBLEMS: Mapping[str, str] = {
    "tag_taken": "the tag {tag} exists at `{commit}`; release a newer version",
    "not_on_main": "commit `{commit}` is not on the main branch; merge it first",
    "variable_missing": "{environment} needs {name}: put it into bot.toml, or set {secret} where the bot runs",
    "source_missing": "{component} names the source `{path}`, which is not in this commit; mend playbook.toml",
    "image_missing": "{component} has no `image`, which Docker needs; add it to playbook.toml",
    "no_such_image": "{check} wants to run in the image of {component}; there are images on Docker only: name another",
    "flag_unsafe": "flag: {problem}",
}

GOOD: Mapping[str, Sentence] = {
    "ready": lambda f: f"commit `{f['commit']}` is ready",
    "tests_passed": _took,
    "built": _images,
    "staged": lambda f: f"running at {f['url']}",
    "staging_checked": lambda f: f"{f['steps']} steps passed",
    "checklist_done": lambda f: f"{f['done']} of {f['total']} done",
    "approved": lambda f: f"by {person(f['by'])}" + (f": {safe(f['note'], 200)}" if f["note"] else ""),
    "adopted": lambda f: "taken over as it was",
    "no_migration": lambda f: "no migration in this release",
    "database_new": lambda f: "the database is new",
    "backed_up": lambda f: f"{f['bytes']:,} bytes written and read back",
    "migrated": _revisions,
    "first_release": lambda f: "nothing to compare with: this is the first version",
    "canary_passed": lambda f: f"well at {f['share']} % of the traffic",
    "promoted": lambda f: f"all traffic at {f['url']}",
    "verified": lambda f: f"{f['steps']} steps passed",
    "published": lambda f: f"tag {safe(f['tag'])}",
    "announced": lambda f: "in this channel",
    "watch_passed": lambda f: f"{lasted(f['minutes'] * 60)} without a critical error" + _dashboard(f),
    "watch_overruled": lambda f: f"{person(f['by'])} decided that it stays",
    "nothing_to_retire": lambda f: "nothing ran beside it",
    "retired": lambda f: f"{safe(f['version'])} stopped; its images are kept",
    "switched_back": lambda f: (
        f"{safe(f['version'])} serves again" + (" (it was kept warm)" if f["warm"] else "")
    ),
    "migration_undone": lambda f: (
        "migration undone: " + ", ".join(f"`{safe(r, 40)}`" for r in f["revisions"])
    ),
    "migration_kept": lambda f: "the schema stays as it is: " + KEPT.get(f["why"].split()[0], safe(f["why"])),
    "verified_back": lambda f: f"{f['steps']} steps passed on {safe(f['version'])}",
    "announced_back": lambda f: "production is locked",
    "cleaned_up": lambda f: "nothing of it is left running",
    "secrets_present": lambda f: "every secret is there, by name",
    "flags_safe": lambda f: "every flag stands at its safe default",
    "migrated_on_staging": lambda f: "they ran on staging",
}

KEPT: Mapping[str, str] = {
    "asked_to_keep": "it was asked to keep it",
    "several_heads": "it had several heads before",
    "irreversible": "a revision has no way back",
}

BAD: Mapping[str, Sentence] = {
    "not_ready": lambda f: "; ".join(_problem(problem) for problem in f["problems"][:6]),
    "tests_failed": lambda f: f"{_failed_names(f)} failed; the last lines are in the thread",
    "seed_failed": lambda f: f"the seed ended with code {f['code']}",
    "suite_failed": lambda f: f"{safe(f['suite'])}: {_suite_problems(f)}",
    "rejected": lambda f: f"{person(f['by'])} rejected it: {safe(f['reason'])}",
    "approval_expired": lambda f: "nobody decided in time; release it again when somebody can",
    "canary_down": lambda f: "the canary's processes died",
    "canary_critical": lambda f: "the canary logged critical errors: " + safe(f["lines"][0], 200),
    "nothing_to_go_back_to": lambda f: "there is no version before it; release a fix",
    "trouble": lambda f: safe(f["error"], 700),
    "crashed": lambda f: (
        f"an error of mine, reference `{f['reference']}`; the log of the bot has the details"
    ),
}

OPEN: Mapping[str, Sentence] = {
    "checklist_open": lambda f: f"{f['done']} of {f['total']} done",
    "approval_needed": lambda f: (
        f"waiting for a DRI until {when(f['expires'])}"
        + (
            " (an earlier approval is void: what it was bound to changed, or who gave it may not approve now)"
            if f["void"]
            else ""
        )
    ),
    "canary_holding": lambda f: f"{f['share']} % of the traffic until {when(f['until'], '{time_secs}')}",
    "canary_asks": lambda f: f"well so far at {f['share']} % of the traffic; the rest waits for an approver",
    "watching": lambda f: f"until {when(f['until'], '{time_secs}')}",
    "watch_critical": lambda f: f"{f['count']} critical log line(s): " + safe(f["lines"][0], 200),
    "dashboard_wrong": lambda f: safe(f["problem"], 300),
    "publish_failed": lambda f: (
        "production is live, but the tag could not be pushed: " + safe(f["error"], 300)
    ),
    "unknown_stage": lambda f: (
        "this version of the bot does not know the stage; run the version that started it"
    ),
}

SENTENCES: Mapping[str, Sentence] = {**GOOD, **BAD, **OPEN, **evaluations.OUTCOMES}


def _dashboard(facts: Facts) -> str:
    return f", {facts['dashboard']} shows metrics" if facts["dashboard"] else ""


def sentence(code: str, facts: Facts) -> str:
    """The sentence of an outcome; what a later version wrote is shown as it stands."""
    return SENTENCES[code](facts) if code in SENTENCES else code.replace("_", " ")


def outcome(run: StageRun) -> str:
    """How a run went, or "" while it runs for the first time."""
    unheard = run.status in (StageStatus.RUNNING, StageStatus.CANCELLED) or not run.code
    return "" if unheard else sentence(run.code, run.facts)
