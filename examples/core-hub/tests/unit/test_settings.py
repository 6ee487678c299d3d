"""What a process needs, and what it says when that is not there."""

import pytest

from core_hub.settings import SettingsError, load

COMPLETE = {
    "RELEASE_VERSION": "0.1.0",
    "RELEASE_ENVIRONMENT": "local",
    "PORT": "8001",
    "DATABASE_URL": "sqlite:///x.db",
    "CHARGE_SIGNING_KEY": "0123456789abcdef",
    "API_URL": "http://127.0.0.1:8001/",
}


def test_each_component_gets_only_what_it_needs() -> None:
    frontend = load("frontend", COMPLETE)
    assert (frontend.api_url, frontend.signing_key, frontend.database_url) == (
        "http://127.0.0.1:8001",
        "",
        "",
    )
    assert load("worker", COMPLETE).port == 0


def test_a_secret_is_not_shown() -> None:
    assert COMPLETE["CHARGE_SIGNING_KEY"] not in repr(load("api", COMPLETE))


@pytest.mark.parametrize("name", ["RELEASE_VERSION", "PORT", "DATABASE_URL", "CHARGE_SIGNING_KEY"])
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"The api cannot start: .*{name}.*Set it"):
        load("api", COMPLETE | {name: " "})


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "٣", "9" * 5000])
def test_a_wrong_port_is_explained(port: str) -> None:
    with pytest.raises(SettingsError, match="PORT"):
        load("api", COMPLETE | {"PORT": port})


def test_a_short_key_is_refused_without_showing_it() -> None:
    with pytest.raises(SettingsError, match="openssl") as caught:
        load("api", COMPLETE | {"CHARGE_SIGNING_KEY": "hunter2"})
    assert "hunter2" not in str(caught.value)
