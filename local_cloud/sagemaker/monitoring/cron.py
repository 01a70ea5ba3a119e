"""The schedules Model Monitor takes, and the window of data each run analyses."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from local_cloud.sagemaker.errors import ValidationError

NOW = "NOW"

_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_EVERY_DAY = (("?", "*", "*", "*"), ("*", "*", "?", "*"))
_HOURS = re.compile(r"(?:\*|(?P<start>\d{1,2})(?P<every>/(?P<step>\d{1,2}))?)")
_DURATION = re.compile(r"(?P<sign>-?)P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?)?")


@dataclass(frozen=True)
class Schedule:
    """Hours of the day, UTC, at whose full hour a run is due.

    Attributes:
        hours: of 0 to 23, sorted.
        period: time between two runs, which is the length of a run's window.
    """

    hours: tuple[int, ...]
    period: timedelta

    def after(self, moment: datetime) -> datetime:
        """The first due time later than ``moment``."""
        due = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        while due.hour not in self.hours:
            due += timedelta(hours=1)
        return due

    def window(self, due: datetime) -> tuple[datetime, datetime]:
        return due - self.period, due


def parse(expression: str) -> Schedule:
    """The schedule of ``cron(0 * ? * * *)``, ``cron(0 H ? * * *)`` or ``cron(0 H/N ? * * *)``.

    Raises:
        ValidationError: Model Monitor takes no other forms (the full hour, each N-th hour, or once a day).
    """
    match = _CRON.fullmatch(expression)
    hours = _HOURS.fullmatch(match[2]) if match else None
    if (
        not match
        or not hours
        or match[1] != "0"
        or match.groups()[2:] not in (("?", "*", "*", "*"), ("*", "*", "?", "*"))
    ):
        raise ValidationError(
            f"ScheduleExpression {expression} is not one of cron(0 * ? * * *), cron(0 [00-23] ? * * *), "
            "cron(0 [00-23]/[01-24] ? * * *) or NOW."
        )
    if hours["start"] is None:
        return Schedule(tuple(range(24)), timedelta(hours=1))
    start, step = int(hours["start"]), int(hours["step"] or 24)
    if start > 23 or not 1 <= step <= 24:
        raise ValidationError(f"ScheduleExpression {expression}: hours are 00 to 23, steps 01 to 24.")
    return Schedule(tuple(sorted({hour % 24 for hour in range(start, start + 24, step)})), timedelta(hours=step))


def offset(text: str, member: str) -> timedelta:
    """The time that ``-PT1H`` or ``-P1D`` means.

    Raises:
        ValidationError: naming the member.
    """
    match = _DURATION.fullmatch(text)
    if match is None or not any(match[part] for part in ("days", "hours", "minutes")):
        raise ValidationError(f"{member} must be a duration such as -PT1H or -P1D, not {text!r}.")
    length = timedelta(days=int(match["days"] or 0), hours=int(match["hours"] or 0), minutes=int(match["minutes"] or 0))
    return -length if match["sign"] else length
