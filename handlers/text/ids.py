"""The ids of controls and forms. They are looked up by name for ever: a message from last year still has them."""

APPROVE = "approval.approve.modal"
REJECT = "approval.reject.modal"
ALONE = "approval.alone.modal"
TICK = "checklist.done"
UNTICK = "checklist.undo"
WAIVE = "checklist.waive.modal"
ASSIGN = "checklist.assign.modal"
ROLLBACK = "release.rollback.modal"
OVERRULE = "evaluation.overrule.modal"
ABORT = "release.abort"
KEEP = "decision.keep"
GO_BACK = "decision.rollback"
RETRY = "release.retry"
PAUSE = "canary.pause"
RESUME = "canary.resume"
AGAIN = "decision.again"
START = "release.start.modal"
UNLOCK = "environment.unlock"
FLAG = "flag.switch"
OPEN_LOCK = "lock.open"
THAW = "freeze.end"
QUEUE = "queue.join"
UNSCHEDULE = "wish.cancel"
GO_ON = "wish.go_on"
NOTE_EDIT = "customers.edit.modal"
NOTE_SEND = "customers.send"
CHANGES_LINK = "release.changes.link"
SITE_LINK = "release.site.link"

APPROVE_FORM = "approval.approve"
REJECT_FORM = "approval.reject"
ALONE_FORM = "approval.alone"
ROLLBACK_FORM = "rollback.confirm"
OVERRULE_FORM = "evaluation.overrule"

WAIVE_FORM = "checklist.waive"
ASSIGN_FORM = "checklist.assign"
START_FORM = "release.start"
HOTFIX_FORM = "hotfix.start"
NOTE_FORM = "customers.edit"

START_SHORTCUT = "start_release"
FOLLOW_SHORTCUT = "follow_release"
ROLLBACK_SHORTCUT = "roll_back_release"

PRODUCT = "product"
VERSION = "version"
COMMIT = "commit"
ITEM = "item"
PERSON = "person"
REASON = "reason"
NOTE = "note"
SEEN = "seen"
UNDO = "undo"
INPUT = "v"
"""The action id of a form's input; the block id says which one it is."""


def value(*parts: object) -> str:
    """A control's value: hints about what it is for. State is always looked up."""
    return ":".join(str(part) for part in parts)


def parts(text: str) -> list[str]:
    """The hints of a value, however it was tampered with."""
    return text[:2000].split(":")
