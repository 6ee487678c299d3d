"""Who is told by e-mail, and by which server it goes: a part of bot.toml. The password is in the environment."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.config_values import Model

PORTS = {"starttls": 587, "tls": 465, "none": 25}
"""The usual port by the kind of security."""


def _address(value: str) -> str:
    if not re.fullmatch(
        r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?", value
    ):
        raise ValueError('should be an e-mail address alone, such as "releases@shop.example"')
    return value


Address = Annotated[str, AfterValidator(_address)]
Addresses = Annotated[tuple[Address, ...], Field(min_length=1, max_length=50)]


class Email(Model):
    """Announcements by e-mail. `ca_file` is a certificate authority of your own, in PEM. A `user` logs in with the
    password PRODUCT_EMAIL_PASSWORD."""

    sender: Address = Field(alias="from")
    to: Addresses
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")]
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: Path | None = None
    user: Annotated[str, Field(min_length=1, max_length=320)] | None = None

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> "Email":
        if self.user and self.security == "none" and not _is_here(self.host):
            raise ValueError(
                f'user logs in at {self.host} with security = "none", which shows the password to the network; '
                'use "starttls" or "tls", or leave user out'
            )
        return self

    @model_validator(mode="after")
    def _a_ca_is_for_tls(self) -> "Email":
        if self.ca_file and self.security == "none":
            raise ValueError('ca_file is for security = "starttls" or "tls"; leave it out')
        return self

    @property
    def at_port(self) -> int:
        """The server's port: the one given, or the usual one."""
        return self.port or PORTS[self.security]


class Customers(Model):
    """Where customers hear of what changes for them, when a person sends it: channels, and addresses that do not see
    each other. `languages` are those that it is told in; left out, the product's."""

    channels: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[CG][A-Z0-9]{2,}$")], ...], Field(max_length=20)
    ] = ()
    to: Annotated[tuple[Address, ...], Field(max_length=200)] = ()
    languages: Annotated[tuple[Literal["en", "pt-BR"], ...], Field(max_length=2)] = ()

    @model_validator(mode="after")
    def _somewhere(self) -> "Customers":
        if not (self.channels or self.to):
            raise ValueError(
                "customers names neither channels nor addresses (to); name some, or leave it out"
            )
        return self


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
