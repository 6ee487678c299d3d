"""Flags in Unleash: switched by its administration, read back by its own client through OpenFeature.

On means: enabled in the environment, with a strategy that is for everybody. Off means: not enabled, whatever
strategies there are; they stay as they are. Tried with Unleash 8.2; paths as in https://docs.getunleash.io/api.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipeline.adapters.flags.http import ADMIN, CLIENT, Admin, Secrets
from pipeline.adapters.flags.readback import read_back
from pipeline.errors import FlagError
from pipeline.plain import plain
from pipeline.ports import Flag, Switched

if TYPE_CHECKING:
    from pathlib import Path

    from openfeature.provider import FeatureProvider

EVERYBODY = {"name": "flexibleRollout", "title": "Everybody, by the release bot", "constraints": []}
MOST_EVENTS = "200"


@dataclass(frozen=True)
class UnleashFlags:
    """A FlagStore on one environment of one project of Unleash.

    `patience`: seconds until an application must get a switch; Unleash holds its answers back for a moment.
    """

    url: str
    project: str
    environment: str
    secrets: Secrets
    patience: float = 10.0
    adds_missing: bool = False

    @property
    def title(self) -> str:
        return self.secrets.title

    async def flags(self) -> tuple[Flag, ...]:
        """As Unleash's clients are told, with who changed what last as its event log has it."""
        features, changes = await self._features(), await self._changes()
        return tuple(_flag(feature, changes.get(feature["name"], {})) for feature in features)

    async def switch(self, key: str, on: bool, actor: str, reason: str) -> Switched:
        """By the environment's switch; for everybody a strategy is added where there is none."""
        was, here = await self._find(key), f"{self._of(key)}/environments/{quote(self.environment)}"
        if on and not _has_one_for_everybody(was):
            every = {"groupId": key, "rollout": "100", "stickiness": "default"}
            await self._admin("POST", f"{here}/strategies", {**EVERYBODY, "parameters": every})
        await self._admin("POST", f"{here}/{'on' if on else 'off'}")
        await read_back(self.title, self._as_an_application, key, on, self.patience)
        return Switched(_flag(was, {}), _flag(await self._find(key), {}))

    async def add(self, text: str) -> tuple[str, ...]:
        """Nothing: what flags a server has is its own people's decision."""
        return ()

    def served(self) -> "Path | None":
        """Applications ask the server."""
        return None

    # ------------------------------------------------------------------ asking

    async def _admin(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        server = Admin(self.title, self.url, lambda: self.secrets(ADMIN))
        return await server.ask(method, f"/api/admin{path}", body, **query)

    def _of(self, key: str) -> str:
        """The path of a flag in the administration."""
        return f"/projects/{quote(self.project)}/features/{quote(key, safe='')}"

    async def _features(self) -> list[dict[str, Any]]:
        server = Admin(self.title, self.url, lambda: self.secrets(CLIENT))
        answer = await server.ask("GET", "/api/client/features")
        try:
            return [feature for feature in answer["features"] if feature["project"] == self.project]
        except (TypeError, LookupError) as error:
            raise self._is_another() from error

    async def _find(self, key: str) -> dict[str, Any]:
        """The flag as the administration has it, who is not late; in the form in which clients are told."""
        feature = await self._admin("GET", self._of(key))
        try:
            here = next(e for e in feature["environments"] if e["name"] == self.environment)
        except (TypeError, LookupError) as error:
            raise self._is_another() from error
        except StopIteration as none:
            raise FlagError(
                f"{plain(key, 80)} has no environment {self.environment} in {self.url}. Nothing was changed. Next: look"
                " at flags.environments in bot.toml."
            ) from none
        return {**feature, "enabled": here["enabled"], "strategies": here["strategies"]}

    def _is_another(self) -> FlagError:
        return FlagError(f"{self.url} does not answer as Unleash does. Next: look at flags.url in bot.toml.")

    async def _changes(self) -> Mapping[str, Mapping[str, Any]]:
        """The last change of each flag in this environment; none where the token may not read them."""
        wanted = {"project": f"IS:{self.project}", "environment": f"IS:{self.environment}"}
        try:
            answer = await self._admin("GET", "/search/events", limit=MOST_EVENTS, **wanted)
            return {
                event["featureName"]: event for event in reversed(answer["events"]) if event["featureName"]
            }
        except (FlagError, TypeError, LookupError):
            return {}

    def _as_an_application(self) -> "FeatureProvider":
        from openfeature.contrib.provider.unleash import UnleashProvider

        from pipeline.adapters.flags.unleash_cache import Memory

        # Never the client's own cache on the disk: it would answer for a server that does not.
        return UnleashProvider(
            f"{self.url.rstrip('/')}/api", "releasebot", self.secrets(CLIENT), cache=Memory()
        )


def _flag(feature: Mapping[str, Any], change: Mapping[str, Any]) -> Flag:
    ruled = _is_ruled(feature)
    at = change.get("createdAt")
    return Flag(
        key=feature["name"],
        on=None if ruled else bool(feature["enabled"]),
        variant="on" if feature["enabled"] else "off",
        doubt="rules" if ruled else "",
        description=feature.get("description") or "",
        changed_by=change.get("createdBy"),
        changed_at=datetime.fromisoformat(at) if at else None,
    )


def _is_ruled(feature: Mapping[str, Any]) -> bool:
    """Whether it is enabled for some only: no strategy is for everybody, or it depends on another flag."""
    return bool(feature["enabled"]) and not (
        _has_one_for_everybody(feature) and not feature.get("dependencies")
    )


def _has_one_for_everybody(feature: Mapping[str, Any]) -> bool:
    """Without any strategy too: then Unleash adds one when it is enabled."""
    strategies = [strategy for strategy in feature.get("strategies") or [] if not strategy.get("disabled")]
    return not strategies or any(map(_is_for_everybody, strategies))


def _is_for_everybody(strategy: Mapping[str, Any]) -> bool:
    free = not strategy.get("constraints") and not strategy.get("segments")
    whole = strategy["name"] == "default" or (
        strategy["name"] == "flexibleRollout" and strategy.get("parameters", {}).get("rollout") == "100"
    )
    return free and whole
