"""When something is due: after a number of steps, or after some time."""

import math
import re
from typing import Annotated, Any

from pydantic import PlainValidator

SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
ALLOWED = "must be a number of steps, or a duration in d, h, m and s such as 90s, 30m or 1d12h"


def seconds(duration: str) -> int:
    """Seconds of a duration such as `90s`, `30m`, `11h`, `1d12h`; raises ValueError."""
    parts = re.findall(r"(\d+)([dhms])", duration)
    if not parts or "".join(map("".join, parts)) != duration:
        raise ValueError(ALLOWED)
    return sum(int(number) * SECONDS[unit] for number, unit in parts)


def steps_and_seconds(every: int | str | None) -> tuple[int, float]:
    """The same as two numbers, one of which never comes: 0 steps or infinite seconds."""
    if isinstance(every, str):
        return 0, seconds(every)
    return every or 0, math.inf


def _steps_or_duration(value: Any) -> int | str:
    if isinstance(value, str) and not value.isdecimal():
        if seconds(value) == 0:
            raise ValueError(ALLOWED)
        return value
    whole = isinstance(value, int | str) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or int(value) < 0:
        raise ValueError(ALLOWED)
    return int(value)


def _not_0(value: Any) -> int | str:
    steps = _steps_or_duration(value)
    if steps == 0:
        raise ValueError(f"{ALLOWED}, above 0")
    return steps


StepsOrDuration = Annotated[int | str, PlainValidator(_not_0)]
OptionalStepsOrDuration = Annotated[int | str, PlainValidator(_steps_or_duration)]
"""0 stands for never."""
