"""What Slack's own client checks before a form is sent at all."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from bot.sandbox.values import is_empty

Json = dict[str, Any]
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def complaints(blocks: Iterable[Json], state: Json) -> dict[str, str]:
    """Field errors by block_id: what is missing, too short, too long or not what the field is for."""
    found = {}
    for block in blocks:
        if block.get("type") == "input":
            element = block["element"]
            problem = _problem(block, element, state[block["block_id"]][element["action_id"]])
            if problem:
                found[block["block_id"]] = problem
    return found


def _problem(block: Json, element: Json, state: Json) -> str | None:
    if is_empty(state):
        return None if block.get("optional") else "Please complete this required field."
    value = state.get("value")
    return _text_problem(element, value) if isinstance(value, str) else None


def _text_problem(element: Json, value: str) -> str | None:
    least, most = element.get("min_length", 0), element.get("max_length", 3_000)
    if len(value) < least:
        return f"Enter at least {least} characters; there are {len(value)}."
    if len(value) > most:
        return f"Enter at most {most} characters; there are {len(value)}."
    match element["type"]:
        case "number_input":
            return _number_problem(element, value)
        case "email_text_input" if not _EMAIL.fullmatch(value):
            return "Enter an e-mail address such as name@example.com."
        case "url_text_input" if not _is_url(value):
            return "Enter a full address such as https://example.com."
    return None


def _number_problem(element: Json, value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "Enter a number."
    if not element.get("is_decimal_allowed") and not number.is_integer():
        return "Enter a whole number."
    least, most = element.get("min_value"), element.get("max_value")
    if least is not None and number < float(least):
        return f"Enter {least} or more."
    if most is not None and number > float(most):
        return f"Enter {most} or less."
    return None


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
