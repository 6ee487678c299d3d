"""The playbook: what a release does, in order, and what the way back does. Read it aloud."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.context import StageFunction
from pipeline.stages import (
    announce,
    approval,
    backwards,
    build,
    canary,
    checklist,
    evaluation,
    leaks,
    measure,
    migrations,
    preflight,
    production,
    publish,
    staging,
    tests,
    watch,
)
from pipeline.stages.approval import approved
from pipeline.stages.closed import when_open
from pipeline.states import PlannedStage
from pipeline.trouble import OnTrouble


@dataclass(frozen=True)
class Stage:
    """A stage: its name (for ever), the phrase people read, what it does, what must have passed before,
    and what an error in it means (an error is not the stage's own verdict)."""

    name: str
    phrase: str
    run: StageFunction
    needs: tuple[str, ...] = ()
    on_trouble: OnTrouble = "fails"


def before_production(stage: StageFunction) -> StageFunction:
    """A stage that begins only while production is open, and while the approval stands."""
    return when_open("production", approved(stage))


ASKS: OnTrouble = "asks"
AGAIN: OnTrouble = "tries again"

RELEASE = (
    Stage("preflight", "Check that the release may start", preflight.check),
    Stage("test", "Run unit tests, integration tests and lint", tests.run, ("preflight",)),
    Stage("build", "Build one image per component", build.run, ("preflight",)),
    Stage("evaluation", "Evaluate the language model", evaluation.run, ("preflight",)),
    Stage("leaks", "Look for secrets that were committed", leaks.look, ("preflight",)),
    Stage("measure", "Measure the version in service", measure.before, ("preflight",)),
    Stage("migrations", "Judge the migrations", migrations.judge, ("preflight",)),
    Stage(
        "staging",
        "Migrate and deploy staging",
        when_open("staging", staging.deploy),
        ("test", "build", "evaluation", "leaks", "migrations"),
    ),
    Stage("staging-checks", "Smoke and end-to-end tests on staging", staging.check, ("staging",)),
    Stage("checklist", "Go through the pre-release checklist", checklist.before, ("staging-checks",)),
    Stage("approval", "Get the DRI's approval", approval.ask, ("checklist",)),
    Stage("backup", "Back up the production database", before_production(production.back_up), ("approval",)),
    Stage("migrate", "Migrate the production database", before_production(production.migrate), ("backup",)),
    Stage(
        "canary",
        "Send a small share of the traffic to the canary",
        before_production(canary.run),
        ("migrate",),
    ),
    Stage(
        "promote", "Send all traffic to the new version", before_production(production.promote), ("canary",)
    ),
    Stage("verify", "Smoke tests on production", production.verify, ("promote",)),
    Stage("publish", "Tag the release and write the CHANGELOG", publish.run, ("verify",), ASKS),
    Stage("announce", "Announce it", announce.release, ("publish",), ASKS),
    Stage("watch", "Watch production", watch.run, ("verify",), ASKS),
    Stage("after", "Go through the post-release checklist", checklist.after, ("watch", "announce"), ASKS),
    Stage("retire", "Stop the previous version", production.retire_previous, ("after",), ASKS),
)

ROLLBACK = (
    Stage("switch-back", "Send all traffic back to the previous version", backwards.switch, (), AGAIN),
    Stage("undo-migration", "Undo the migration where that is safe", backwards.undo, ("switch-back",), AGAIN),
    Stage("verify-back", "Smoke tests on the previous version", backwards.verify, ("undo-migration",), AGAIN),
    Stage(
        "announce-back",
        "Announce the rollback; production stays locked",
        announce.rollback,
        ("verify-back",),
        AGAIN,
    ),
)

CLEAN_UP = (Stage("clean-up", "Take away what never got traffic", backwards.clean_up, (), AGAIN),)


def _phrase(name: str) -> str:
    """The phrase of a release's stage."""
    return next(stage.phrase for stage in RELEASE if stage.name == name)


ADOPTION = (
    Stage("preflight", _phrase("preflight"), preflight.check),
    Stage("build", _phrase("build"), build.run, ("preflight",)),
    Stage("baseline", "Evaluate it, to compare the next release with", evaluation.baseline, ("preflight",)),
    Stage("staging", _phrase("staging"), when_open("staging", staging.deploy), ("build",)),
    Stage("take-over", "Run it in production as it is", production.take_over, ("staging",)),
)
"""How a version that was released before the bot came is taken into its care (an operator's command)."""

PLANS: Mapping[str, tuple[Stage, ...]] = {
    "release": RELEASE,
    "rollback": ROLLBACK,
    "clean-up": CLEAN_UP,
    "adoption": ADOPTION,
}

PROVING = ("test", "build", "evaluation", "staging-checks")
"""Stages whose results people look at before they tick and approve."""

STAGES: Mapping[str, Stage] = {stage.name: stage for plan in PLANS.values() for stage in plan}


def planned(direction: str, measured: bool = False) -> list[list[object]]:
    """A plan as it is stored with the release: names and needs, so that it can be resumed by name.

    `measured`: whether the playbook has limits on what the product measures.
    """
    stages = (stage for stage in PLANS[direction] if measured or stage.run is not measure.before)
    return [[stage.name, list(stage.needs)] for stage in stages]


def stored(plan: list[list[object]]) -> tuple[PlannedStage, ...]:
    """The stored plan, read back."""
    return tuple(PlannedStage(str(name), tuple(map(str, needs))) for name, needs in plan)  # type: ignore[call-overload]  # JSON
