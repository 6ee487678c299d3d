"""What the forms of the commands ask for: a table, from a command's fields to the command that typing it would give."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from handlers import grammar, phrases
from handlers.blocks import fields
from handlers.blocks.fields import Field
from handlers.flags_grammar import SwitchFlag
from handlers.phrases import FreezePhrase, LockPhrase, Now, SchedulePhrase
from handlers.text import ids
from handlers.text.language import mark
from pipeline.policy import Action


@dataclass(frozen=True)
class Given:
    """What was filled in, stripped; `now` is when and in which zone."""

    values: Mapping[str, str]
    now: Now

    def __getitem__(self, block: str) -> str:
        return self.values.get(block, "")

    def maybe(self, block: str) -> str | None:
        return self.values.get(block) or None

    def moment(self) -> datetime:
        """Raises Refused, as typing it would."""
        return phrases.moment([word for block in (ids.DAY, ids.TIME) if (word := self[block])], self.now)[0]

    def maybe_moment(self) -> datetime | None:
        return self.moment() if self[ids.DAY] or self[ids.TIME] else None


@dataclass(frozen=True)
class Ask:
    """The form of one command. `may` is looked at when it opens, and by the command again when it is submitted."""

    word: str
    callback: str
    title: str
    submit: str
    fields: tuple[Field, ...]
    make: Callable[[Given], grammar.Typed]
    may: Action | None = None
    before: str = ""
    after: str = ""


_PRODUCT = fields.choice(ids.PRODUCT, mark("Product"))
_ENVIRONMENT = fields.choice(ids.ENVIRONMENT, mark("Environment"))
_TOLD = mark("It is told in the channel and stays in the audit log.")

_ALL = (
    Ask(
        "",
        ids.START_FORM,
        mark("Start a release"),
        mark("Start"),
        (_PRODUCT, fields.version(), fields.commit()),
        lambda given: grammar.StartRelease(given[ids.VERSION], given.maybe(ids.COMMIT)),
        after=mark("Tests, staging and the checklist come first; production waits for an approval."),
    ),
    Ask(
        "hotfix",
        ids.HOTFIX_FORM,
        mark("Start a hotfix"),
        mark("Start"),
        (fields.version(), fields.commit(), fields.reason(mark("Why"), _TOLD)),
        lambda given: grammar.Hotfix(given[ids.VERSION], given.maybe(ids.COMMIT), given[ids.REASON]),
        may="override",
        before=mark(
            "A hotfix may pass a freeze that lets it. All checks run, and a second person approves it."
        ),
    ),
    Ask(
        "schedule",
        ids.SCHEDULE_FORM,
        mark("Schedule a release"),
        mark("Schedule"),
        (fields.version(), fields.commit(), fields.moment(mark("Day"))),
        lambda given: SchedulePhrase(given[ids.VERSION], given.maybe(ids.COMMIT), given.moment()),
        may="start",
        after=mark("When its time has come, everything is looked at again."),
    ),
    Ask(
        "queue",
        ids.QUEUE_FORM,
        mark("Queue a release"),
        mark("Queue it"),
        (fields.version(), fields.commit()),
        lambda given: grammar.Queue(given[ids.VERSION], given.maybe(ids.COMMIT)),
        may="start",
        after=mark("It starts by itself when its turn has come."),
    ),
    Ask(
        "unschedule",
        ids.UNSCHEDULE_FORM,
        mark("Take a release back"),
        mark("Take it back"),
        (fields.choice(ids.WISHED, mark("Scheduled or queued")),),
        lambda given: grammar.Unschedule(given[ids.WISHED]),
        may="start",
    ),
    Ask(
        "plan",
        ids.PLAN_FORM,
        mark("Plan a release"),
        mark("Show the plan"),
        (fields.version(), fields.commit()),
        lambda given: grammar.Plan(given[ids.VERSION], given.maybe(ids.COMMIT)),
        after=mark("It says what a release would do; nothing is done."),
    ),
    Ask(
        "show",
        ids.SHOW_FORM,
        mark("Look at a release"),
        mark("Show"),
        (fields.choice(ids.RELEASED, mark("Version")),),
        lambda given: grammar.Show(given[ids.RELEASED]),
    ),
    Ask(
        "logs",
        ids.LOGS_FORM,
        mark("Output of a command"),
        mark("Show"),
        (
            fields.which(),
            fields.choice(ids.OUTPUT, mark("Output"), mark("It comes as a file into the release's thread.")),
        ),
        lambda given: grammar.Logs(given[ids.OUTPUT], given.maybe(ids.VERSION)),
        may="tick",
    ),
    Ask(
        "skip",
        ids.SKIP_FORM,
        mark("Skip a step"),
        mark("Skip"),
        (
            fields.choice(
                ids.STAGE, mark("Step"), mark("What the playbook lets people skip, and is stuck now.")
            ),
            fields.reason(mark("Why"), _TOLD),
        ),
        lambda given: grammar.Skip(given[ids.STAGE], given[ids.REASON]),
        may="override",
    ),
    Ask(
        "lock",
        ids.LOCK_FORM,
        mark("Lock an environment"),
        mark("Lock"),
        (
            _ENVIRONMENT,
            fields.moment(mark("Until"), mark("Left empty: until somebody opens it."), optional=True),
            fields.reason(mark("Why"), mark("Everybody who is kept out by it reads it.")),
        ),
        lambda given: LockPhrase(given[ids.ENVIRONMENT], given.maybe_moment(), given[ids.REASON]),
        may="lock",
    ),
    Ask(
        "unlock",
        ids.UNLOCK_FORM,
        mark("Unlock an environment"),
        mark("Unlock"),
        (fields.choice(ids.LOCKED, mark("Locked")),),
        lambda given: grammar.Unlock(given[ids.LOCKED]),
    ),
    Ask(
        "freeze",
        ids.FREEZE_FORM,
        mark("Freeze production"),
        mark("Freeze"),
        (
            fields.moment(mark("Until")),
            fields.reason(mark("Why"), mark("Everybody who is kept out by it reads it."), optional=True),
        ),
        lambda given: FreezePhrase(given.moment(), given[ids.REASON]),
        may="lock",
        after=mark("No release starts or goes further into production; going back stays possible."),
    ),
    Ask(
        "flags",
        ids.FLAGS_FORM,
        mark("Switch a flag"),
        mark("Go on"),
        (
            fields.choice(ids.FLAG_NAME, mark("Flag")),
            fields.choice(ids.STATE, mark("Everybody gets")),
            _ENVIRONMENT,
            fields.reason(mark("Why"), _TOLD, optional=True),
        ),
        lambda given: SwitchFlag(
            given[ids.FLAG_NAME], given[ids.STATE] == "on", given[ids.ENVIRONMENT], given[ids.REASON]
        ),
        after=mark("You are asked once more before it is switched."),
    ),
)

ASKS: Mapping[str, Ask] = {ask.word: ask for ask in _ALL}
"""By the word after `/release`; without a word it is a start."""
FORMS: Mapping[str, Ask] = {ask.callback: ask for ask in _ALL}
"""By the id of the form."""
