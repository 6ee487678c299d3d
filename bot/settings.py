"""Settings of the process, from the environment (or a `.env` file). Secrets come from nowhere else."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.logs import Level
from pipeline.errors import ConfigError

HINTS = {
    "SLACK_BOT_TOKEN": "the bot token (xoxb-...) of the app, under OAuth & Permissions",
    "SLACK_APP_TOKEN": "an app-level token (xapp-...) with connections:write, for Socket Mode",
    "SLACK_SIGNING_SECRET": "the signing secret of the app, under Basic Information, for HTTP",
}


class Settings(BaseSettings):
    """What the operator sets where the bot runs."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    slack_bot_token: SecretStr
    slack_app_token: SecretStr = SecretStr("")
    slack_signing_secret: SecretStr = SecretStr("")
    slack_api_url: str = Field("https://slack.com/api/", pattern=r"^https?://.+/$")
    slack_mode: Literal["socket", "http"] = "socket"
    releasebot_config: Path = Path("bot.toml")
    releasebot_state: Path = Path(".releasebot")
    releasebot_database_url: str = ""
    releasebot_host: str = "127.0.0.1"
    releasebot_port: int = Field(8080, ge=0, le=65535)
    releasebot_log: Literal["text", "json"] = "text"
    releasebot_log_level: Level = "info"

    @property
    def database_url(self) -> str:
        """SQLite in the state folder, unless a URL is given."""
        return (
            self.releasebot_database_url
            or f"sqlite:///{(self.releasebot_state / 'releasebot.db').absolute()}"
        )


def load_settings() -> Settings:
    """Read the environment. Raises ConfigError naming the variable and what would be right."""
    try:
        settings = Settings()
    except ValidationError as error:
        problems = [_sentence(str(e["loc"][0]).upper(), e["type"], str(e["msg"])) for e in error.errors()]
        raise ConfigError("The environment has mistakes:\n" + "\n".join(problems)) from error
    needed = "SLACK_APP_TOKEN" if settings.slack_mode == "socket" else "SLACK_SIGNING_SECRET"
    if not getattr(settings, needed.lower()).get_secret_value():
        raise ConfigError(f"The environment has mistakes:\n{_sentence(needed, 'missing', '')}")
    return settings


def _sentence(name: str, kind: str, message: str) -> str:
    hint = f" Set it to {HINTS[name]}." if name in HINTS else ""
    return f"  {name}: {'is missing' if kind == 'missing' else message}.{hint}"
