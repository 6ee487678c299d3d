"""Reading bot.toml, and what stands for it in the bot's own environment: secrets, and how they are masked."""

import os
from pathlib import Path

from bot.settings import Settings
from pipeline import environment
from pipeline.config import BotFile, Product, load
from pipeline.errors import ConfigError
from pipeline.redact import Redactor


def read_config(path: Path, own_team: str = "") -> BotFile:
    """bot.toml, with relative repositories made absolute and the bot's own workspace allowed. Raises ConfigError."""
    config = load(BotFile, path)
    folder = path.absolute().parent
    products = {name: _settled(product, folder, own_team) for name, product in config.products.items()}
    _distinct_ports(products)
    return config.model_copy(update={"products": products})


def _settled(product: Product, folder: Path, own_team: str) -> Product:
    local = "://" not in product.repository and not product.repository.partition(":")[0].count("@")
    repository = str((folder / product.repository).resolve()) if local else product.repository
    teams = tuple({*product.teams, own_team} - {""})
    email = product.email
    if email and email.ca_file:
        email = email.model_copy(update={"ca_file": (folder / email.ca_file).resolve()})
    return product.model_copy(update={"repository": repository, "teams": teams, "email": email})


def _distinct_ports(products: dict[str, Product]) -> None:
    """Two environments on the same ports would serve each other's users."""
    taken: dict[int, str] = {}
    for name, product in products.items():
        for where in ("staging", "production"):
            settings = getattr(product.environments, where)
            for port in (settings.first_port, int(settings.url.rsplit(":", 1)[1])):
                mine = f"{name}.{where}"
                if taken.setdefault(port, mine) != mine:
                    raise ConfigError(
                        f"bot.toml: {mine} and {taken[port]} both use port {port}. Give each its own."
                    )


def secret_of(product: str, where: str, name: str) -> str | None:
    """A product's secret, from the bot's own environment."""
    return os.environ.get(environment.secret_name(product, where, name)) or None


def secret_names(product: str, where: str) -> tuple[str, ...]:
    """The names of a product's secrets that are set for an environment in the bot's own."""
    prefix = environment.secret_name(product, where, "")
    return tuple(
        name.removeprefix(prefix) for name, value in os.environ.items() if name.startswith(prefix) and value
    )


def redactor(settings: Settings, config: BotFile) -> Redactor:
    """Masks the tokens and every product's secrets wherever they would be stored or sent."""
    tokens = [settings.slack_bot_token, settings.slack_app_token, settings.slack_signing_secret]
    tokens += [
        settings.releasebot_audit_key,
        settings.releasebot_shadow_url,
        settings.otel_exporter_otlp_headers,
    ]
    prefixes = tuple(environment.secret_name(name, where, "") for name in config.products
                     for where in ("staging", "production"))  # fmt: skip
    prefixes += tuple(environment.secret_name(name, where, "password") for name in config.products
                      for where in ("registry", "email"))  # fmt: skip
    prefixes += tuple(environment.secret_name(name, "prometheus", "token") for name in config.products)
    secrets = [value for name, value in os.environ.items() if name.startswith(prefixes)]
    return Redactor([*(token.get_secret_value() for token in tokens), *secrets])
