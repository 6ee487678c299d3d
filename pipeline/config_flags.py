"""Where a product's feature flags are kept: the part of bot.toml's `[products.NAME.flags]`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.config_values import Model

Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")]
EnvironmentKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,99}$")]
ProjectKey = EnvironmentKey

LAUNCHDARKLY = "https://app.launchdarkly.com"


class FlagsAt(Model):
    """A file of the bot's own (the default), or a server that people have already.

    `project` and `environments` are the names that the server knows. `sdk_url` is where LaunchDarkly's SDKs ask, if
    not at LaunchDarkly itself. Tokens come from the environment: PRODUCT_ENVIRONMENT_FLAGS_ADMIN_TOKEN (to switch)
    and PRODUCT_ENVIRONMENT_FLAGS_CLIENT_TOKEN (to read as an application does).
    """

    provider: Literal["file", "unleash", "launchdarkly"] = "file"
    url: Url | None = None
    sdk_url: Url | None = None
    project: ProjectKey | None = None
    environments: Mapping[Literal["staging", "production"], EnvironmentKey] = {}

    @model_validator(mode="after")
    def _what_the_provider_needs(self) -> "FlagsAt":
        named = {"url": self.url, "sdk_url": self.sdk_url, "project": self.project}
        given = [name for name, value in named.items() if value] + ["environments"] * bool(self.environments)
        if self.provider == "file" and given:
            raise ValueError(
                f"{', '.join(given)}: only for a server; name the provider, or leave this out for the bot's own file"
            )
        if self.provider == "unleash" and self.url is None:
            raise ValueError('provider = "unleash" needs url, such as "https://unleash.example"')
        if self.provider == "launchdarkly" and self.project is None:
            raise ValueError('provider = "launchdarkly" needs project, the key of the project')
        if self.provider != "launchdarkly" and self.sdk_url:
            raise ValueError("sdk_url is for LaunchDarkly; leave it out")
        return self

    def environment(self, where: str) -> str:
        """What the server calls an environment."""
        return {str(name): key for name, key in self.environments.items()}.get(where, where)
