"""Mistakes of the operator: the command line names the file, the key, what was found and what would be right."""

import asyncio
import os
from pathlib import Path

from bot.sandbox.sandbox import Sandbox
from tests.forks import releasebot
from tests.house import BOT_TOML

RIGHT = BOT_TOML.replace('teams = ["T1"]\n', "")

MISTAKES = {
    RIGHT.replace('channel = "C0SHOP"', 'channel = "#shop"'): (
        "products.shop.channel: found '#shop'",
        "pattern",
    ),
    RIGHT.replace("first_port = 9100", 'first_port = "many"'): ("first_port: found 'many'", "integer"),
    RIGHT.replace("[products.shop.people]", "[products.shop.poeple]"): (
        "products.shop.poeple: is not a known key",
        "products.shop.people: is missing; it is required",
    ),
    RIGHT.replace('channel = "C0SHOP"', "channel = C0SHOP"): ("is not valid TOML", "line 4"),
    RIGHT.replace("first_port = 9200", "first_port = 9100"): ("both use port 9100", "Give each its own"),
    RIGHT + '[products.shop.pace]\nwatch = "soon"\n': ("products.shop.pace.watch: found 'soon'", '"90s"'),
    "": ("products: is missing; it is required",),
    RIGHT: ("no git repository at that address", "correct `repository` in bot.toml"),
}


async def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run the command line in a folder: exit code and everything it printed."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return await asyncio.to_thread(releasebot, folder, arguments, kept | environment)


async def test_check_names_every_mistake_of_bot_toml(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(len(MISTAKES))]
    for folder, text in zip(folders, MISTAKES, strict=True):
        folder.mkdir()
        folder.joinpath("bot.toml").write_text(text)
    answers = await asyncio.gather(*(run(folder, "check") for folder in folders))
    for (code, printed), expected in zip(answers, MISTAKES.values(), strict=True):
        assert code in (1, 2), printed
        assert all(part in printed for part in expected), printed
        assert "Traceback" not in printed


async def test_run_names_what_is_missing_in_the_environment(tmp_path: Path) -> None:
    tokens = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
    cases: tuple[tuple[dict[str, str], tuple[str, ...]], ...] = (
        ({}, ("SLACK_BOT_TOKEN: is missing", "OAuth & Permissions")),
        (tokens | {"SLACK_BOT_TOKEN": " "}, ("SLACK_BOT_TOKEN: is missing",)),
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, ("SLACK_APP_TOKEN: is missing", "connections:write")),
        (tokens | {"SLACK_BOT_TOKEN": "xapp-secret-1"}, ("should start with xoxb-", "another token")),
        (tokens | {"SLACK_MODE": "http"}, ("SLACK_SIGNING_SECRET: is missing", "Basic Information")),
        (tokens | {"SLACK_MODE": "pigeon"}, ("SLACK_MODE: found 'pigeon'", "'socket' or 'http'")),
        (tokens | {"RELEASEBOT_PORT": "99999"}, ("RELEASEBOT_PORT: found '99999'", "65535")),
    )
    answers = await asyncio.gather(*(run(tmp_path, "run", **given) for given, _ in cases))
    for (code, printed), (_, expected) in zip(answers, cases, strict=True):
        assert code == 2, printed
        assert all(part in printed for part in expected), printed
        assert "Traceback" not in printed
        assert "secret-1" not in printed


async def test_run_refuses_a_wrong_bot_toml_and_a_wrong_token(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        given = {
            "SLACK_BOT_TOKEN": sandbox.bot_token,
            "SLACK_APP_TOKEN": sandbox.app_token,
            "SLACK_API_URL": sandbox.api_url,
        }
        code, printed = await run(tmp_path, "run", **given)
        assert (code, "bot.toml could not be read" in printed) == (2, True), printed
        assert "releasebot init" in printed
        tmp_path.joinpath("bot.toml").write_text(RIGHT.replace("channel =", "chanel ="))
        code, printed = await run(tmp_path, "run", **given)
        assert (code, "products.shop.chanel: is not a known key" in printed) == (2, True), printed
        tmp_path.joinpath("bot.toml").write_text(RIGHT)
        code, printed = await run(tmp_path, "run", **(given | {"SLACK_BOT_TOKEN": "xoxb-wrong"}))
        assert (code, "invalid_auth" in printed) == (2, True), printed
        assert "Traceback" not in printed
