"""Refusals about time: locks, freezes, what is scheduled or queued, and times as they were typed."""

from collections.abc import Mapping

from handlers.text.language import mark

TIME: Mapping[str, str] = {
    "locked_by_hand": mark(
        "{environment} is locked {until}.\n"
        "{by} locked it: {reason}.\n"
        "Let it wait its turn with `/release queue {version}`, or have the lock opened with `/release unlock {word}`."
    ),
    "already_locked": mark(
        "{environment} is locked already, {until}.\n"
        "{by} locked it: {reason}.\n"
        "Have it opened first with `/release unlock {word}`."
    ),
    "lock_reason_missing": mark(
        "A lock needs a reason.\n"
        "Everybody who is kept out by it reads it.\n"
        "Type for example `/release lock staging for 2h trying the new import`."
    ),
    "which_environment": mark(
        "I do not know the environment `{text}`.\n"
        "There are production and staging; without a word it is production.\n"
        "{near}Type for example `/release lock staging for 2h trying the new import`."
    ),
    "frozen": mark(
        "Production is frozen {until}.\n"
        "{freeze}\n"
        "Let it start when that is over with `/release queue {version}`, or at a time of yours with "
        "`/release schedule {version} tomorrow 10:00`.{hotfix}"
    ),
    "frozen_by_file": mark(
        "This freeze cannot be ended from here.\n"
        "“{name}” stands in bot.toml, {until}.\n"
        "Wait for its end, or ask the bot's operator to change it."
    ),
    "not_frozen": mark(
        "Nothing is frozen.\n{product} has no freeze that a person made.\nGo on; the next release can start."
    ),
    "freeze_until_when": mark(
        "Until when?\n"
        "A freeze ends by itself, so that nobody forgets it.\n"
        "Type for example `/release freeze 2h stocktaking`, or `/release freeze until friday 18:00 stocktaking`."
    ),
    "time_missing": mark(
        "When?\n"
        "A time is missing.\n"
        "Write it as `2026-12-01 10:00`, `tomorrow 10:00`, `friday 10:00` or `in 2h`."
    ),
    "time_unknown": mark(
        "I do not understand `{text}`.\n"
        "It should be a time.\n"
        "{near}Write it as `2026-12-01 10:00`, `tomorrow 10:00`, `friday 10:00` or `in 2h`."
    ),
    "duration_unknown": mark(
        "I do not understand `{text}`.\nIt should be a length of time.\nWrite it as `30m`, `2h`, `1h30m` or `3d`."
    ),
    "time_of_day_missing": mark(
        "At what time?\n"
        "`{text}` names a day; the time of the day is missing, or is not written as hours and minutes.\n"
        "Write for example `tomorrow 10:00`."
    ),
    "no_such_date": mark(
        "There is no `{text}`.\nThe calendar does not have this day.\nWrite a day that there is, as `2026-12-01`."
    ),
    "no_such_time": mark(
        "There is no `{text}`.\nThe time of a day goes from 00:00 to 23:59.\nWrite it as `09:30` or `18:00`."
    ),
    "time_past": mark(
        "`{text}` is over.\nA time has to lie ahead.\nWrite a later one, such as `tomorrow 10:00` or `in 2h`."
    ),
    "time_far": mark(
        "`{text}` is more than a year away.\n"
        "That is probably a slip in the year.\n"
        "Write a time within a year."
    ),
    "which_weekday": mark(
        "Today is `{text}`.\n"
        "It could mean today or a week from now.\n"
        "Write `today` or a date: `{today}`, or `{next}`."
    ),
    "time_left_out": mark(
        "`{text}` does not exist in {zone}.\n"
        "Clocks are put forward that night, and this time is left out.\n"
        "Write a time an hour earlier or later."
    ),
    "time_twice": mark(
        "`{text}` comes twice in {zone}.\n"
        "Clocks are put back that night, and this time is shown twice.\n"
        "Write a time an hour earlier or later."
    ),
    "behind": mark(
        "It waits behind {version}.\n"
        "One product has one release at a time, and that one came first.\n"
        "Wait for it, or take one of them back with `/release unschedule`."
    ),
    "under_way": mark(
        "{version} is under way already.\n"
        "There is nothing to schedule or to queue.\n"
        "Follow the release's message, or look with `/release status`."
    ),
    "wished_already": mark(
        "{version} is waiting already.\n"
        "{by} asked for it, {due}.\n"
        "Take that back first with `/release unschedule {version}` if it should be otherwise."
    ),
    "queue_full": mark(
        "Nothing more can be scheduled or queued.\n"
        "{product} has {most} releases waiting, and nobody can mean more than that.\n"
        "Look with `/release queue`, and take some of them back."
    ),
    "not_wished": mark(
        "{version} is neither scheduled nor queued.\n"
        "Nobody asked for it, or it was long ago.\n"
        "{near}Look at what waits with `/release queue`."
    ),
    "wish_over": mark(
        "That comes too late: {version} {state}.\nNothing was changed.\nLook with `/release status`."
    ),
    "nothing_halted": mark(
        "There is nothing to go on with.\n"
        "What was halted here goes on already, or was taken back.\n"
        "Look at what waits with `/release queue`."
    ),
}
