"""The frontend: `python -m core_hub.frontend`. A page that says what runs, and a dashboard of the api."""

import os
from collections.abc import AsyncIterator, Mapping
from html import escape
from pathlib import Path
from string import Template

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from core_hub.numbers import numbers
from core_hub.serving import serve
from core_hub.settings import Settings, load_or_exit
from core_hub.web import application, version

PAGES = Path(__file__).parent / "pages"
API_SECONDS = 3.0
"""How long the dashboard waits for the api."""

SETTINGS = web.AppKey("settings", Settings)
CLIENT = web.AppKey("client", ClientSession)


async def start_page(request: web.Request) -> web.Response:
    """GET /: the running version."""
    return _page(request, "start.html", {})


async def dashboard(request: web.Request) -> web.Response:
    """GET /dashboard: the api's metrics; 502 with the reason when they cannot be read."""
    try:
        shown = numbers(await _metrics(request))
    except (ClientError, TimeoutError, ValueError) as error:
        reason = escape(str(error) or type(error).__name__)
        return _page(request, "unreachable.html", {"reason": reason}, status=502)
    rows = "\n".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in shown.items()
    )
    return _page(request, "dashboard.html", {"rows": rows})


async def health(_request: web.Request) -> web.Response:
    """GET /healthz: 200. The frontend stays healthy without the api; its dashboard says what is wrong."""
    return web.json_response({"status": "ok"})


def build(settings: Settings) -> web.Application:
    """The application of these settings."""
    app = application(settings, lambda _method, _route, _status, _seconds: None)
    app[SETTINGS] = settings
    app.cleanup_ctx.append(_client)
    app.add_routes(
        [
            web.get("/", start_page),
            web.get("/dashboard", dashboard),
            web.get("/version", version(settings)),
            web.get("/healthz", health),
        ]
    )
    return app


async def _client(app: web.Application) -> AsyncIterator[None]:
    async with ClientSession(timeout=ClientTimeout(total=API_SECONDS)) as session:
        app[CLIENT] = session
        yield


async def _metrics(request: web.Request) -> str:
    url = f"{request.app[SETTINGS].api_url}/api/metrics"
    async with request.app[CLIENT].get(url, raise_for_status=True) as response:
        return await response.text()


def _page(request: web.Request, name: str, facts: Mapping[str, str], status: int = 200) -> web.Response:
    settings = request.app[SETTINGS]
    # The pages' names are in the code and the pages are small: reading one blocks for microseconds.
    template = Template((PAGES / name).read_text(encoding="utf-8"))
    known = {"version": escape(settings.version), "environment": escape(settings.environment)}
    return web.Response(text=template.substitute(known, **facts), content_type="text/html", status=status)


def main() -> None:
    """Serve the frontend of this environment until SIGTERM or SIGINT."""
    serve(load_or_exit("frontend", os.environ), build)


if __name__ == "__main__":
    main()
