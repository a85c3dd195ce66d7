"""What every learning rule says of itself."""

from typing import Annotated, Literal, NotRequired, TypedDict, Unpack

from dqn_experiments.config.constraints import Count, Default, PositiveUnit, UnitInterval
from dqn_experiments.experience.spec import Implicit


class RuleOptions(TypedDict):
    """What can be configured of every learning rule."""

    discount: UnitInterval
    target_update_every: Count
    target_update_unit: NotRequired[Annotated[Literal["steps", "updates"], Default("steps")]]
    target_mix: NotRequired[Annotated[PositiveUnit, Default(1.0)]]
    random_target: bool


class Rule:
    """The keys that all rules share; what they mean to a batch is for each rule to say.

    A rule is a function of a batch and two networks. It owns neither of them, and no clock.
    """

    implicit: Implicit | None = None

    def __init__(self, **options: Unpack[RuleOptions]) -> None:
        # of `discount` it knows through its batches: the replay memory folds it into them
        self.target_update_every = options["target_update_every"]
        self.target_update_unit = options.get("target_update_unit", "steps")
        self.target_mix = options.get("target_mix", 1.0)
        self.random_target = options["random_target"]
