"""Login, create a charge, approve it, send it as a dry run. The names stand in playbook.toml."""

from typing import Any

import pytest

from smoke.client import Client, from_environment


@pytest.fixture(scope="module")
def client() -> Client:
    return from_environment()


@pytest.fixture(scope="module")
def token(client: Client) -> str:
    return client.log_in()


@pytest.fixture(scope="module")
def charge(client: Client, token: str) -> Any:
    body = {"customer": "Smoke Ltd", "text": "Monthly plan, EUR 12.50"}
    answer = client.call("POST", "/api/charges", body, token)
    assert answer.status == 201, answer
    return answer.json()


@pytest.fixture(scope="module")
def approved(client: Client, token: str, charge: Any) -> Any:
    answer = client.call("POST", f"/api/charges/{charge['id']}/approve", token=token)
    assert answer.status == 200, answer
    return answer.json()


def test_version(client: Client) -> None:
    for path, component in (("/version", "frontend"), ("/api/version", "api")):
        assert client.call("GET", path).json() == {"version": client.expected, "component": component}


def test_login(token: str) -> None:
    assert token


def test_create_charge(charge: Any) -> None:
    assert (charge["category"], charge["amount_cents"], charge["suspicious"]) == ("subscription", 1250, False)


def test_approve(client: Client, token: str, approved: Any) -> None:
    shown = client.call("GET", "/api/charges", token=token).json()["charges"]
    assert [charge["status"] for charge in shown if charge["id"] == approved["id"]] == ["approved"]


def test_send_dry_run(client: Client, token: str, approved: Any, record_property: Any) -> None:
    sent = client.call("POST", f"/api/charges/{approved['id']}/send?dry_run=true", token=token)
    assert (sent.status, sent.json()["dry_run"]) == (202, True)
    record_property("dry_run", sent.json()["dry_run"])
    shown = client.call("GET", "/api/charges", token=token).json()["charges"]
    # A real sending would have taken the charge on to `sending` or `sent`.
    assert [(c["status"], c["dry_run"]) for c in shown if c["id"] == approved["id"]] == [("approved", True)]


def test_no_real_send(client: Client, token: str, approved: Any) -> None:
    assert client.call("POST", f"/api/charges/{approved['id']}/send", token=token).status == 403
