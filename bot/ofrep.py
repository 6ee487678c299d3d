"""Flags over HTTP, by the OpenFeature Remote Evaluation Protocol: for applications that cannot read the bot's file.

The base URL of an environment is `/flags/PRODUCT/ENVIRONMENT`; below it the protocol's own paths follow. The rules are
evaluated by flagd's own evaluator. Where the environment has a secret FLAGS_CLIENT_TOKEN, it has to be shown.
Protocol: https://openfeature.dev/docs/reference/other-technologies/ofrep/openapi (0.3).
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from pipeline import flagd
from pipeline.errors import FlagError

if TYPE_CHECKING:
    from openfeature.contrib.tools.flagd.core import FlagdCore
    from openfeature.evaluation_context import EvaluationContext

log = structlog.get_logger()

BASE = "/flags/{product}/{environment}/ofrep/v1/evaluate/flags"

FindFile = Callable[[str, str], Path | None]
"""The flags file of a product's environment; None where the bot keeps none."""
FindToken = Callable[[str, str], str | None]
Answer = dict[str, Any]


@dataclass
class _Set:
    """The flags of one file, evaluated; read again when it changes. A damaged file leaves what was read before."""

    path: Path
    _seen: tuple[int, int] | None = None
    _core: "FlagdCore | None" = None
    _kinds: dict[str, type] = field(default_factory=dict)

    def fresh(self) -> "_Set":
        """As the file is now. Raises FlagError when it was never readable. Blocks: call it in a thread."""
        try:
            stat = self.path.stat()
            if (stat.st_mtime_ns, stat.st_ino) != self._seen:
                self._load(self.path.read_text(encoding="utf-8"))
                self._seen = stat.st_mtime_ns, stat.st_ino
        except (OSError, UnicodeDecodeError, FlagError) as error:
            if self._core is None:
                raise FlagError(f"The flags cannot be read: {error}") from error
            log.warning(
                "ofrep: the flags stay as they were read before", file=str(self.path), error=str(error)
            )
        return self

    def _load(self, text: str) -> None:
        from openfeature.contrib.tools.flagd.core import FlagdCore

        document = flagd.read(text, self.path.name)
        core = FlagdCore()
        core.set_flags(text)
        self._core = core
        self._kinds = {key: _kind(flag["variants"]) for key, flag in document["flags"].items()}

    def evaluate_all(self, context: "EvaluationContext") -> list[Answer]:
        return [self.evaluate(key, context)[1] for key in self._kinds]

    def evaluate(self, key: str, context: "EvaluationContext") -> tuple[int, Answer]:
        """The status and the answer for one flag."""
        from openfeature.exception import OpenFeatureError
        from openfeature.flag_evaluation import Reason

        if key not in self._kinds or self._core is None:
            return 404, _failure("FLAG_NOT_FOUND", f"There is no flag {key!r}.", key)
        resolve: Any = {
            bool: self._core.resolve_boolean_value,
            str: self._core.resolve_string_value,
            int: self._core.resolve_integer_value,
            float: self._core.resolve_float_value,
            dict: self._core.resolve_object_value,
        }[self._kinds[key]]
        try:
            found = resolve(key, _NOTHING, context)
        except OpenFeatureError as error:
            known = error.error_code.value in ("PARSE_ERROR", "TARGETING_KEY_MISSING", "INVALID_CONTEXT")
            code = error.error_code.value if known else "GENERAL"
            return 400, _failure(code, error.error_message or str(error), key)
        except (
            Exception
        ) as error:  # a rule that does not fit what an application sent: whatever JsonLogic raises
            return 400, _failure("GENERAL", f"The rules cannot be evaluated: {error}", key)
        answer = {"key": key, "reason": Reason(found.reason).value, "variant": found.variant or ""}
        # Without a value the application's own default holds: a disabled flag, or one without a default variant.
        value = {} if found.value is _NOTHING else {"value": found.value}
        return 200, {**answer, **value, "metadata": dict(found.flag_metadata)}


_NOTHING = object()


def _kind(variants: dict[str, Any]) -> type:
    """What the variants are; whole numbers among others are like the others."""
    kinds = {type(value) for value in variants.values()}
    return float if float in kinds else kinds.pop()


def _failure(code: str, details: str, key: str | None = None) -> Answer:
    return {**({"key": key} if key is not None else {}), "errorCode": code, "errorDetails": details}


class Ofrep:
    """The protocol's two paths for every product whose flags the bot keeps."""

    def __init__(self, file: FindFile, token: FindToken) -> None:
        self._file, self._token = file, token
        self._sets: dict[Path, _Set] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.post(BASE, self._all), web.post(f"{BASE}/{{key:.+}}", self._one)]

    async def _one(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        try:
            flags, context = await self._asked(request)
        except _Refused as refused:
            return refused.response(key)
        status, answer = flags.evaluate(key, context)
        return web.json_response(answer, status=status)

    async def _all(self, request: web.Request) -> web.Response:
        try:
            flags, context = await self._asked(request)
        except _Refused as refused:
            return refused.response()
        body = json.dumps({"flags": flags.evaluate_all(context), "metadata": {}})
        tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
        if tag in _tags(request.headers.get("If-None-Match", "")):
            return web.Response(status=304, headers={"ETag": tag})
        return web.Response(text=body, content_type="application/json", headers={"ETag": tag})

    async def _asked(self, request: web.Request) -> tuple[_Set, "EvaluationContext"]:
        where = request.match_info["product"], request.match_info["environment"]
        path = self._file(*where)
        if path is None:
            raise _Refused(404, "FLAG_NOT_FOUND", f"I keep no flags of {' '.join(where)[:90]}.")
        if wanted := self._token(*where):
            self._check(request, wanted)
        try:
            flags = await asyncio.to_thread(self._sets.setdefault(path, _Set(path)).fresh)
        except FlagError as error:
            raise _Refused(500, "GENERAL", str(error)) from error
        return flags, await _context(request)

    def _check(self, request: web.Request, wanted: str) -> None:
        shown = request.headers.get("X-API-Key") or request.headers.get("Authorization", "").removeprefix(
            "Bearer "
        )
        if not shown:
            raise _Refused(401, "GENERAL", "Show the token: Authorization: Bearer, or X-API-Key.")
        if not hmac.compare_digest(shown.encode("utf-8", "replace"), wanted.encode()):
            raise _Refused(403, "GENERAL", "This token is not the one of the environment.")


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, status: int, code: str, details: str) -> None:
        super().__init__(details)
        self.status, self.code, self.details = status, code, details

    def response(self, key: str | None = None) -> web.Response:
        return web.json_response(_failure(self.code, self.details, key), status=self.status)


async def _context(request: web.Request) -> "EvaluationContext":
    """Whom the flags are evaluated for, as the application says."""
    from openfeature.evaluation_context import EvaluationContext

    try:
        body = json.loads(await request.text() or "{}")
    except (ValueError, LookupError, RecursionError) as error:  # no JSON, no text, or an unknown charset
        raise _Refused(400, "PARSE_ERROR", f"The body is not JSON: {error}") from error
    context = body.get("context", {}) if isinstance(body, dict) else None
    key = context.get("targetingKey") if isinstance(context, dict) else None
    if not isinstance(context, dict) or not isinstance(key, str | None):
        raise _Refused(
            400, "INVALID_CONTEXT", "`context` should be an object, and its `targetingKey` a text."
        )
    return EvaluationContext(key, {name: value for name, value in context.items() if name != "targetingKey"})


def _tags(header: str) -> Iterator[str]:
    return (tag.strip().removeprefix("W/") for tag in header.split(","))
