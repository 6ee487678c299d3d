"""Everything that people can ask for leaves a decision in the audit log, or is named here as leaving none."""

from typing import get_args

from handlers import flags_grammar as flags
from handlers import grammar, phrases
from handlers.metrics_grammar import ShowMetrics
from handlers.register import ACTIONS, FORMS, SHORTCUTS
from handlers.text import ids
from pipeline.audit import KINDS

LOOKS: set[str] = set()
"""It shows something, or opens a form whose sending decides; or it says which product another command means."""
HEARS: set[str] = set()
"""It changes only what one person is told."""

COMMANDS = {
    grammar.StartRelease: {"release_requested"},
    grammar.Hotfix: {"hotfix_declared", "release_requested"},
    grammar.Approve: LOOKS,
    grammar.Reject: LOOKS,
    grammar.RollBack: LOOKS,
    grammar.Abort: {"abort_requested"},
    grammar.Retry: {"retry_requested"},
    grammar.Skip: {"decided_skip"},
    grammar.Pause: {"decided_pause"},
    grammar.Resume: {"decided_resume"},
    phrases.LockPhrase: {"environment_locked"},
    grammar.Unlock: {"environment_unlocked"},
    phrases.FreezePhrase: {"production_frozen"},
    grammar.Unfreeze: {"production_unfrozen"},
    grammar.Schedule: LOOKS,
    phrases.SchedulePhrase: {"release_scheduled"},
    grammar.Queue: {"release_queued"},
    grammar.Unschedule: {"wish_cancelled"},
    grammar.ShowStatus: LOOKS,
    grammar.ListReleases: LOOKS,
    ShowMetrics: LOOKS,
    grammar.Plan: LOOKS,
    grammar.Show: LOOKS,
    grammar.Logs: LOOKS,
    grammar.Follow: HEARS,
    grammar.Help: LOOKS,
    flags.ShowFlags: LOOKS,
    flags.SwitchFlag: LOOKS,
}
CONTROLS = {
    ids.APPROVE: LOOKS,
    ids.REJECT: LOOKS,
    ids.ALONE: LOOKS,
    ids.ROLLBACK: LOOKS,
    ids.START: LOOKS,
    ids.TICK: {"item_ticked"},
    ids.UNTICK: {"item_unticked"},
    ids.WAIVE: LOOKS,
    ids.ASSIGN: LOOKS,
    ids.KEEP: {"decided_keep"},
    ids.GO_BACK: {"rollback_requested"},
    ids.AGAIN: {"decided_again"},
    ids.ABORT: {"abort_requested"},
    ids.RETRY: {"retry_requested"},
    ids.PAUSE: {"decided_pause"},
    ids.RESUME: {"decided_resume"},
    ids.UNLOCK: {"environment_unlocked"},
    ids.OVERRULE: LOOKS,
    ids.FLAG: {"flag_switch_requested"},
    ids.OPEN_LOCK: {"environment_unlocked"},
    ids.THAW: {"production_unfrozen"},
    ids.QUEUE: {"release_queued"},
    ids.UNSCHEDULE: {"wish_cancelled"},
    ids.GO_ON: {"wishes_resumed"},
    ids.NOTE_EDIT: LOOKS,
    ids.NOTE_SEND: {"customer_note_sent"},
    ids.FILL: LOOKS,
    ids.APPROVE_FORM: {"release_approved"},
    ids.REJECT_FORM: {"release_rejected"},
    ids.ALONE_FORM: {"nobody_reached"},
    ids.ROLLBACK_FORM: {"rollback_requested"},
    ids.START_FORM: {"release_requested"},
    ids.HOTFIX_FORM: {"hotfix_declared", "release_requested"},
    ids.SCHEDULE_FORM: {"release_scheduled"},
    ids.QUEUE_FORM: {"release_queued"},
    ids.UNSCHEDULE_FORM: {"wish_cancelled"},
    ids.PLAN_FORM: LOOKS,
    ids.SHOW_FORM: LOOKS,
    ids.LOGS_FORM: LOOKS,
    ids.SKIP_FORM: {"decided_skip"},
    ids.LOCK_FORM: {"environment_locked"},
    ids.UNLOCK_FORM: {"environment_unlocked"},
    ids.FREEZE_FORM: {"production_frozen"},
    ids.FLAGS_FORM: LOOKS,
    ids.PRODUCT_FORM: LOOKS,
    ids.WAIVE_FORM: {"item_waived"},
    ids.ASSIGN_FORM: {"item_assigned"},
    ids.OVERRULE_FORM: {"evaluation_overruled"},
    ids.NOTE_FORM: {"customer_note_edited"},
    ids.START_SHORTCUT: LOOKS,
    ids.FOLLOW_SHORTCUT: HEARS,
    ids.ROLLBACK_SHORTCUT: LOOKS,
}


def test_every_command_says_what_it_leaves_in_the_audit_log() -> None:
    assert set(COMMANDS) == set(get_args(grammar.Typed))


def test_every_control_and_form_says_what_it_leaves_in_the_audit_log() -> None:
    assert set(CONTROLS) == {*ACTIONS, *FORMS, *SHORTCUTS}


def test_every_decision_of_the_audit_log_has_a_door_and_no_door_another_kind() -> None:
    left = set().union(*COMMANDS.values(), *CONTROLS.values())
    assert left == {kind for kind, weight in KINDS.items() if weight == "decision"}
