"""What every learning rule says of itself."""

from typing import TypedDict, Unpack

from dqn_experiments.config.constraints import Count, UnitInterval


class RuleOptions(TypedDict):
    """What can be configured of every learning rule."""

    discount: UnitInterval
    target_update_every: Count
    random_target: bool


class Rule:
    """The keys that all rules share; what they mean to a batch is for each rule to say.

    A rule is a function of a batch and two networks. It owns neither of them, and no clock.
    """

    def __init__(self, **options: Unpack[RuleOptions]) -> None:
        # of `discount` it knows through its batches: the replay memory folds it into them
        self.target_update_every = options["target_update_every"]
        self.random_target = options["random_target"]
