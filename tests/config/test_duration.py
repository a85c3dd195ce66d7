import math

import pytest

from dqn_experiments.config.compose import composed
from dqn_experiments.config.duration import seconds, steps_and_seconds
from dqn_experiments.errors import ConfigError


def test_durations_are_written_as_people_write_them() -> None:
    assert [seconds(each) for each in ("90s", "30m", "11h", "1h30m", "1d12h")] == [
        90,
        1_800,
        39_600,
        5_400,
        129_600,
    ]


def test_a_number_is_steps() -> None:
    for written in ("1000", "1_000", "1e3"):
        config = composed(f"pause_after={written}", f"checkpoint.every={written}")
        assert (config.pause_after, config.checkpoint.every) == (1_000, 1_000)
    assert steps_and_seconds(1_000) == (1_000, math.inf)
    assert steps_and_seconds("2m") == (0, 120)
    assert steps_and_seconds(None) == (0, math.inf)


@pytest.mark.parametrize("key", ["pause_after", "checkpoint.every"])
@pytest.mark.parametrize("value", ["soon", "h", "1h30", "-1", "1.5", "0s", "true", "[1]", "3w"])
def test_anything_else_is_refused(key: str, value: str) -> None:
    allowed = "must be a number of steps, or a duration in d, h, m and s"
    with pytest.raises(ConfigError, match=rf"{key}=.*: {allowed}"):
        composed(f"{key}={value}")


def test_a_pause_is_after_something() -> None:
    for nothing in ("0", '"0"', "0.0"):
        with pytest.raises(ConfigError, match=r"pause_after=0.*: must be .*, above 0"):
            composed(f"pause_after={nothing}")
    assert composed("checkpoint.every=0").checkpoint.every == 0
