"""The router's configuration, as a value: constant for as long as the components and their routes are.

Where traffic goes is not in it. Every request to the public listener reads one small file (`traffic`
below is its grammar), and the routes here are chosen by its content: a flip is a rename, nothing reloads.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.config import SHARES
from pipeline.ports import SLOTS, Slot

ROUTE_FILE = "route"
ADMIN_SOCKET = "admin.sock"
REQUESTS = "/requests"
NOTHING = "none"
LOOPBACK = "127.0.0.1"
ANYWHERE = ""
"""Every address of the router's own network, for a router in a container."""

Json = dict[str, Any]

# Shorter than the idle time after which common servers hang up (2 s and more): a request must not meet
# a connection that its server is just closing. Also: a drained slot's connections are gone this soon.
_IDLE = "1s"
# Only for a connection that could not be made, so nothing was sent that could happen twice.
_RETRY: Json = {"try_duration": "2s", "try_interval": "50ms", "retry_match": [{"method": ["NONE"]}]}
# Behind a network of containers everybody comes from a private address: the bridge's, or another service's.
_PRIVATE = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8", "::1")


@dataclass(frozen=True)
class Route:
    """A path prefix of one slot and who serves it."""

    prefix: str
    port: int
    host: str = LOOPBACK

    @property
    def dial(self) -> str:
        """Where the router finds it."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Topology:
    """All that the configuration is made from: ports at `listen`, and each slot's routes."""

    identity: str
    public: int
    entries: Mapping[Slot, int]
    status: int
    routes: Mapping[Slot, tuple[Route, ...]]
    listen: str = LOOPBACK
    sticky: bool = False

    def listeners(self) -> dict[int, str]:
        """Every port that the router listens on, with what it is for."""
        slots = {port: f"the {slot} slot's entry" for slot, port in self.entries.items()}
        return {self.public: "the public entry", **slots, self.status: "the router's status"}


def traffic(live: Slot | None, share: int) -> str:
    """The route file's content: `none`, `blue`, `green`, or `blue:10` (green gets 10 %)."""
    return NOTHING if live is None else f"{live}:{share}" if share else live


def parse_traffic(text: str) -> tuple[Slot | None, int]:
    """The other way round; anything unknown sends traffic nowhere, as the router would."""
    known = ((slot, share) for slot in SLOTS for share in (0, *SHARES))
    return next(((slot, share) for slot, share in known if traffic(slot, share) == text), (None, 0))


def other(slot: Slot) -> Slot:
    """The slot that is not this one."""
    return "green" if slot == "blue" else "blue"


def configuration(topology: Topology) -> Json:
    """Caddy's JSON configuration. File names in it are relative to the folder in which Caddy runs."""
    servers = {"public": _public(topology), "status": _status(topology)}
    for slot in SLOTS:
        servers[slot] = _server(
            topology, topology.entries[slot], _slot_routes(slot, topology.routes[slot], {})
        )
    rolling = {"output": "file", "filename": "caddy.log", "roll_size_mb": 10, "roll_keep": 2}
    return {
        "admin": {"listen": f"unix/{ADMIN_SOCKET}|0600", "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "ERROR", "writer": rolling}}},
        "apps": {"http": {"grace_period": "5s", "servers": servers}},
    }


def _server(topology: Topology, port: int, routes: list[Json]) -> Json:
    return {
        "listen": [f"{topology.listen}:{port}"],
        "automatic_https": {"disable": True},
        "protocols": ["h1"],
        # What stands in front on this machine (a TLS terminator, our own public entry) knows the client.
        "trusted_proxies": {"source": "static", "ranges": _trusted(topology)},
        "routes": routes,
    }


def _trusted(topology: Topology) -> list[str]:
    return [f"{LOOPBACK}/32"] if topology.listen == LOOPBACK else list(_PRIVATE)


def _public(topology: Topology) -> Json:
    routes: list[Json] = [_read_route_file()]
    for slot in SLOTS:
        handlers = _slot_routes(slot, topology.routes[slot], _RETRY)
        routes.append(_when(slot, {"handler": "subroute", "routes": handlers}))
    for slot in SLOTS:
        routes += [_when(traffic(slot, share), _split(topology, slot, share)) for share in SHARES]
    sentence = "No release is live here yet. Deploy one, then promote it.\n"
    routes.append({"handle": [{"handler": "static_response", "status_code": 503, "body": sentence}]})
    return _server(topology, topology.public, routes)


def _read_route_file() -> Json:
    # Once per request, so that one request never sees two answers.
    return {"handle": [{"handler": "vars", "traffic": f"{{file.{ROUTE_FILE}}}"}]}


def _when(content: str, handler: Json) -> Json:
    return {"match": [{"vars": {"traffic": [content]}}], "handle": [handler], "terminal": True}


def _split(topology: Topology, live: Slot, share: int) -> Json:
    """Between the two slots' entries, not between services: the share then counts over all components."""
    parts = math.gcd(100 - share, share)
    weights = [(100 - share) // parts, share // parts]
    entries = [f"{LOOPBACK}:{topology.entries[slot]}" for slot in (live, other(live))]
    policy: Json = {"policy": "weighted_round_robin", "weights": weights}
    if topology.sticky:
        # A name for each live slot: in the next canary the slots have changed places, and whoever was sent to
        # what is live now would all be sent to the candidate.
        policy = {"policy": "cookie", "name": f"canary-beside-{live}", "fallback": policy}
    return {**_proxy(*entries), "load_balancing": {"selection_policy": policy}}


def _slot_routes(slot: Slot, routes: tuple[Route, ...], retry: Json) -> list[Json]:
    mark = {"handler": "headers", "response": {"set": {"X-Slot": [slot]}, "deferred": True}}
    found: list[Json] = [{"handle": [mark]}]
    for route in sorted(routes, key=lambda r: (-len(r.prefix), r.prefix)):
        proxy = {**_proxy(route.dial), **({"load_balancing": retry} if retry else {})}
        found.append({"match": [{"path": _paths(route.prefix)}], "handle": [proxy], "terminal": True})
    sentence = f"Nothing in the {slot} slot serves this path.\n"
    found.append({"handle": [{"handler": "static_response", "status_code": 404, "body": sentence}]})
    return found


def _paths(prefix: str) -> list[str]:
    """`/api` is for /api and /api/..., not for /apiary."""
    bare = prefix.rstrip("/")
    return [bare, f"{bare}/*"] if bare else ["/*"]


def _proxy(*dials: str) -> Json:
    transport = {"protocol": "http", "dial_timeout": "2s", "keep_alive": {"idle_timeout": _IDLE}}
    upstreams = [{"dial": dial} for dial in dials]
    return {"handler": "reverse_proxy", "upstreams": upstreams, "transport": transport}


def _status(topology: Topology) -> Json:
    answer = {"handler": "static_response", "body": f"{topology.identity} {{http.vars.traffic}}"}
    return _server(topology, topology.status, [_requests(), _read_route_file(), {"handle": [answer]}])


def _requests() -> Json:
    """How many requests are under way to each service, as the router's own admin interface tells; no more."""
    rewrite = {"handler": "rewrite", "uri": "/reverse_proxy/upstreams"}
    host = {"request": {"set": {"Host": [LOOPBACK]}}}
    admin = {"handler": "reverse_proxy", "upstreams": [{"dial": f"unix/{ADMIN_SOCKET}"}], "headers": host}
    match = {"path": [REQUESTS], "method": ["GET"]}
    return {"match": [match], "handle": [rewrite, admin], "terminal": True}
