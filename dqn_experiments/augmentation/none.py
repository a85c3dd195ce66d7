"""No augmentation."""

from torch import Tensor


class Unchanged:
    """Observations as they are."""

    def __call__(self, observation: Tensor) -> Tensor:
        """The same observations."""
        return observation
