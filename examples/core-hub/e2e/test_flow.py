"""A charge goes through api, queue and worker; the frontend's pages show it."""

import re
import time
from typing import Any

import pytest

from smoke.client import Client, from_environment

DEADLINE = 20.0
"""Seconds that the worker may take to send one charge as a dry run."""


@pytest.fixture(scope="module")
def client() -> Client:
    return from_environment()


@pytest.fixture(scope="module")
def sent(client: Client) -> Any:
    """A charge that the worker has sent as a dry run."""
    token = client.log_in()
    body = {"customer": "Flow Ltd", "text": "Usage: 300 GB of traffic, 45,90 EUR"}
    number = client.call("POST", "/api/charges", body, token).json()["id"]
    assert client.call("POST", f"/api/charges/{number}/approve", token=token).status == 200
    assert client.call("POST", f"/api/charges/{number}/send?dry_run=true", token=token).status == 202
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        shown = client.call("GET", "/api/charges", token=token).json()["charges"]
        charge = next(charge for charge in shown if charge["id"] == number)
        if charge["delivery"] == "done":
            return charge
        time.sleep(0.1)
    return pytest.fail(f"No worker sent charge {number} within {DEADLINE:.0f} s. Look at the worker's log.")


def test_worker_sends_a_charge(sent: Any) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", sent["receipt"])
    assert (sent["dry_run"], sent["status"]) == (True, "approved")


def test_start_page_shows_the_version(client: Client) -> None:
    page = client.call("GET", "/")
    assert page.status == 200
    assert client.expected in page.text


def test_dashboard_shows_the_charge(client: Client, sent: Any) -> None:
    page = client.call("GET", "/dashboard")
    assert page.status == 200
    shown = dict(re.findall(r"<tr><th>(.*?)</th><td>(.*?)</td></tr>", page.text))
    assert int(shown["Charges read"]) >= 1
    assert int(shown["Jobs done"]) >= 1
    assert float(shown["LLM cost"].removeprefix("$")) > 0
