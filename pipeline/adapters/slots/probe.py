"""Asking a service whether it is healthy, and which version it is."""

import json
from dataclasses import dataclass

import aiohttp

from pipeline.adapters.slots.places import Place

_ASK = 2.0
_ANSWER_LIMIT = 65_536


@dataclass(frozen=True)
class Answer:
    """What a service said. `reason` is empty when all is well; `final`: asking again will not help."""

    reason: str = ""
    final: bool = False


def session() -> aiohttp.ClientSession:
    """A client for `probe`, to be closed by the caller."""
    connector = aiohttp.TCPConnector(force_close=True)
    timeout = aiohttp.ClientTimeout(total=_ASK)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False)


async def probe(session: aiohttp.ClientSession, place: Place) -> Answer:
    """Ask for health and version. A wrong version is final, as a running program does not change its own."""
    url = f"http://127.0.0.1:{place.port}"
    try:
        status, _ = await _get(session, url + place.service.health)
        if status // 100 != 2:
            return Answer(f"answered {status} at {place.service.health}")
        status, body = await _get(session, url + place.service.version_path)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Answer(f"did not answer ({str(error) or type(error).__name__})")
    found = _version(body)
    if status != 200 or found is None:
        return Answer(f'did not answer {{"version": ...}} at {place.service.version_path}', final=True)
    if found != place.version:
        return Answer(f"answers as version {found[:80]!r} instead of {place.version!r}", final=True)
    return Answer()


async def _get(session: aiohttp.ClientSession, url: str) -> tuple[int, bytes]:
    async with session.get(url, allow_redirects=False) as response:
        body = b""
        async for chunk in response.content.iter_chunked(_ANSWER_LIMIT):
            body += chunk
            if len(body) > _ANSWER_LIMIT:
                break
        return response.status, body


def _version(body: bytes) -> str | None:
    try:
        return str(json.loads(body)["version"])
    except (ValueError, KeyError, TypeError):
        return None
