"""Which store keeps a product's flags, by bot.toml; and what `releasebot check` says of its tokens."""

from pathlib import Path

import pytest

from bot.check import check
from bot.demo.history import build_history
from bot.demo.house import BOT_TOML
from bot.outside import make_ports
from pipeline.adapters.flags.file import FileFlags
from pipeline.adapters.flags.launchdarkly import LaunchDarklyFlags
from pipeline.adapters.flags.unleash import UnleashFlags
from pipeline.config import BotFile, parse
from pipeline.ports import FlagStore
from tests.acceptance.town import Nobody

UNLEASH = '[products.core-hub.flags]\nprovider = "unleash"\nurl = "https://unleash.example"\n'
LAUNCHDARKLY = """[products.core-hub.flags]
provider = "launchdarkly"
project = "hub"
environments = { staging = "test" }
"""
NAMES = [
    f"CORE_HUB_{where}_FLAGS_{token}_TOKEN"
    for where in ("STAGING", "PRODUCTION")
    for token in ("ADMIN", "CLIENT")
]


def bot_toml(folder: Path, flags: str) -> str:
    ports = {"staging": 9001, "production": 9002, "staging_first": 9100, "production_first": 9200}
    return BOT_TOML.format(folder=folder, canary=1, watch=1, **ports) + flags


def stores(folder: Path, flags: str) -> dict[str, FlagStore]:
    product = parse(BotFile, bot_toml(folder, flags), "bot.toml").products["core-hub"]
    return dict(make_ports("core-hub", product, folder, Nobody(), str).flags)


def test_a_file_of_the_bots_own_unless_a_server_is_named(tmp_path: Path) -> None:
    file, unleash, dark = (stores(tmp_path, flags)["staging"] for flags in ("", UNLEASH, LAUNCHDARKLY))
    assert isinstance(file, FileFlags)
    assert file.path == tmp_path / "products" / "core-hub" / "flags" / "staging" / "flags.json"
    assert isinstance(unleash, UnleashFlags)
    assert (unleash.url, unleash.project, unleash.environment) == (
        "https://unleash.example",
        "default",
        "staging",
    )
    assert isinstance(dark, LaunchDarklyFlags)
    assert (dark.url, dark.sdk_url, dark.project, dark.environment) == (
        "https://app.launchdarkly.com",
        None,
        "hub",
        "test",
    )


@pytest.mark.parametrize("flags", ["", UNLEASH])
async def test_check_names_the_tokens_of_a_server_that_are_missing(
    flags: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build_history(tmp_path / "core-hub.git")
    (tmp_path / "bot.toml").write_text(bot_toml(tmp_path, flags))
    monkeypatch.setenv("RELEASEBOT_CONFIG", str(tmp_path / "bot.toml"))
    monkeypatch.setenv(NAMES[0], "there already")
    assert await check(None, "v0.2.0") == 1  # Slack's tokens are missing too
    printed = capsys.readouterr().out
    assert [name for name in NAMES if name in printed] == (NAMES[1:] if flags else [])
    assert "flag:" not in printed
