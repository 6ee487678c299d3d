"""The help that `/release help` shows."""

from handlers.text.language import mark, tr
from pipeline.config import SlackNames

NO_DATABASE = mark(
    "*I cannot show more now.* My database does not answer; nothing is lost, and nothing is started. "
    "Open this page again in a minute; if it stays, tell the bot's operator."
)


def commands(names: SlackNames) -> str:
    """Every command with what it does."""
    release = names.release
    lines = {
        f"*`{release} v0.2.0`*": tr(
            "runs the playbook for a version: its candidate tag, else the tip of main"
        ),
        f"*`{release} v0.2.0 <commit>`*": tr("the same for exactly this commit"),
        f"*`{release} hotfix <version> [commit] <reason>`*": tr(
            "passes a freeze that lets it; the team is called"
        ),
        f"*`{names.approve}`*, `{release} approve`, `{release} reject`": tr(
            "decide on the release that waits"
        ),
        f"*`{names.rollback}`*, `{release} rollback`": tr("shows what going back would do, then does it"),
        f"*`{release} status`*": tr("what runs or is live"),
        f"*`{release} list`*": tr("the last releases"),
        f"*`{release} metrics [days]`*": tr("how often, how fast and how safely the product is delivered"),
        f"*`{release} show <version>`*": tr("how a release went"),
        f"*`{release} plan <version> [commit]`*": tr("what a release would do; nothing is done"),
        f"*`{release} follow|mute|unfollow [version]`*": tr(
            "hear of a release alone; be reminded of it no more"
        ),
        f"*`{release} abort [reason]`*": tr("stops a release before production"),
        f"*`{release} retry`*": tr("tries what failed again, from where it failed"),
        f"*`{release} skip <step> <reason>`*": tr("goes on without a step, where the playbook allows it"),
        f"*`{release} pause [reason]`*, `{release} resume`": tr("hold the canary at its share; let it go on"),
        f"*`{release} logs [name] [version]`*": tr("what a step's command wrote, as a file in the thread"),
        f"*`{release} flags`*": tr("the feature flags, with their kill switches"),
        f"*`{release} flags NAME on|off [environment] [reason]`*": tr("switches one for everybody"),
        f"*`{release} schedule <version> tomorrow 10:00`*": tr("starts a version at a time"),
        f"*`{release} queue <version>`*": tr("starts it when its turn has come"),
        f"*`{release} queue`*, `{release} unschedule <version>`": tr("what waits; take one back"),
        f"*`{release} lock [staging] [for 2h] <reason>`*": tr("keeps releases out of an environment"),
        f"*`{release} unlock [staging]`*": tr("lets them in again; opens the lock that a rollback left"),
        f"*`{release} freeze 2h [reason]`*, `{release} unfreeze`": tr("production stays as it is for a time"),
    }
    forms = tr("What you leave out is asked for by a form.")
    return "\n".join([*(f"{command} {does}" for command, does in lines.items()), forms])
