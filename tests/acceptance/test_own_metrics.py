"""What the bot tells Prometheus about itself, over HTTP, after a part of a release."""

from pathlib import Path

from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.test_mail import bot_toml
from tests.mail_server import open_mail_server
from tests.slack_house import SlackHouse, open_slack_house


async def figures(house: SlackHouse) -> dict[tuple[str, ...], float]:
    """Each sample by its name and the values of its labels, in the order of their names."""
    await house.face.gauges.read(house.db, 2)
    async with (
        ClientSession() as session,
        session.get(f"http://127.0.0.1:{house.face.server.port}/metrics") as page,
    ):
        families = text_string_to_metric_families(await page.text())
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }


async def test_it_counts_stages_messages_emails_and_calls(tmp_path: Path) -> None:
    async with open_mail_server() as server, open_slack_house(tmp_path, bot_toml=bot_toml(server)) as house:
        before = await figures(house)
        assert ("releasebot_stage_seconds_count", "succeeded", "test") not in before
        house.world.failing.add("test-unit")
        await server.stop()
        await house.slack_start()
        await house.message("shop v0.2.0 failed before production")
        await house.message("It could not be sent yet")
        found = await figures(house)
        assert found["releasebot_stage_seconds_count", "succeeded", "preflight"] == 1
        assert found["releasebot_stage_seconds_count", "failed", "test"] == 1
        assert found["releasebot_releases", "failed"] == 1
        assert found[("releasebot_mails_unsent",)] == 1
        assert found["releasebot_slack_calls_total", "chat.postMessage", "ok"] > 0
        assert found[("releasebot_slack_call_seconds_count",)] > 0
        assert (await figures(house))["releasebot_stage_seconds_count", "failed", "test"] == 1
