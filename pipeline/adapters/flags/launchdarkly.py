"""Flags in LaunchDarkly: switched by semantic patches, read back by its server SDK through OpenFeature.

Off means: targeting is off, and what is served then is false; rules stay as they are. On means: targeting is on, and
nothing is left that would serve somebody anything else. Written from its documentation and tried against a double of
it, never against the service itself: https://launchdarkly.com/docs/api/feature-flags/patch-feature-flag.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
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

SEMANTIC_PATCH = "application/json; domain-model=launchdarkly.semanticpatch"
PAGE = 100
"""Flags in one answer: the most that LaunchDarkly gives with their rules."""
TARGETED = {"rules": "replaceRules", "targets": "replaceTargets", "prerequisites": "replacePrerequisites"}
"""What may give somebody another value while targeting is on, and the instruction that takes it out."""


@dataclass(frozen=True)
class LaunchDarklyFlags:
    """A FlagStore on one environment of one project. `sdk_url` is where its SDKs ask, if not at LaunchDarkly.

    `patience`: seconds until an application must get a switch; `start`: how many its SDK may take to start.
    """

    url: str
    sdk_url: str | None
    project: str
    environment: str
    secrets: Secrets
    patience: float = 10.0
    start: float = 5.0
    adds_missing: bool = False

    @property
    def title(self) -> str:
        return self.secrets.title

    async def flags(self) -> tuple[Flag, ...]:
        """As its API has them, with when each was changed last; by whom is in its own audit log."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self._admin(
                "GET", env=self.environment, offset=str(len(found)), limit=str(PAGE), summary="0"
            )
            items = page.get("items") if isinstance(page, Mapping) else None
            if not isinstance(items, list):
                raise self._is_another()
            found += items
            if len(items) < PAGE:
                return tuple(self._flag(each) for each in found)

    async def switch(self, key: str, on: bool, actor: str, reason: str) -> Switched:
        """One patch, with who and why as its comment."""
        path = f"/{quote(key, safe='')}"
        was = await self._admin("GET", path, env=self.environment)
        instructions, set_aside = self._instructions(was, on)
        comment = plain(f"{reason} (by {actor} through the release bot)".strip(), 500)
        body = {"environmentKey": self.environment, "comment": comment, "instructions": instructions}
        now = await self._admin("PATCH", path, body, SEMANTIC_PATCH)
        await read_back(self.title, self._as_an_application, key, on, self.patience)
        return Switched(self._flag(was), self._flag(now), set_aside)

    async def add(self, text: str) -> tuple[str, ...]:
        """Nothing: what flags a server has is its own people's decision."""
        return ()

    def served(self) -> "Path | None":
        """Applications ask LaunchDarkly."""
        return None

    # ------------------------------------------------------------------ asking

    async def _admin(
        self, method: str, path: str = "", body: Any = None, kind: str = "application/json", **query: str
    ) -> Any:
        server = Admin(self.title, self.url, lambda: self.secrets(ADMIN))
        where = f"/api/v2/flags/{quote(self.project)}{path}"
        return await server.ask(method, where, body, kind, **query)

    def _is_another(self) -> FlagError:
        return FlagError(
            f"{self.url} does not answer as LaunchDarkly does for the project {self.project} and its environment"
            f" {self.environment}. Next: look at [products.NAME.flags] in bot.toml."
        )

    def _here(self, flag: Any) -> dict[str, Any]:
        """The flag's settings in this environment."""
        try:
            found: dict[str, Any] = flag["environments"][self.environment]
        except (TypeError, LookupError) as error:
            raise self._is_another() from error
        return found

    def _instructions(self, flag: Any, on: bool) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """What has everybody get `on`, and what is out of force by it. Raises FlagError for what is no switch."""
        here = self._here(flag)
        variation = next((each["_id"] for each in flag["variations"] if each["value"] is on), None)
        if variation is None:
            raise FlagError(
                f"The flag {plain(flag['key'], 80)!r} is no switch: none of its variations is {json.dumps(on)}. Nothing"
                " was changed. Next: change it in LaunchDarkly."
            )
        if not on:
            update = [] if _off(flag, here) is False else [_to("updateOffVariation", variation)]
            return [{"kind": "turnFlagOff"}, *update], {}
        held = {
            name: here.get(name) or (here.get("contextTargets") if name == "targets" else None)
            for name in TARGETED
        }
        set_aside = {name: value for name, value in held.items() if value}
        emptied = [{"kind": TARGETED[name], name: []} for name in set_aside]
        if _fallthrough(flag, here) is not True:
            set_aside["fallthrough"] = here.get("fallthrough")
            emptied.append(_to("updateFallthroughVariationOrRollout", variation))
        return [*emptied, {"kind": "turnFlagOn"}], set_aside

    def _flag(self, flag: Any) -> Flag:
        here = self._here(flag)
        ruled = here["on"] and any(here.get(name) for name in (*TARGETED, "contextTargets"))
        ruled = ruled or (here["on"] and "rollout" in (here.get("fallthrough") or {}))
        value = _fallthrough(flag, here) if here["on"] else _off(flag, here)
        changed = here.get("lastModified")
        return Flag(
            key=flag["key"],
            on=value if isinstance(value, bool) and not ruled else None,
            variant=json.dumps(value) if value is not None else "",
            doubt="rules"
            if ruled
            else "disabled"
            if value is None
            else ""
            if isinstance(value, bool)
            else "value",
            description=flag.get("description") or "",
            changed_at=datetime.fromtimestamp(changed / 1000, UTC) if changed else None,
        )

    def _as_an_application(self) -> "FeatureProvider":
        from ld_openfeature import LaunchDarklyProvider
        from ldclient import Config

        where: dict[str, Any] = {"base_uri": self.sdk_url} if self.sdk_url else {}
        config = Config(
            self.secrets(CLIENT), stream=False, send_events=False, diagnostic_opt_out=True, **where
        )
        return LaunchDarklyProvider(config, self.start)


def _to(kind: str, variation: str) -> dict[str, Any]:
    return {"kind": kind, "variationId": variation}


def _off(flag: Mapping[str, Any], here: Mapping[str, Any]) -> Any:
    """What is served while targeting is off; None: each application's own default."""
    return _value(flag, here.get("offVariation"))


def _fallthrough(flag: Mapping[str, Any], here: Mapping[str, Any]) -> Any:
    """What is served where nothing is targeted; None for a share of the users."""
    return _value(flag, (here.get("fallthrough") or {}).get("variation"))


def _value(flag: Mapping[str, Any], index: int | None) -> Any:
    return None if index is None else flag["variations"][index]["value"]
