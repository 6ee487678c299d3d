"""What a migration does to those who use the database, told from what was read and measured. Pure.

Facts come in, verdicts go out: labels, and reasons as codes with facts. Sentences are made elsewhere.
"""

from pipeline.verdicts.model import (
    LABELS,
    Label,
    Reason,
    Verdict,
    as_plain,
    digest,
    from_plain,
    label_of,
    reason,
    verdict_of,
)

__all__ = [
    "LABELS",
    "Label",
    "Reason",
    "Verdict",
    "as_plain",
    "digest",
    "from_plain",
    "label_of",
    "reason",
    "verdict_of",
]
