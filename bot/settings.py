"""Settings of the process, from the environment (or a `.env` file). Secrets come from nowhere else."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.logs import Level
from pipeline.errors import ConfigError

BOT, APP, SIGNING = "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"

PREFIXES = {BOT: "xoxb-", APP: "xapp-"}

SHORTEST_KEY = 32

HINTS = {
    BOT: "the bot token (xoxb-...) of the app, under OAuth & Permissions",
    APP: "an app-level token (xapp-...) with connections:write, for Socket Mode",
    SIGNING: "the signing secret of the app, under Basic Information, for HTTP",
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
    releasebot_audit_key: SecretStr = SecretStr("")
    releasebot_shadow_url: SecretStr = SecretStr("")
    releasebot_host: str = "127.0.0.1"
    releasebot_port: int = Field(8080, ge=0, le=65535)
    releasebot_log: Literal["text", "json"] = "text"
    releasebot_edits_per_minute: int = Field(50, ge=1, le=6000)
    releasebot_log_level: Level = "info"
    otel_exporter_otlp_endpoint: str = Field("", pattern=r"^(https?://\S+)?$")
    otel_exporter_otlp_traces_endpoint: str = Field("", pattern=r"^(https?://\S+)?$")
    otel_exporter_otlp_headers: SecretStr = SecretStr("")
    otel_exporter_otlp_protocol: Literal["http/protobuf"] = "http/protobuf"
    otel_traces_exporter: Literal["otlp", "none"] = "otlp"
    otel_sdk_disabled: bool = False

    @property
    def database_url(self) -> str:
        """SQLite in the state folder, unless a URL is given."""
        return (
            self.releasebot_database_url
            or f"sqlite:///{(self.releasebot_state / 'releasebot.db').absolute()}"
        )

    @property
    def traces_url(self) -> str:
        """Where traces go, by OpenTelemetry's own variables; "" when there are to be none."""
        if self.otel_sdk_disabled or self.otel_traces_exporter == "none":
            return ""
        base = self.otel_exporter_otlp_endpoint
        return self.otel_exporter_otlp_traces_endpoint or (base and f"{base.rstrip('/')}/v1/traces")

    @property
    def audit_key(self) -> str:
        """The key of the audit log; "" for none."""
        return self.releasebot_audit_key.get_secret_value().strip()


def load_settings(*, offline: bool = False) -> Settings:
    """Read the environment. Raises ConfigError naming every variable, what was found and what would be right.

    `offline` is for commands that do not speak to Slack: they need no tokens.
    """
    given: dict[str, Any] = {"slack_bot_token": SecretStr("")} if offline else {}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise _mistakes([_sentence(dict(e)) for e in error.errors()]) from error
    needed = [] if offline else [BOT, SIGNING if settings.slack_mode == "http" else APP]
    problems = [problem for name in needed if (problem := _token_problem(settings, name))]
    if 0 < len(settings.audit_key) < SHORTEST_KEY:
        problems.append(
            f"  RELEASEBOT_AUDIT_KEY: has fewer than {SHORTEST_KEY} characters, and could be guessed."
            " Make one with `openssl rand -hex 32`."
        )
    if problems:
        raise _mistakes(problems)
    return settings


def _mistakes(problems: list[str]) -> ConfigError:
    return ConfigError("The environment has mistakes:\n" + "\n".join(problems))


def _sentence(error: dict[str, Any]) -> str:
    name, said = str(error["loc"][0]).upper(), str(error["msg"])
    if error["type"] == "missing":
        return f"  {name}: is missing.{_hint(name)}"
    return f"  {name}: found {str(error['input'])[:80]!r}; {said[0].lower()}{said[1:]}."


def _token_problem(settings: Settings, name: str) -> str | None:
    """What is wrong with a token at first sight; its value is never shown."""
    value = getattr(settings, name.lower()).get_secret_value().strip()
    if not value:
        return f"  {name}: is missing.{_hint(name)}"
    if not value.startswith(PREFIXES.get(name, "")):
        return f"  {name}: should start with {PREFIXES[name]}; it may hold another token.{_hint(name)}"
    return None


def _hint(name: str) -> str:
    return f" Set it to {HINTS[name]}." if name in HINTS else ""
