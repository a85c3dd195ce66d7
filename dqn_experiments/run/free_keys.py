"""Which keys may change when a run goes on, as they change nothing in what is learned."""

FREE = (
    # until when it runs, and what is written of it on the way
    "total_steps",
    "pause_after",
    "pause_at",
    "checkpoint",
    "tracker",
    "log_every",
    # games and random numbers of its own
    "evaluation",
    # what computes: another device or number of threads rounds otherwise, and nothing else
    "device",
    "cpu_threads",
    "deterministic",
    "cuda_graphs",
    # the same frames come from any number of emulator threads, and out of any memory
    "env.num_threads",
    "buffer.device",
    "buffer.compression",
    # what a person says of one start
    "trust",
    "resume",
    "retry_failed",
)
"""What may differ when a run is continued. All else decides what is learned: even
`buffer.read_ahead`, which draws a batch before the newest transitions are stored, and
`buffer.capacity`, since what is drawn depends on the slots that there are."""


def is_free(key: str) -> bool:
    """Whether a dotted key is one of them, or below one."""
    return any(key == free or key.startswith(f"{free}.") for free in FREE)
