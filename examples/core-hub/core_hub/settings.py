"""What a process is told by its environment, read once at the start."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

EVERY = ("RELEASE_VERSION", "RELEASE_ENVIRONMENT")
NEEDS: Mapping[str, tuple[str, ...]] = {
    "api": ("PORT", "DATABASE_URL", "CHARGE_SIGNING_KEY"),
    "worker": ("DATABASE_URL", "CHARGE_SIGNING_KEY"),
    "frontend": ("PORT", "API_URL"),
}
MEANING: Mapping[str, str] = {
    "RELEASE_VERSION": "the version that runs, such as 0.1.0",
    "RELEASE_ENVIRONMENT": "local, staging or production",
    "PORT": "the port to listen on",
    "DATABASE_URL": "where the charges are, such as sqlite:///core-hub.db",
    "CHARGE_SIGNING_KEY": "the secret that signs sessions and receipts, at least 16 characters",
    "API_URL": "the base URL under which /api/ answers, such as http://127.0.0.1:8001",
}
SHORTEST_KEY = 16
RECEIPT_ROUNDS = 20_000
"""PBKDF2 rounds of a receipt: about 10 ms, so that receipts cannot be forged in bulk."""


class SettingsError(Exception):
    """The environment lacks something; the message says what, why and what next."""


@dataclass(frozen=True)
class Settings:
    """One process's settings. What its component does not need is empty: no secret goes astray."""

    component: str
    version: str
    environment: str
    host: str = "127.0.0.1"
    port: int = 0
    database_url: str = field(default="", repr=False)
    signing_key: str = field(default="", repr=False)
    api_url: str = ""
    flags_file: Path = Path("flags.json")
    flags_url: str = ""
    flags_token: str = field(default="", repr=False)
    receipt_rounds: int = RECEIPT_ROUNDS


def load(component: str, environ: Mapping[str, str]) -> Settings:
    """Read the settings of one component. Raises SettingsError naming everything that is missing or wrong."""
    needed = {name: environ.get(name, "").strip() for name in (*EVERY, *NEEDS[component])}
    missing = [f"{name} ({MEANING[name]})" for name, value in needed.items() if not value]
    if missing:
        raise SettingsError(
            f"The {component} cannot start: its environment lacks {', '.join(missing)}. "
            "Set it in the environment of this process and start again."
        )
    return Settings(
        component=component,
        version=needed["RELEASE_VERSION"],
        environment=needed["RELEASE_ENVIRONMENT"],
        host=environ.get("HOST") or "127.0.0.1",
        port=_number(component, "PORT", needed["PORT"], 65535) if "PORT" in needed else 0,
        database_url=needed.get("DATABASE_URL", ""),
        signing_key=_key(component, needed.get("CHARGE_SIGNING_KEY")),
        api_url=needed.get("API_URL", "").rstrip("/"),
        flags_file=Path(environ.get("FLAGS_FILE") or Path(__file__).parent.parent / "flags.json"),
        flags_url=environ.get("FLAGS_URL", "").strip(),
        flags_token=environ.get("FLAGS_TOKEN", "").strip(),
        receipt_rounds=_number(
            component, "RECEIPT_ROUNDS", environ.get("RECEIPT_ROUNDS") or str(RECEIPT_ROUNDS), 2**31 - 1
        ),
    )


def load_or_exit(component: str, environ: Mapping[str, str]) -> Settings:
    """As `load`; a mistake ends the process with its sentence on stderr and exit code 2."""
    try:
        return load(component, environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from error


def _number(component: str, name: str, value: str, largest: int) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 10 and 0 < int(value) <= largest):
        raise SettingsError(
            f"The {component} cannot start: {name} is {value[:40]!r}. Set it to a number from 1 to {largest}."
        )
    return int(value)


def _key(component: str, value: str | None) -> str:
    if value is not None and len(value) < SHORTEST_KEY:
        raise SettingsError(
            f"The {component} cannot start: CHARGE_SIGNING_KEY has {len(value)} characters. "
            f"A key under {SHORTEST_KEY} can be guessed; make one with `openssl rand -hex 32`."
        )
    return value or ""
