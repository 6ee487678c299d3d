"""Messages and forms such as a release bot sends, one of each kind of block, for the sandbox's tests."""

from typing import Any

from tests.sandbox_helpers import actions, button, modal, section, text_input

Json = dict[str, Any]


def plain(text: str) -> Json:
    """A plain_text object."""
    return {"type": "plain_text", "text": text}


def option(value: str) -> Json:
    """An option that shows its value."""
    return {"text": plain(value.title()), "value": value}


def rich(*parts: Json) -> Json:
    """A rich_text block of one section."""
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(parts)}]}


def row(*cells: str) -> list[Json]:
    """A table's row of raw texts."""
    return [{"type": "raw_text", "text": cell} for cell in cells]


CONFIRM = {
    "title": plain("Pause?"),
    "text": plain("Traffic stays."),
    "confirm": plain("Pause"),
    "deny": plain("No"),
}

CARD: list[Json] = [
    {"type": "header", "text": plain("🚀 web v0.2.0: deploying (step 3 of 5)")},
    {
        "type": "section",
        "fields": [
            {"type": "mrkdwn", "text": "*State*\n🔵 Deploying"},
            {
                "type": "mrkdwn",
                "text": "*Started*\n<!date^1795461000^{date_short} {time}|09:10 UTC> by <@U0DANA001>",
            },
        ],
    },
    section(
        "*bold* _italic_ ~strike~ `code` :rocket: <!subteam^S0APPROVE> <#C0COREHUB>\n> quoted\n```pre *not bold*```"
    ),
    section(
        "<https://docs.example/a|a page> <javascript:alert(1)|no link> &lt;script&gt;alert(1)&lt;/script&gt;"
    ),
    actions(
        button("pause", "Pause", value="r1", confirm=CONFIRM),
        button("open", "Roll back…", value="r1", style="danger"),
        button("notes.link", "Notes", url="https://docs.example/notes"),
        {"type": "overflow", "action_id": "more", "options": [option("follow"), option("copy")]},
        {"type": "static_select", "action_id": "pick", "options": [option("one"), option("two")]},
    ),
    {"type": "divider"},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "`rel_01` · updated now"}]},
    rich({"type": "text", "text": "<!channel> stays plain"}, {"type": "user", "user_id": "U0LEE0002"}),
    {"type": "table", "rows": [row("Signal", "v0.2.0"), row("Errors", "0.12 %")]},
    {"type": "image", "image_url": "https://pictures.example/a.png", "alt_text": "Errors stay flat"},
    {
        "type": "plan",
        "title": "Rollout",
        "tasks": [
            {
                "task_id": "a",
                "title": "Checks",
                "status": "complete",
                "output": rich({"type": "text", "text": "412"}),
            },
            {"task_id": "b", "title": "Canary", "status": "in_progress"},
        ],
    },
]

HOME: Json = {
    "type": "home",
    "blocks": [
        {"type": "header", "text": plain("Releases")},
        actions(button("start", "Start a release…", value="web"), block_id="start"),
        {"type": "data_table", "caption": "Last", "page_size": 1, "rows": [row("A"), row("one"), row("two")]},
    ],
}


def _input(block_id: str, element: Json, **more: Any) -> Json:
    shown = {"type": "input", "block_id": block_id, "label": plain(block_id.title()), "element": element}
    return shown | more


FORM: Json = modal(
    {"type": "alert", "level": "warning", "text": plain("This goes to production.")},
    _input("service", {"type": "external_select", "action_id": "v", "min_query_length": 0}),
    _input("why", {"type": "static_select", "action_id": "v", "options": [option("errors"), option("slow")]}),
    _input(
        "seen", {"type": "checkboxes", "action_id": "v", "options": [option("changes"), option("way back")]}
    ),
    _input(
        "where",
        {"type": "radio_buttons", "action_id": "v", "options": [option("staging"), option("production")]},
    ),
    _input("who", {"type": "users_select", "action_id": "v"}, optional=True),
    _input("day", {"type": "datepicker", "action_id": "v"}, optional=True),
    _input("hour", {"type": "timepicker", "action_id": "v"}, optional=True),
    _input("at", {"type": "datetimepicker", "action_id": "v"}, optional=True),
    _input("share", {"type": "number_input", "action_id": "v", "is_decimal_allowed": False}, optional=True),
    _input(
        "post",
        {"type": "conversations_select", "action_id": "v", "response_url_enabled": True},
        optional=True,
    ),
    text_input("type", max_length=40),
    notify_on_close=True,
)
FILLED: Json = {
    "service": {"v": "web"},
    "why": {"v": "errors"},
    "seen": {"v": ["changes"]},
    "where": {"v": "staging"},
    "type": {"v": "web"},
}
