"""What each step of a release would do with this product, in a few words."""

from collections.abc import Callable, Mapping, Sequence

from handlers.text.language import tr, trn
from handlers.text.words import lasted
from pipeline.config import Item, Playbook


def _cases(playbook: Playbook) -> str:
    if playbook.evaluation is None:
        return tr("the playbook has none")
    return trn("{count} case", "{count} cases", playbook.evaluation.cases)


def _canary(playbook: Playbook) -> str:
    shares = ", ".join(tr("{share} %", share=step) for step in playbook.canary.steps)
    hold = lasted(playbook.canary.hold.total_seconds())
    return tr("{shares}, each for {time}", shares=shares, time=hold)


def _items(items: Sequence[Item]) -> str:
    return trn("{count} item", "{count} items", len(items))


DETAILS: Mapping[str, Callable[[Playbook], str]] = {
    "test": lambda playbook: ", ".join(playbook.tests),
    "build": lambda playbook: ", ".join(playbook.components),
    "evaluation": _cases,
    "checklist": lambda playbook: _items(playbook.checklist.before),
    "canary": _canary,
    "watch": lambda playbook: lasted(playbook.watch.duration.total_seconds()),
    "after": lambda playbook: _items(playbook.checklist.after),
}


def detail(stage: str, playbook: Playbook) -> str:
    """The product's own part of a step; "" where there is none."""
    return DETAILS[stage](playbook) if stage in DETAILS else ""
