"""A Web API call's arguments, whichever way they came: query, form (JSON inside strings) or JSON."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from bot.sandbox.errors import SlackError


class Args(dict[str, Any]):
    """The arguments by name, with readers that refuse what Slack refuses."""

    def text(self, name: str) -> str:
        """A string that must be there. Raises SlackError invalid_arguments."""
        value = self.get(name)
        if value is None or value == "":
            raise SlackError("invalid_arguments", [f"[ERROR] missing required field: {name}"])
        if not isinstance(value, str):
            raise SlackError("invalid_arguments", [f"[ERROR] must be a string [json-pointer:/{name}]"])
        return value

    def optional(self, name: str) -> str | None:
        """A string, or None when it is missing or empty."""
        return self.text(name) if self.get(name) not in (None, "") else None

    def flag(self, name: str) -> bool:
        """A truth value as JSON or as a form's text writes it."""
        return str(self.get(name, "")).lower() in ("true", "1")

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number between two bounds. Raises SlackError invalid_arguments."""
        value = str(self.get(name, default))
        if not value.isdecimal() or not least <= int(value) <= most:
            what = f"[ERROR] must be a number from {least} to {most} [json-pointer:/{name}]"
            raise SlackError("invalid_arguments", [what])
        return int(value)

    def json(self, name: str, otherwise: str = "invalid_arguments") -> Any:
        """An object or array, decoded when it came as a string; None when missing. Raises SlackError."""
        value = self.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError as error:
            raise SlackError(
                otherwise, [f"[ERROR] not valid JSON: {error} [json-pointer:/{name}]"]
            ) from error


async def read_args(request: web.Request) -> Args:
    """All arguments of a request. Raises SlackError: invalid_json, json_not_object, invalid_form_data."""
    args = Args(request.query)
    if request.content_type == "application/json":
        args.update(await _read_json(request))
    elif request.can_read_body:
        args.update(_strings(await request.post()))
    args.pop("token", None)
    return args


async def _read_json(request: web.Request) -> Mapping[str, Any]:
    try:
        found = json.loads(await request.text() or "{}")
    except (ValueError, LookupError) as error:
        raise SlackError("invalid_json") from error
    if not isinstance(found, dict):
        raise SlackError("json_not_object")
    return found


def _strings(form: MultiMapping[Any]) -> dict[str, str]:
    if any(not isinstance(value, str) for value in form.values()):
        raise SlackError("invalid_form_data")
    return {key: str(value) for key, value in form.items()}
