"""Finds the parts of blocks, and names those that the sender left unnamed (as Slack does)."""

import copy
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]
STATIC = frozenset({"image", "mrkdwn", "plain_text"})


def named(blocks: list[Json]) -> list[Json]:
    """A deep copy in which every block has a block_id and every interactive element an action_id."""
    copied = copy.deepcopy(blocks)
    for block in copied:
        block.setdefault("block_id", secrets.token_hex(3))
        for element in elements(block):
            if element.get("type") not in STATIC:
                element.setdefault("action_id", secrets.token_hex(3))
    return copied


def elements(block: Mapping[str, Any]) -> Iterator[Json]:
    """The elements of one block: of actions and context, a section's accessory, an input's element."""
    for name in ("elements", "accessory", "element"):
        found = block.get(name)
        if block.get("type") == "rich_text" or found is None:
            continue
        yield from found if isinstance(found, list) else [found]


def find(
    blocks: list[Json], action_id: str, block_id: str | None, value: str | None
) -> tuple[Json, Json] | None:
    """The first (block, element) with this action_id; block_id and a button's value narrow the search."""
    for block in blocks:
        if block_id is not None and block.get("block_id") != block_id:
            continue
        for element in elements(block):
            if element.get("action_id") == action_id and _is_value(element, value):
                return block, element
    return None


def _is_value(element: Mapping[str, Any], value: str | None) -> bool:
    return value is None or element.get("type") != "button" or element.get("value") == value


def action_ids(blocks: list[Json]) -> list[str]:
    """Every action_id, for error messages."""
    found = (e.get("action_id") for block in blocks for e in elements(block))
    return [action_id for action_id in found if action_id]


def options_of(element: Mapping[str, Any]) -> list[Json]:
    """All options of a select, those in groups included."""
    groups = element.get("option_groups") or []
    return [
        *(element.get("options") or []),
        *(option for group in groups for option in group.get("options", [])),
    ]
