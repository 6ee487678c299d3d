"""Who may do what with a product, and how production is approved: parts of bot.toml."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from pipeline.config_values import Duration, Model, UserOrGroup

Entries = tuple[UserOrGroup, ...]


class People(Model):
    """Slack users (U...) and user groups (S...) by what they may do.

    `lock` and `flags`, left out, are for whoever may approve or roll back; `override` and `announce` for
    whoever may approve.
    """

    start: Annotated[Entries, Field(min_length=1)]
    approve: Annotated[Entries, Field(min_length=1)]
    rollback: Annotated[Entries, Field(min_length=1)]
    lock: Entries = ()
    flags: Entries = ()
    override: Entries = ()
    announce: Entries = ()


class EnvironmentPeople(Model):
    """Other people than the product's, for one environment. What is left out stays as the product has it."""

    start: Entries = ()
    approve: Entries = ()
    rollback: Entries = ()
    lock: Entries = ()
    flags: Entries = ()
    override: Entries = ()
    announce: Entries = ()


class Approval(Model):
    """How production is approved: by how many people, how long a request stands, whether authors of a commit may.

    Who asked for the release never counts, whatever stands here; but who asked for a hotfix may, `alone_after` the
    approval was asked for, record that nobody could be reached. Left out, they may not.
    """

    needed: Annotated[int, Field(ge=1, le=10)] = 1
    expires: Duration = timedelta(hours=24)
    authors: bool = True
    alone_after: Duration | None = None

    @model_validator(mode="after")
    def _alone_before_it_expires(self) -> "Approval":
        if self.alone_after is not None and self.alone_after >= self.expires:
            raise ValueError("alone_after should be less than expires, after which the release has ended")
        return self
