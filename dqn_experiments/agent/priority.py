"""What replay draws by, where sources differ."""

from torch import Tensor


def root(loss: Tensor) -> Tensor:
    """sqrt(loss + 1e-10) of losses f32 [B], as Dopamine's prioritized agents have it."""
    return (loss + 1e-10).sqrt()
