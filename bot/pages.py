"""Opening a page of the product as a visitor would, for the dashboard check."""

from aiohttp import ClientError, ClientSession, ClientTimeout

from pipeline.errors import PipelineError

MOST_BYTES = 2_000_000


async def open_page(url: str) -> str:
    """The page's text. Raises PipelineError saying why it did not open (10 seconds at most)."""
    try:
        async with ClientSession(timeout=ClientTimeout(total=10)) as session, session.get(url) as answer:
            if answer.status != 200:
                raise PipelineError(f"{url} answered {answer.status}, not 200.")
            return (await answer.content.read(MOST_BYTES)).decode(errors="replace")
    except (ClientError, TimeoutError) as error:
        raise PipelineError(f"{url} did not open: {type(error).__name__}.") from error
