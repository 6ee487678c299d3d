"""Who is in the sandbox and where they talk: plain data, no I/O."""

from dataclasses import dataclass, field
from typing import Literal

TEAM = "T0SANDBOX"
OTHER_TEAM = "T0OTHER"
BOT_USER = "U0BOT0001"
BOT_ID = "B0BOT0001"
APP_ID = "A0SANDBOX1"


@dataclass
class User:
    """A person (or the bot). `name` is the handle; `locale` a BCP 47 tag such as pt-BR."""

    id: str
    name: str
    real_name: str
    role: str = ""
    team_id: str = TEAM
    locale: str = "en-US"
    tz: str = "UTC"
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    deleted: bool = False

    @property
    def is_stranger(self) -> bool:
        """Whether the person belongs to another team (Slack Connect)."""
        return self.team_id != TEAM


@dataclass
class Group:
    """A user group; `handle` is written without the @."""

    id: str
    handle: str
    name: str
    members: list[str] = field(default_factory=list)


@dataclass
class Channel:
    """A conversation. A direct message has `person`, the one who talks with the bot."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    is_private: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    topic: str = ""
    person: str | None = None

    @property
    def is_im(self) -> bool:
        return self.person is not None


@dataclass(frozen=True)
class Command:
    """A slash command as the manifest registers it; `name` starts with a slash."""

    name: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = True


@dataclass(frozen=True)
class Shortcut:
    """A shortcut of the manifest."""

    name: str
    callback_id: str
    type: Literal["global", "message"] = "global"
    description: str = ""


def default_users() -> list[User]:
    """The people every sandbox starts with: the playbook's roles, a guest and an outsider."""
    return [
        User("U0DANA001", "dana", "Dana Souza", "Release manager", tz="America/Sao_Paulo"),
        User("U0LEE0002", "lee", "Lee Park", "DRI"),
        User("U0SAM0003", "sam", "Sam Costa", "Developer"),
        User("U0KIM0004", "kim", "Kim Lima", "DRI", locale="pt-BR", tz="America/Sao_Paulo"),
        User("U0GUEST05", "gus", "Gus Guest", "Guest", is_restricted=True),
        User("U0EXT00006", "olga", "Olga Outside", "Other company", team_id=OTHER_TEAM),
        User(BOT_USER, "releasebot", "Release Bot", "App", is_bot=True),
    ]


def default_groups() -> list[Group]:
    """The two groups that the default people are in."""
    return [
        Group("S0APPROVE", "release-approvers", "Release approvers", ["U0LEE0002", "U0KIM0004"]),
        Group("S0RELEASE", "release-managers", "Release managers", ["U0DANA001", "U0LEE0002"]),
    ]


def default_channels(users: list[User]) -> list[Channel]:
    """Two channels with everybody in them; the second is a product's own."""
    everybody = {user.id for user in users}
    insiders = {user.id for user in users if not user.is_stranger}
    return [
        Channel("C0RELEASES", "releases", set(everybody), topic="Releases of all products"),
        Channel("C0COREHUB", "core-hub", insiders, topic="The core-hub product"),
    ]
