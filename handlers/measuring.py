"""`/release metrics [days]`: DORA's measures in numbers, to who asked, and their picture, into the channel."""

from babel.dates import format_date
from slack_sdk.errors import SlackApiError

from handlers import attachments
from handlers.answers import UNREACHABLE, code
from handlers.blocks import parts
from handlers.blocks.parts import Picture
from handlers.desk import Desk, Request
from handlers.metrics_grammar import ShowMetrics
from handlers.text import metrics as text
from handlers.text import words
from handlers.text.language import spoken, tr
from pipeline.errors import Refused
from pipeline.metrics import Metrics, Week, metrics
from pipeline.parcel import NeverSent


async def show(desk: Desk, request: Request, product: str, typed: ShowMetrics) -> None:
    """The numbers only the person sees; a picture cannot be shown to one person alone, so that all see it."""
    found = await metrics(desk.service, product, typed.days)
    if not found.reached:
        raise Refused("nothing_measured", days=str(typed.days))
    title, named = text.title(found), text.figures(found)
    said = "; ".join(f"{name}: {figure}" for name, figure in named.items())
    blocks = parts.as_dicts([parts.section(f"📈 {words.bold(title)}"), parts.facts(named)])
    await desk.tell(request, f"{title}: {said}", blocks)
    if why := await _show_picture(desk, request, found, title):
        await desk.tell(request, tr("The picture could not be shown: {why}.", why=words.safe(why, 200)))


async def _show_picture(desk: Desk, request: Request, found: Metrics, title: str) -> str | None:
    """Draw it and post it; why not, where that fails."""
    data = {"weeks": [_week(week) for week in found.weeks], "words": text.picture(found)}
    folder = desk.service.ports(found.product).folder
    asked = tr("{who} asked for it.", who=words.person(request.user))
    try:
        await desk.client.files_upload_v2(
            channel=request.channel,
            file=await attachments.drawn(Picture("metrics", data), folder / attachments.CACHE),
            filename="metrics.png",
            title=title,
            alt_txt=parts.cut(text.alt(found), 1000),
            initial_comment=f"{title}. {asked}",
        )
    except SlackApiError as error:
        return code(error)
    except NeverSent as never:
        return never.why
    except UNREACHABLE as error:
        return type(error).__name__
    return None


def _week(week: Week) -> dict[str, str | int | float | None]:
    day = format_date(week.begins.date(), "d MMM", locale=spoken())
    hours = round(week.lead / text.HOUR, 2) if week.lead is not None else None
    return {"name": day, "good": week.good, "failed": week.failed, "lead": hours}
