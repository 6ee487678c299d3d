"""The neutral record itself: what a product's own runner writes."""

from pipeline.evals.record import Record, parsed


def read(data: bytes) -> Record:
    """Raises UnreadableError."""
    return parsed(Record, data, "neutral").measured()
