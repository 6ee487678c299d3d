"""DORA's measures in words."""

from collections.abc import Mapping

from handlers.text.language import number, tr, trn
from pipeline.metrics import Metrics

HOUR, DAY = 3600.0, 86400.0


def figures(found: Metrics) -> Mapping[str, str]:
    """The four measures by name."""
    return {
        tr("Deployments"): _frequency(found),
        tr("Lead time"): tr("{time} from commit to everybody", time=_time(found.lead)),
        tr("Change failure rate"): _failures(found),
        tr("Time to restore"): _time(found.restore),
    }


def short(found: Metrics) -> str:
    """The same in one line."""
    return tr(
        "{days} days: {count} a week · lead time {lead} · {rate} failed · restored in {restore}",
        days=found.days,
        count=number(round(found.per_week, 1)),
        lead=_time(found.lead),
        rate=_rate(found),
        restore=_time(found.restore),
    )


def title(found: Metrics) -> str:
    return trn(
        "Delivery of {product} in the last day",
        "Delivery of {product} in the last {count} days",
        found.days,
        product=found.product,
    )


def _frequency(found: Metrics) -> str:
    times = trn("{count} time", "{count} times", found.deployments)
    return tr("{times}, {rate} a week", times=times, rate=number(round(found.per_week, 1)))


def _failures(found: Metrics) -> str:
    return tr(
        "{rate}: {failed} of {reached} releases that met users",
        rate=_rate(found),
        failed=number(found.failed),
        reached=number(found.reached),
    )


def _rate(found: Metrics) -> str:
    return tr("unknown") if found.failure_rate is None else f"{number(round(found.failure_rate * 100))} %"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return tr("unknown")
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 1.5 * HOUR:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * DAY:
        return f"{number(round(seconds / HOUR, 1))} h"
    return tr("{days} days", days=number(round(seconds / DAY, 1)))


def picture(found: Metrics) -> dict[str, str]:
    """The words in the picture."""
    return {
        "deployments": tr("Deployments a week"),
        "good": tr("stayed"),
        "failed": tr("failed"),
        "lead": tr("Lead time in hours (median of the week)"),
    }


def alt(found: Metrics) -> str:
    """What the picture shows, for who does not see it: week by week."""
    weeks = ", ".join(f"{week.good}+{week.failed}" for week in found.weeks)
    return tr(
        "Deployments a week, those that stayed and those that failed, the newest last: {weeks}", weeks=weeks
    )
