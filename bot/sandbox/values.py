"""What a person chose or typed, in the shape in which payloads carry it (state.values, actions)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.sandbox.blocks import elements, options_of
from bot.sandbox.errors import SandboxError

Json = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """How one element type carries its value: its key, the key of its initial value, and what it is."""

    key: str
    initial: str
    kind: Literal["text", "one", "many", "option", "options", "seconds"]


FIELDS: Mapping[str, Field] = {
    "plain_text_input": Field("value", "initial_value", "text"),
    "number_input": Field("value", "initial_value", "text"),
    "email_text_input": Field("value", "initial_value", "text"),
    "url_text_input": Field("value", "initial_value", "text"),
    "rich_text_input": Field("rich_text_value", "initial_value", "one"),
    "datepicker": Field("selected_date", "initial_date", "text"),
    "timepicker": Field("selected_time", "initial_time", "text"),
    "datetimepicker": Field("selected_date_time", "initial_date_time", "seconds"),
    "static_select": Field("selected_option", "initial_option", "option"),
    "external_select": Field("selected_option", "initial_option", "option"),
    "radio_buttons": Field("selected_option", "initial_option", "option"),
    "checkboxes": Field("selected_options", "initial_options", "options"),
    "multi_static_select": Field("selected_options", "initial_options", "options"),
    "multi_external_select": Field("selected_options", "initial_options", "options"),
    "users_select": Field("selected_user", "initial_user", "one"),
    "multi_users_select": Field("selected_users", "initial_users", "many"),
    "conversations_select": Field("selected_conversation", "initial_conversation", "one"),
    "multi_conversations_select": Field("selected_conversations", "initial_conversations", "many"),
    "channels_select": Field("selected_channel", "initial_channel", "one"),
    "multi_channels_select": Field("selected_channels", "initial_channels", "many"),
}
_LISTS = ("many", "options")


def chosen(element: Json, given: Any, extra: Sequence[Json] = ()) -> Json:
    """The state of an element after a person chose `given` (an option's value, a text, an id, a list).

    `extra` are the options that the bot suggested. Raises SandboxError for a choice that is not offered.
    """
    field = FIELDS.get(str(element.get("type")))
    if field is None:
        raise SandboxError(f"A {element.get('type')} takes no value. Click it, or fill in another element.")
    return {"type": element["type"], field.key: _value(field, element, given, extra)}


def _value(field: Field, element: Json, given: Any, extra: Sequence[Json]) -> Any:
    if given is None or given == "" or given == []:
        return [] if field.kind in _LISTS else None
    if field.kind in ("option", "options"):
        offered = [*options_of(element), *extra, *_initial_options(element)]
        picked = [pick(offered, one) for one in _as_list(given)]
        return picked if field.kind == "options" else picked[0]
    return _CONVERT[field.kind](given)


def _as_list(given: Any) -> list[Any]:
    return list(given) if isinstance(given, (list, tuple, set)) else [given]


_CONVERT: Mapping[str, Callable[[Any], Any]] = {
    "many": _as_list,
    "seconds": int,
    "text": str,
    "one": lambda x: x,
}


def pick(offered: Iterable[Json], given: object) -> Json:
    """The offered option with this value (or this very option). Raises SandboxError when there is none."""
    wanted = given.get("value") if isinstance(given, Mapping) else given
    values = []
    for option in offered:
        values.append(str(option.get("value")))
        if option.get("value") == wanted:
            return option
    known = ", ".join(dict.fromkeys(values)) or "nothing"
    raise SandboxError(f"There is no option {wanted!r}: offered are {known}. Choose one of these.")


def _initial_options(element: Json) -> list[Json]:
    one = element.get("initial_option")
    return [*([one] if one else []), *(element.get("initial_options") or [])]


def initial(element: Json, channel: str | None = None) -> Json | None:
    """An element's state before anybody touched it; None for elements without a state (buttons)."""
    field = FIELDS.get(str(element.get("type")))
    if field is None:
        return None
    value = element.get(field.initial)
    if value is None and element.get("default_to_current_conversation"):
        value = channel
    if value is None and field.kind in _LISTS:
        value = []
    return {"type": element["type"], field.key: value}


def is_empty(state: Json) -> bool:
    """Whether nothing is chosen or typed."""
    field = FIELDS[str(state["type"])]
    return state.get(field.key) in (None, "", [])


def state_of(blocks: Iterable[Json], filled: Json, channel: str | None = None) -> Json:
    """state.values: what was filled in, else what the bot gave as initial values."""
    values: Json = {}
    for block in blocks:
        for element in elements(block):
            before = initial(element, channel)
            if before is not None:
                block_id, action_id = block["block_id"], element["action_id"]
                state = filled.get(block_id, {}).get(action_id)
                # An update may put another type of element under the same names.
                same = state is not None and state["type"] == element["type"]
                values.setdefault(block_id, {})[action_id] = state if same else before
    return values
