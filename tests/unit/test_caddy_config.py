"""The router's configuration as a value, and the grammar of the route file."""

from typing import Any

import pytest

from pipeline.adapters.slots.caddy_config import (
    ANYWHERE,
    Route,
    Topology,
    configuration,
    parse_traffic,
    traffic,
)
from pipeline.config import SHARES
from pipeline.ports import SLOTS, Slot


def _topology(*routes: Route) -> Topology:
    return Topology("abc", 9000, {"blue": 9001, "green": 9002}, 9003, {"blue": routes, "green": ()})


def _servers(*routes: Route) -> Any:
    return configuration(_topology(*routes))["apps"]["http"]["servers"]


@pytest.mark.parametrize(
    ("live", "share", "text"),
    [(None, 0, "none"), ("blue", 0, "blue"), ("green", 0, "green"), ("green", 25, "green:25")],
)
def test_traffic_is_one_word(live: Slot | None, share: int, text: str) -> None:
    assert traffic(live, share) == text
    assert parse_traffic(text) == (live, share)


@pytest.mark.parametrize("text", ["", "none", "red", "blue:7", "blue:", "blue:010", "blue\n", "green:100"])
def test_what_the_router_does_not_know_sends_traffic_nowhere(text: str) -> None:
    assert parse_traffic(text) == (None, 0)


def test_every_traffic_word_has_its_route_and_everything_else_a_503() -> None:
    routes = _servers(Route("/", 9004))["public"]["routes"]
    matched = [route["match"][0]["vars"]["traffic"][0] for route in routes[1:-1]]
    assert matched == [*SLOTS, *(f"{slot}:{share}" for slot in SLOTS for share in SHARES)]
    assert routes[-1]["handle"][0]["status_code"] == 503


@pytest.mark.parametrize(("share", "weights"), [(10, [9, 1]), (25, [3, 1]), (1, [99, 1]), (75, [1, 3])])
def test_a_share_is_split_between_the_slots_entries(share: int, weights: list[int]) -> None:
    routes = _servers()["public"]["routes"]
    found = next(r for r in routes[1:-1] if r["match"][0]["vars"]["traffic"] == [f"green:{share}"])
    proxy = found["handle"][0]
    assert proxy["load_balancing"]["selection_policy"]["weights"] == weights
    assert [upstream["dial"] for upstream in proxy["upstreams"]] == ["127.0.0.1:9002", "127.0.0.1:9001"]


def test_the_longest_prefix_comes_first_and_is_not_stripped() -> None:
    routes = _servers(Route("/", 1), Route("/api", 2), Route("/api/v2/", 3))["blue"]["routes"]
    assert [route["match"][0]["path"] for route in routes[1:-1]] == [
        ["/api/v2", "/api/v2/*"],
        ["/api", "/api/*"],
        ["/*"],
    ]


def test_every_listener_is_on_this_machine_only() -> None:
    listened = [address for server in _servers().values() for address in server["listen"]]
    assert sorted(listened) == ["127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003"]
    assert set(_topology().listeners()) == {9000, 9001, 9002, 9003}


def test_in_a_network_of_containers_services_have_names_and_everybody_a_private_address() -> None:
    routes = {slot: (Route("/", 8080, f"{slot}-api"),) for slot in SLOTS}
    inside = Topology("abc", 9000, {"blue": 9001, "green": 9002}, 9003, routes, ANYWHERE)
    servers = configuration(inside)["apps"]["http"]["servers"]
    assert {address for server in servers.values() for address in server["listen"]} == {
        ":9000", ":9001", ":9002", ":9003",
    }  # fmt: skip
    proxy = servers["green"]["routes"][1]["handle"][0]
    assert proxy["upstreams"] == [{"dial": "green-api:8080"}]
    assert "172.16.0.0/12" in servers["public"]["trusted_proxies"]["ranges"]


def test_of_the_admin_interface_only_the_number_of_requests_is_shown() -> None:
    first = _servers()["status"]["routes"][0]
    assert first["match"] == [{"path": ["/requests"], "method": ["GET"]}]
    assert first["handle"][0] == {"handler": "rewrite", "uri": "/reverse_proxy/upstreams"}
    assert first["terminal"]


def test_only_connections_that_could_not_be_made_are_tried_again() -> None:
    route = _servers(Route("/", 1))["public"]["routes"][1]["handle"][0]["routes"][1]
    assert route["handle"][0]["load_balancing"]["retry_match"] == [{"method": ["NONE"]}]
    assert "load_balancing" not in _servers(Route("/", 1))["blue"]["routes"][1]["handle"][0]
