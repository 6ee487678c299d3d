"""The api: `python -m core_hub.api`. Everything under /api/; a session is a bearer token."""

import asyncio
import json
import os
import time

from aiohttp import web
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from core_hub import charges, reader, signing
from core_hub.database import connect
from core_hub.flags import Flags
from core_hub.metrics import Metrics
from core_hub.problems import Problem
from core_hub.serving import serve
from core_hub.settings import Settings, load_or_exit
from core_hub.web import application, version

SETTINGS = web.AppKey("settings", Settings)
ENGINE = web.AppKey("engine", Engine)
FLAGS = web.AppKey("flags", Flags)
METRICS = web.AppKey("metrics", Metrics)

LONGEST_TEXT = 2000
LONGEST_CUSTOMER = 120
LONGEST_USER = 40
LARGEST_ID = 2**31 - 1


async def log_in(request: web.Request) -> web.Response:
    """POST /api/login {"user", "key"?}: {"token", "tester"}. Without a key the session is a tester's."""
    body = await _body(request)
    key = None if body.get("key") is None else _text(body, "key", 200)
    signing_key = request.app[SETTINGS].signing_key
    session = signing.log_in(signing_key, _text(body, "user", LONGEST_USER), key)
    return web.json_response({"token": signing.issue(signing_key, session), "tester": session.tester})


async def create(request: web.Request) -> web.Response:
    """POST /api/charges {"customer", "text"}: 201 with what was read from the text."""
    who, body = _session(request), await _body(request)
    customer, text = _text(body, "customer", LONGEST_CUSTOMER), _text(body, "text", LONGEST_TEXT)
    begun = time.perf_counter()
    reading = reader.read(text)
    request.app[METRICS].read_text(reader.usage(text), time.perf_counter() - begun)
    flags, engine = request.app[FLAGS], request.app[ENGINE]
    by_itself = flags.on("auto-approval") and not flags.on("human-in-the-loop")
    number = await asyncio.to_thread(charges.create, engine, who, customer, text, reading, by_itself)
    answer = {
        "id": number,
        "category": reading.category,
        "amount_cents": reading.amount_cents,
        "suspicious": reading.suspicious,
    }
    return web.json_response(answer, status=201)


async def approve(request: web.Request) -> web.Response:
    """POST /api/charges/{id}/approve: {"id", "status": "approved"}."""
    who, number = _session(request), _number(request)
    await asyncio.to_thread(charges.approve, request.app[ENGINE], who, number)
    return web.json_response({"id": number, "status": "approved"})


async def send(request: web.Request) -> web.Response:
    """POST /api/charges/{id}/send?dry_run=true: 202 {"id", "job", "dry_run"}; the worker does the rest."""
    who, number = _session(request), _number(request)
    dry_run = {"true": True, "false": False, None: False}.get(request.query.get("dry_run"))
    if dry_run is None:
        raise Problem(422, "Nothing was sent.", "dry_run is neither true nor false.", "Use ?dry_run=true.")
    job = await asyncio.to_thread(charges.send, request.app[ENGINE], who, number, dry_run)
    return web.json_response({"id": number, "job": job, "dry_run": dry_run}, status=202)


async def listing(request: web.Request) -> web.Response:
    """GET /api/charges: {"charges": [...]}, newest first."""
    who = _session(request)
    return web.json_response({"charges": await asyncio.to_thread(charges.newest, request.app[ENGINE], who)})


async def health(request: web.Request) -> web.Response:
    """GET /api/healthz: 200 when the database answers and its tables are there, else 503 with the reason."""
    try:
        await asyncio.to_thread(charges.jobs_by_state, request.app[ENGINE])
    except SQLAlchemyError as error:
        raise Problem(
            503,
            "The api is not healthy.",
            f"Its database cannot be read: {error.__cause__ or error}.",
            "Look at DATABASE_URL, and migrate with `alembic upgrade head`.",
        ) from error
    return web.json_response({"status": "ok"})


async def measurements(request: web.Request) -> web.Response:
    """GET /api/metrics: Prometheus' text format."""
    jobs = await asyncio.to_thread(charges.jobs_by_state, request.app[ENGINE])
    text = request.app[METRICS].render(dict(jobs))
    return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def build(settings: Settings) -> web.Application:
    """The application of these settings. It owns the engine and the flags, and lets go of them at the end."""
    metrics = Metrics(settings.version)
    app = application(settings, metrics.answered)
    app[SETTINGS], app[METRICS] = settings, metrics
    app[ENGINE], app[FLAGS] = connect(settings.database_url), Flags.of(settings)
    app.on_cleanup.append(_dispose)
    app.add_routes(
        [
            web.post("/api/login", log_in),
            web.post("/api/charges", create),
            web.get("/api/charges", listing),
            web.post("/api/charges/{id}/approve", approve),
            web.post("/api/charges/{id}/send", send),
            web.get("/api/version", version(settings)),
            web.get("/api/healthz", health),
            web.get("/api/metrics", measurements),
        ]
    )
    return app


async def _dispose(app: web.Application) -> None:
    app[FLAGS].close()
    app[ENGINE].dispose()


def _session(request: web.Request) -> signing.Session:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return signing.verify(request.app[SETTINGS].signing_key, token)


def _number(request: web.Request) -> int:
    value = request.match_info["id"]
    if not (value.isascii() and value.isdigit() and len(value) < 11 and int(value) <= LARGEST_ID):
        raise Problem(404, "There is no such charge.", "Its id is not a number.", "Look at GET /api/charges.")
    return int(value)


async def _body(request: web.Request) -> dict[str, object]:
    try:
        body = json.loads(await request.text())
    except (ValueError, LookupError, RecursionError):  # not JSON, not text, or an unknown charset
        body = None
    if not isinstance(body, dict):
        raise Problem(400, "Nothing was done.", "The body is not a JSON object.", "Send one in UTF-8.")
    return body


def _text(body: dict[str, object], name: str, longest: int) -> str:
    value = body.get(name)
    # A lone surrogate cannot be written as UTF-8, and PostgreSQL stores no NUL.
    valid = isinstance(value, str) and not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value)
    if not isinstance(value, str) or not valid or not 0 < len(value.strip()) <= longest:
        raise Problem(
            422,
            "Nothing was done.",
            f"`{name}` is not a text of 1 to {longest} characters.",
            f"Send `{name}` again.",
        )
    return value.strip()


def main() -> None:
    """Serve the api of this environment until SIGTERM or SIGINT."""
    serve(load_or_exit("api", os.environ), build)


if __name__ == "__main__":
    main()
