"""What people read of files that did not arrive."""

from handlers.text.language import tr
from handlers.text.words import safe


def lost(title: str, why: str) -> str:
    """A file that a message should carry and that could not be sent."""
    if "missing_scope" in why:
        said = tr("{file} is not attached: the app lacks the scope `files:write`.", file=safe(title, 80))
    else:
        said = tr("{file} is not attached: {why}.", file=safe(title, 80), why=safe(why, 200))
    return f"📎 {said}"
