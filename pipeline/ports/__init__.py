"""What the release needs from the world outside, as small protocols.

Adapters implement them (pipeline/adapters); only bot/ knows which.
Every call that changes the world is idempotent by the names in its arguments,
so that a release that was interrupted may simply ask again.
"""

from collections.abc import Callable
from datetime import datetime

from pipeline.ports.data import (
    BackupProof,
    Judgement,
    JudgeOrder,
    MigrationJob,
    MigrationJudge,
    ProductDatabase,
    Proof,
    Revision,
)
from pipeline.ports.deploy import (
    SLOTS,
    Bundle,
    Deaths,
    DeployTarget,
    ServiceSpec,
    Slot,
    SlotStatus,
    TargetStatus,
)
from pipeline.ports.flags import FLAGS_FILE, Flag, FlagStore, Switched
from pipeline.ports.leaks import Leak, Scanner
from pipeline.ports.mail import Letter, Mail, Mailer, Posted
from pipeline.ports.metrics import Metrics, Series, Side, Values
from pipeline.ports.people import Directory, Person
from pipeline.ports.source import ChangelogWriter, Commit, Extent, Published, Repository
from pipeline.ports.traces import Span, Trace, untraced
from pipeline.ports.work import (
    Builder,
    BuildOrder,
    Command,
    CommandResult,
    Container,
    Image,
    Limits,
    Network,
    Recipe,
    Runner,
)

Clock = Callable[[], datetime]
"""The time of now, aware. Tests bring their own."""

__all__ = [
    "FLAGS_FILE",
    "SLOTS",
    "BackupProof",
    "BuildOrder",
    "Builder",
    "Bundle",
    "ChangelogWriter",
    "Clock",
    "Command",
    "CommandResult",
    "Commit",
    "Container",
    "Deaths",
    "DeployTarget",
    "Directory",
    "Extent",
    "Flag",
    "FlagStore",
    "Image",
    "JudgeOrder",
    "Judgement",
    "Leak",
    "Letter",
    "Limits",
    "Mail",
    "Mailer",
    "Metrics",
    "MigrationJob",
    "MigrationJudge",
    "Network",
    "Person",
    "Posted",
    "ProductDatabase",
    "Proof",
    "Published",
    "Recipe",
    "Repository",
    "Revision",
    "Runner",
    "Scanner",
    "Series",
    "ServiceSpec",
    "Side",
    "Slot",
    "SlotStatus",
    "Span",
    "Switched",
    "TargetStatus",
    "Trace",
    "Values",
    "untraced",
]
