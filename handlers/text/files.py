"""What people read of files that did not arrive."""

from handlers.text.words import safe


def lost(title: str, why: str) -> str:
    """A file that a message should carry and that could not be sent."""
    if "missing_scope" in why:
        return f"📎 {safe(title, 80)} is not attached: the app lacks the scope `files:write`."
    return f"📎 {safe(title, 80)} is not attached: {safe(why, 200)}."
