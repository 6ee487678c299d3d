"""The help that `/release help` shows."""

from pipeline.config import SlackNames

NO_DATABASE = (
    "⚠️ *I cannot show more now.* My database does not answer; nothing is lost, and nothing is started."
    " Open this page again in a minute; if it stays, tell the bot's operator."
)


def commands(names: SlackNames) -> str:
    """Every command with what it does."""
    release = names.release
    return "\n".join(
        (
            f"*`{release} v0.2.0`* runs the playbook for a version: its candidate tag, else the tip of main",
            f"*`{release} v0.2.0 <commit>`* the same for exactly this commit",
            f"*`{names.approve}`* or `{release} approve` · `{release} reject` decide on the release that waits",
            f"*`{names.rollback}`* or `{release} rollback` shows what going back would do, then does it",
            f"*`{release} status`* what runs or is live · *`{release} list`* the last releases",
            f"*`{release} abort [reason]`* stops a release before production",
            f"*`{release} unlock`* opens the lock that a rollback left",
        )
    )
