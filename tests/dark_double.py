"""A double of LaunchDarkly, written from its documentation: its REST API's flags, and where its SDKs poll.

It keeps one project with its environments, applies semantic patches, and serves each environment's flags to its SDKs.
What it does not know it refuses, so that a test cannot pass by an instruction that is not documented.
"""

import itertools
import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

API_KEY = "api-0123456789"
SDK_KEYS = {"production": "sdk-production", "test": "sdk-test"}
SEMANTIC = "application/json; domain-model=launchdarkly.semanticpatch"
REPLACED = {"replaceRules": "rules", "replaceTargets": "targets", "replacePrerequisites": "prerequisites"}


@dataclass
class Dark:
    """The project `shop`. `comments` are those of the patches; `stale`: what SDKs are served instead."""

    flags: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    stale: dict[str, dict[str, Any]] | None = None
    _ids: Any = field(default_factory=itertools.count)

    def create(self, key: str, values: tuple[Any, ...] = (True, False), **production: Any) -> None:
        """A flag that is off everywhere and serves its last value then, its first one when it is on."""
        here = {"on": False, "offVariation": len(values) - 1, "fallthrough": {"variation": 0}, "version": 1}
        here |= {
            "rules": [],
            "targets": [],
            "contextTargets": [],
            "prerequisites": [],
            "lastModified": 1790000000000,
        }
        self.flags[key] = {
            "key": key,
            "name": key,
            "kind": "boolean" if values == (True, False) else "multivariate",
            "description": f"What {key} does",
            "variations": [{"_id": f"variation-{next(self._ids)}", "value": value} for value in values],
            "environments": {"production": here | production, "test": deepcopy(here)},
        }

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/api/v2/flags/shop", self._list),
                web.get("/api/v2/flags/shop/{key}", self._one),
                web.patch("/api/v2/flags/shop/{key}", self._patch),
                web.get("/sdk/latest-all", self._sdk),
            ]
        )
        return app

    async def _list(self, request: web.Request) -> web.Response:
        self._may(request)
        assert request.query["summary"] == "0", "without it rules and targets are left out"
        first, most = int(request.query["offset"]), int(request.query["limit"])
        shown = [self._only(flag, request) for flag in self.flags.values()]
        return web.json_response({"items": shown[first : first + most], "totalCount": len(shown)})

    async def _one(self, request: web.Request) -> web.Response:
        self._may(request)
        return web.json_response(self._only(self._found(request), request))

    def _only(self, flag: dict[str, Any], request: web.Request) -> dict[str, Any]:
        wanted = request.query.get("env", "")
        return {
            **flag,
            "environments": {name: each for name, each in flag["environments"].items() if name == wanted},
        }

    async def _patch(self, request: web.Request) -> web.Response:
        self._may(request)
        if request.headers["Content-Type"] != SEMANTIC:
            raise web.HTTPUnsupportedMediaType
        flag, body = self._found(request), await request.json()
        here = deepcopy(flag["environments"][body["environmentKey"]])
        for instruction in body["instructions"]:
            self._apply(flag, here, instruction)
        here["version"] += 1
        flag["environments"][body["environmentKey"]] = here
        self.comments.append(body["comment"])
        return web.json_response(flag)

    def _apply(self, flag: dict[str, Any], here: dict[str, Any], instruction: dict[str, Any]) -> None:
        kind = instruction["kind"]
        if kind in ("turnFlagOn", "turnFlagOff"):
            here["on"] = kind == "turnFlagOn"
        elif kind in REPLACED:
            here[REPLACED[kind]] = instruction[REPLACED[kind]]
            here["contextTargets"] = [] if kind == "replaceTargets" else here["contextTargets"]
        elif kind == "updateOffVariation":
            here["offVariation"] = self._variation(flag, instruction)
        elif kind == "updateFallthroughVariationOrRollout":
            here["fallthrough"] = {"variation": self._variation(flag, instruction)}
        else:
            raise _no(400, "invalid_request", f"unknown instruction {kind}")

    def _variation(self, flag: dict[str, Any], instruction: dict[str, Any]) -> int:
        ids = [variation["_id"] for variation in flag["variations"]]
        return ids.index(instruction["variationId"])

    async def _sdk(self, request: web.Request) -> web.Response:
        where = next(
            (name for name, key in SDK_KEYS.items() if request.headers["Authorization"] == key), None
        )
        if where is None:
            raise _no(401, "unauthorized", "Invalid SDK key")
        flags = self.flags if self.stale is None else self.stale
        return web.json_response(
            {"flags": {key: _served(flag, where) for key, flag in flags.items()}, "segments": {}}
        )

    def _may(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != API_KEY:
            raise _no(401, "unauthorized", "Invalid access token")

    def _found(self, request: web.Request) -> dict[str, Any]:
        if request.match_info["key"] not in self.flags:
            raise _no(404, "not_found", "Unknown feature flag key")
        return self.flags[request.match_info["key"]]


def _served(flag: dict[str, Any], where: str) -> dict[str, Any]:
    """A flag as the SDKs get it."""
    here = flag["environments"][where]
    values = [variation["value"] for variation in flag["variations"]]
    return {"key": flag["key"], "salt": "salt", **here, "variations": values}


def _no(status: int, code: str, message: str) -> web.HTTPException:
    kinds: dict[int, type[web.HTTPException]] = {
        400: web.HTTPBadRequest,
        401: web.HTTPUnauthorized,
        404: web.HTTPNotFound,
    }
    return kinds[status](text=json.dumps({"code": code, "message": message}), content_type="application/json")
