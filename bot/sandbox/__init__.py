"""A local Slack: Web API, Socket Mode and a page, to try and to test the bot without a workspace."""

from bot.sandbox.delivery import Delivered
from bot.sandbox.errors import SandboxError, SlackError
from bot.sandbox.faults import Faults
from bot.sandbox.journal import Call, Delivery
from bot.sandbox.people import BOT_USER, Channel, Command, Group, Shortcut, User
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.workspace import Message, View, Workspace

__all__ = [
    "BOT_USER",
    "Call",
    "Channel",
    "Command",
    "Delivered",
    "Delivery",
    "Faults",
    "Group",
    "Message",
    "Sandbox",
    "SandboxError",
    "Shortcut",
    "SlackError",
    "User",
    "View",
    "Workspace",
]
