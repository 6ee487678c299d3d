"""The Home tab: what runs, what is live, the last releases."""

from slack_sdk.errors import SlackApiError

from handlers.answers import code
from handlers.blocks import overview, parts
from handlers.desk import Desk
from handlers.text import help as help_text
from handlers.text.language import spoken_in, tr
from handlers.text.words import bold
from pipeline.errors import StoreError


async def publish(desk: Desk, user: str) -> None:
    """Show the tab to one person. It is a view only: what fails here is shown again at the next look."""
    with spoken_in(await desk.languages.of(user, desk.service.language_of(""))):
        await _publish(desk, user)


async def _publish(desk: Desk, user: str) -> None:
    blocks: list[parts.Part] = [parts.header(tr("Releases"))]
    try:
        for name in desk.service.config.products:
            blocks += await _product(desk, name)
    except StoreError:
        blocks.append(parts.section(f"⚠️ {tr(help_text.NO_DATABASE)}"))
    blocks.append(parts.section(help_text.commands(desk.service.config.commands)))
    try:
        await desk.client.views_publish(
            user_id=user, view={"type": "home", "blocks": parts.as_dicts(blocks)[:100]}
        )
    except SlackApiError as error:
        if code(error) != "hash_conflict":
            raise


async def _product(desk: Desk, name: str) -> list[parts.Part]:
    current, recent = await desk.service.current(name), await desk.service.recent(name)
    if current is None:
        return [parts.section(bold(name) + "\n" + tr("Nothing has been released yet."))]
    channel = desk.service.product(name).channel
    return [parts.section(overview.now(current, channel)), *parts.lines(overview.rows(recent))]
