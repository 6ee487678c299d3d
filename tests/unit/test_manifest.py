"""manifest.yml promises exactly what the bot registers and calls, both ways."""

import ast
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.settings import Settings
from handlers.desk import Desk
from handlers.grammar import parse_release
from handlers.languages import Languages
from handlers.phrases import Now
from handlers.register import ACTIONS, FORMS, register
from handlers.text import help as help_text
from handlers.text import ids
from pipeline.config import SlackNames
from tests.house import open_house

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
NO_SCOPE = frozenset({"auth_test", "views_open", "views_publish", "views_update"})
SCOPES = {
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "conversations_info": {"channels:read", "groups:read"},
    "users_info": {"users:read"},
    "usergroups_users_list": {"usergroups:read"},
    "files_upload_v2": {"files:write"},
    "conversations_history": {"channels:history", "groups:history"},
    "conversations_replies": {"channels:history", "groups:history"},
}
"""Bot scopes by Web API method. Source: the method pages of Slack's reference."""

OPTIONAL = {"channels:history", "groups:history"}
"""Lets a sender that was killed look whether its message arrived; without it one may come twice."""


@pytest.fixture
def manifest() -> Json:
    found: Json = yaml.safe_load((ROOT / "manifest.yml").read_text())
    return found


class Recording(AsyncApp):
    """A Bolt app that registers, and tells what was registered."""

    def __init__(self) -> None:
        super().__init__(token="xoxb-none", signing_secret="none")
        self.seen: defaultdict[str, list[Any]] = defaultdict(list)

    def command(self, command: Any, *rest: Any, **more: Any) -> Any:
        self.seen["command"].append(command)
        return super().command(command, *rest, **more)

    def event(self, event: Any, *rest: Any, **more: Any) -> Any:
        self.seen["event"].append(event)
        return super().event(event, *rest, **more)

    def action(self, constraints: Any, *rest: Any, **more: Any) -> Any:
        self.seen["action"].append(constraints)
        return super().action(constraints, *rest, **more)

    def view(self, constraints: Any, *rest: Any, **more: Any) -> Any:
        self.seen["view"].append(constraints)
        return super().view(constraints, *rest, **more)

    def shortcut(self, constraints: Any, *rest: Any, **more: Any) -> Any:
        self.seen["shortcut"].append(constraints)
        return super().shortcut(constraints, *rest, **more)


@pytest.fixture
async def registered(tmp_path: Path) -> AsyncIterator[Mapping[str, list[Any]]]:
    async with open_house(tmp_path) as house:
        app = Recording()
        register(app, Desk(house.service, app.client, Languages(app.client)))
        yield app.seen


def called_methods() -> set[str]:
    """The Web API methods that the sources call, by slack_sdk's names; the sandbox is Slack's side, and `api_call` is
    what all of them go through."""
    known = {name for name in dir(AsyncWebClient) if "_" in name.strip("_") and not name.startswith("_")}
    paths = [path for folder in ("bot", "handlers") for path in (ROOT / folder).rglob("*.py")]
    trees = [ast.parse(path.read_text()) for path in paths if "sandbox" not in path.parts]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    words = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return (known & (attributes | words)) - {"api_call"}


async def test_commands_are_registered_as_promised(
    manifest: Json, registered: Mapping[str, list[Any]]
) -> None:
    promised = {command["command"] for command in manifest["features"]["slash_commands"]}
    assert set(registered["command"]) == promised
    assert promised == set(vars(SlackNames()).values())
    assert all(command["should_escape"] for command in manifest["features"]["slash_commands"])
    assert all(name in help_text.commands(SlackNames()) for name in promised)


async def test_the_usage_hint_names_only_what_is_understood(manifest: Json) -> None:
    (release,) = (c for c in manifest["features"]["slash_commands"] if c["command"] == "/release")
    now = Now(datetime.now(UTC), ZoneInfo("UTC"))
    for word in release["usage_hint"].split(" | "):
        assert parse_release(word, now)


async def test_events_and_interactivity_are_registered_as_promised(
    manifest: Json, registered: Mapping[str, list[Any]]
) -> None:
    settings = manifest["settings"]
    assert set(registered["event"]) == set(settings["event_subscriptions"]["bot_events"])
    assert settings["interactivity"]["is_enabled"] == bool(registered["action"] and registered["view"])
    assert manifest["features"]["app_home"]["home_tab_enabled"] == ("app_home_opened" in registered["event"])
    assert len(registered["shortcut"]) == len(manifest["features"].get("shortcuts", []))
    assert settings["socket_mode_enabled"] == (Settings.model_fields["slack_mode"].default == "socket")


def test_the_scopes_are_those_of_the_methods_that_are_called(manifest: Json) -> None:
    called = called_methods()
    assert called >= {"chat_postMessage", "users_info"}
    assert called <= NO_SCOPE | set(SCOPES)
    assert set(SCOPES) <= called
    needed = {scope for method in called & set(SCOPES) for scope in SCOPES[method]} - OPTIONAL
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == needed | {"commands"}


def test_every_control_of_the_messages_is_handled() -> None:
    carried = {value for name, value in vars(ids).items() if name.isupper() and "." in str(value)}
    links = {value for value in carried if value.endswith(".link")}
    assert carried - links == set(ACTIONS) | set(FORMS)
