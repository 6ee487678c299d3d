"""Block Kit's documented limits as tables: what a block, an element and an object may hold.

Lengths are in characters, counts in items. Source: Slack's Block Kit reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
UPDATE_TEXT = 4_000
POST_TEXT = 40_000
METADATA_CHARACTERS = 3_000
VIEW_BYTES = 250_000
MODAL_STACK = 3
TITLE = 24
ID = 255
PLAN_TASKS = 50
TASK_STATES = frozenset({"pending", "in_progress", "complete", "error"})
ALERT_LEVELS = frozenset({"default", "info", "warning", "error", "success"})
TABLE_ROWS = 100
TABLE_COLUMNS = 20
DATA_TABLE_ROWS = 201
DATA_TABLE_PAGE = 100

MESSAGE, MODAL, HOME = "message", "modal", "home"
EVERYWHERE = frozenset({MESSAGE, MODAL, HOME})


@dataclass(frozen=True)
class Spec:
    """What one type may hold.

    texts: text objects and their length; plain: those that must be plain_text; strings: bare strings;
    counts: lists and their (least, most) items; required: fields that must be there;
    either: fields of which one must be there; elements: fields that hold elements, and which types.
    """

    texts: Mapping[str, int] = field(default_factory=dict)
    plain: frozenset[str] = frozenset()
    strings: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    elements: Mapping[str, frozenset[str]] = field(default_factory=dict)
    surfaces: frozenset[str] = EVERYWHERE


BUTTONS = frozenset({"button", "overflow", "workflow_button"})
SINGLE = frozenset(
    {
        "static_select",
        "external_select",
        "users_select",
        "conversations_select",
        "channels_select",
    }
)
MULTI = frozenset(f"multi_{name}" for name in SINGLE)
PICKERS = frozenset({"datepicker", "timepicker", "datetimepicker"})
CHOICES = frozenset({"checkboxes", "radio_buttons"})
TYPED = frozenset(
    {"plain_text_input", "number_input", "email_text_input", "url_text_input", "rich_text_input"}
)
IN_ACTIONS = BUTTONS | SINGLE | MULTI | PICKERS | CHOICES | {"rich_text_input"}
IN_SECTION = BUTTONS | SINGLE | MULTI | PICKERS | CHOICES | {"image"}
IN_INPUT = SINGLE | MULTI | PICKERS | CHOICES | TYPED | {"file_input"}
IN_CONTEXT = frozenset({"image", "mrkdwn", "plain_text"})

BLOCKS: Mapping[str, Spec] = {
    "header": Spec(texts={"text": 150}, plain=frozenset({"text"}), required=("text",)),
    "section": Spec(
        texts={"text": 3_000, "fields": 2_000},
        counts={"fields": (1, 10)},
        either=("text", "fields"),
        elements={"accessory": IN_SECTION},
    ),
    "actions": Spec(counts={"elements": (1, 25)}, required=("elements",), elements={"elements": IN_ACTIONS}),
    "context": Spec(counts={"elements": (1, 10)}, required=("elements",), elements={"elements": IN_CONTEXT}),
    "divider": Spec(),
    "image": Spec(
        texts={"title": 2_000},
        plain=frozenset({"title"}),
        strings={"image_url": 3_000, "alt_text": 2_000},
        required=("alt_text",),
        either=("image_url", "slack_file"),
    ),
    "input": Spec(
        texts={"label": 2_000, "hint": 2_000},
        plain=frozenset({"label", "hint"}),
        required=("label", "element"),
        elements={"element": IN_INPUT},
    ),
    "rich_text": Spec(counts={"elements": (0, 1_000)}, required=("elements",)),
    "markdown": Spec(strings={"text": 12_000}, required=("text",), surfaces=frozenset({MESSAGE})),
    "table": Spec(
        counts={"rows": (1, TABLE_ROWS), "column_settings": (0, TABLE_COLUMNS)},
        required=("rows",),
        surfaces=frozenset({MESSAGE}),
    ),
    "data_table": Spec(counts={"rows": (2, DATA_TABLE_ROWS)}, required=("rows", "caption")),
    "plan": Spec(counts={"tasks": (0, PLAN_TASKS)}, required=("title",), surfaces=frozenset({MESSAGE})),
    "task_card": Spec(required=("task_id", "title", "status"), surfaces=frozenset({MESSAGE})),
    "alert": Spec(texts={"text": 3_000}, required=("text",), surfaces=frozenset({MODAL})),
    "file": Spec(required=("external_id", "source"), surfaces=frozenset({MESSAGE})),
    "video": Spec(required=("alt_text", "title", "thumbnail_url", "video_url")),
}

_OPTIONS = Spec(counts={"options": (1, 100), "option_groups": (1, 100)}, either=("options", "option_groups"))
_TEN = Spec(counts={"options": (1, 10)}, required=("options",))

ELEMENTS: Mapping[str, Spec] = {
    "button": Spec(
        texts={"text": 75},
        plain=frozenset({"text"}),
        strings={"value": 2_000, "url": 3_000, "accessibility_label": 75},
        required=("text",),
    ),
    "overflow": Spec(counts={"options": (1, 5)}, required=("options",)),
    "image": Spec(
        strings={"image_url": 3_000, "alt_text": 2_000},
        required=("alt_text",),
        either=("image_url", "slack_file"),
    ),
    "static_select": _OPTIONS,
    "multi_static_select": _OPTIONS,
    "checkboxes": _TEN,
    "radio_buttons": _TEN,
    "number_input": Spec(required=("is_decimal_allowed",)),
    "mrkdwn": Spec(strings={"text": 3_000}, required=("text",)),
    "plain_text": Spec(strings={"text": 3_000}, required=("text",)),
}

CONFIRM = Spec(
    texts={"title": 100, "text": 300, "confirm": 30, "deny": 30},
    plain=frozenset({"title", "confirm", "deny"}),
    required=("title", "text"),
)
OPTION = Spec(
    texts={"text": 75, "description": 75}, strings={"value": 150, "url": 3_000}, required=("text", "value")
)
GROUP = Spec(
    texts={"label": 75},
    plain=frozenset({"label"}),
    counts={"options": (1, 100)},
    required=("label", "options"),
)
INTERACTIVE = Spec(strings={"action_id": ID}, texts={"placeholder": 150}, plain=frozenset({"placeholder"}))
