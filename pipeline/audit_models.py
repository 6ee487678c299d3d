"""The tables of the audit log (pipeline/audit.py)."""

from sqlalchemy import BigInteger, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pipeline.models_base import Base, BigId


class AuditEntry(Base):
    """One entry of a product's audit log (pipeline/audit.py). Never changed, never taken away.

    Each value is stored exactly as it is hashed: `at` is a text, `payload` canonical JSON. `key` names the key that
    the hash was made with.
    """

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    product: Mapped[str] = mapped_column(String(40))
    seq: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[str] = mapped_column(String(30))
    actor: Mapped[str] = mapped_column(String(40))
    team: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(80))
    origin: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(40))
    release: Mapped[str | None] = mapped_column("release_id", String(40), key="release")
    version: Mapped[str | None] = mapped_column(String(64))
    commit: Mapped[str | None] = mapped_column("commit_sha", String(64), key="commit")
    payload: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(String(20))
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    __table_args__ = (UniqueConstraint("product", "seq"),)


class AuditHead(Base):
    """The end of a product's audit log. Its row is locked by whoever writes the next entry."""

    __tablename__ = "audit_heads"
    product: Mapped[str] = mapped_column(String(40), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
