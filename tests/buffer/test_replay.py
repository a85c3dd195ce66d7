"""What every replay memory promises, against one that keeps whole episodes in lists."""

import sys
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dqn_experiments import state
from dqn_experiments.buffer.compressed_frames import CompressedFrames
from dqn_experiments.errors import StateError
from tests.buffer.slow_replay import KINDS, Episode, Player, assert_same, check, make, rows

STORES: dict[str, dict[str, Any]] = {
    "compressed": {"compression": "zstd"},
    "raw": {"compression": "none"},
    "numbers": {"dtype": np.float32},
}
each_kind = pytest.mark.parametrize("kind", KINDS)
each_store = pytest.mark.parametrize("store", STORES)


def every_index(replay: Any) -> np.ndarray:
    stored = replay._rings.stored_index(np.arange(len(replay)))
    return stored[replay._rings.complete(stored)]


@each_store
@each_kind
@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    num_envs=st.integers(1, 3),
    n_step=st.integers(1, 10),
    stack=st.integers(1, 5),
    length=st.integers(20, 60),
    steps=st.integers(15, 300),
    read_ahead=st.booleans(),
)
def test_every_transition_is_one_that_was_added(
    kind: str,
    store: str,
    seed: int,
    num_envs: int,
    n_step: int,
    stack: int,
    length: int,
    steps: int,
    read_ahead: bool,
) -> None:
    replay = make(
        kind,
        num_envs,
        stack,
        capacity=length * num_envs,
        n_step=n_step,
        read_ahead=read_ahead,
        **STORES[store],
    )
    player = Player(seed, replay, num_envs, STORES[store].get("dtype", np.uint8))
    sampled = []
    player.play(15)
    for _ in range(steps // 15):
        sampled += rows(replay.sample())
        player.play(15)  # overwrites some of what was drawn ahead
    expected = player.transitions(n_step, stack)
    for start, transition in sampled:
        assert_same(transition, expected[start])

    index = every_index(replay)
    stored = rows(replay.transitions(index))
    assert {start for start, _ in stored} == player.stored(length, n_step)
    assert len(stored) == len(index)
    for start, transition in stored:
        assert_same(transition, expected[start])
    check(replay)


@each_kind
def test_batches_do_not_depend_on_how_threads_are_timed(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def batches() -> list[list[tuple[int, dict[str, Any]]]]:
        replay = make(kind, capacity=40, n_step=3, stack=2)
        player, found = Player(5, replay, 1), []
        player.play(40)
        for _ in range(20):
            batch = replay.sample()
            replay.update(batch.index, batch.reward.abs())
            found.append(rows(batch))
            player.play(10)
        return found

    prompt = batches()
    read = CompressedFrames.read

    def late(*asked: Any) -> Any:
        decode = read(*asked)

        def wait() -> torch.Tensor:
            time.sleep(0.01)
            return decode()

        return wait

    monkeypatch.setattr(CompressedFrames, "read", late)
    assert batches() == prompt


def test_the_newest_frames_of_a_full_memory_are_all_there() -> None:
    """Capacity counts frames: after wrapping many times the newest `capacity` are kept."""
    replay = make(capacity=50)
    player = Player(3, replay, 1)
    player.play(1_000)
    assert len(replay) == 50
    assert {start for start, _ in rows(replay.transitions(every_index(replay)))} == player.stored(
        50, 1
    )


@pytest.mark.parametrize("saved_by", STORES)
@each_kind
def test_a_saved_memory_goes_on_as_if_nothing_had_happened(
    kind: str, saved_by: str, tmp_path: Path
) -> None:
    """Raw and compressed frames are saved alike, so that a run can move between machines."""
    store = STORES[saved_by]
    options = {"num_envs": 2, "stack": 3, "capacity": 120, "n_step": 2}
    for steps in (5, 64, 500):
        replay = make(kind, **options, **store)
        player = Player(1, replay, 2, store.get("dtype", np.uint8))
        player.play(steps)
        batch = replay.sample()
        replay.update(batch.index, batch.reward.abs())
        state.save(tmp_path / "replay", replay.state_dict())

        other = {"compressed": "raw", "raw": "compressed", "numbers": "numbers"}[saved_by]
        copies = [make(kind, **options, **STORES[kept], seed=9) for kept in (saved_by, other)]
        for copy in copies:
            copy.load_state_dict(state.load(tmp_path / "replay"))
            check(copy)
        player.replays += copies
        for _ in range(30):
            batch = replay.sample()
            replay.update(batch.index, batch.reward.abs())
            for copy in copies:
                again = copy.sample()
                assert rows(again) == rows(batch)
                assert torch.equal(again.weight, batch.weight)
                copy.update(again.index, again.reward.abs())
            player.play(3)


@each_kind
def test_damage_to_the_file_is_noticed_and_named(kind: str, tmp_path: Path) -> None:
    path, rng = tmp_path / "replay", np.random.default_rng(0)
    replay = make(kind, 2, 3)
    Player(1, replay, 2).play(90)
    replay.sample()
    state.save(path, replay.state_dict())
    whole, noticed = path.read_bytes(), 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged if rng.random() < 0.7 else whole[: rng.integers(len(whole))])
        loaded = load_unless_damaged(path)
        noticed += loaded is None
        if loaded is not None:  # the bit was one that means nothing, like a date
            copy = make(kind, 2, 3)
            copy.load_state_dict(loaded)
            assert state_of(copy) == state_of(replay)
    assert noticed > 150


def test_a_batch_read_ahead_is_handed_out_once_whoever_loads_it() -> None:
    ahead, here = make(), make(read_ahead=False)
    Player(1, ahead, 1).play(90)
    ahead.sample()
    here.load_state_dict(ahead.state_dict())
    batches = [here.sample().index.tolist() for _ in range(5)]
    assert batches[0] == ahead.sample().index.tolist()
    assert len({tuple(index) for index in batches}) == 5


def test_a_reset_cuts_the_running_episodes() -> None:
    replay = make(n_step=3)
    player = Player(1, replay, 1)
    player.play(10)
    running = player.episodes[0][-1]
    frame, names = player.new_frames()
    replay.reset(frame)
    player.episodes[0].append(Episode([names[0]]))
    player.play(10)
    check(replay)
    stored = dict(rows(replay.transitions(every_index(replay))))
    assert set(stored) == player.stored(100, 3)
    for t in range(len(running.actions)):
        assert_same(stored[running.frames[t]], running.transition(t, 3, 1))


def test_a_dropped_memory_is_gone_at_once() -> None:
    """Jobs of a sweep share a process: the next one needs what the last one had."""
    replay = make()
    Player(1, replay, 1).play(50)
    replay.sample()
    gone = weakref.ref(replay)
    del replay
    assert gone() is None


def load_unless_damaged(path: Path) -> state.State | None:
    try:
        return state.load(path)
    except StateError as error:
        if str(path) not in str(error):
            raise
        return None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: s.pop("rings"), "rings: dict expected"),
        (lambda s: s["rings"].pop("slots"), "slots: .* expected"),
        (lambda s: s["rings"]["frames"]["blocks"].pop(), "blocks: .* expected"),
        (lambda s: s["rings"]["frames"]["blocks"].insert(0, b"no zstd"), "blocks: .* expected"),
        (lambda s: s["rings"]["frames"]["blocks"].__setitem__(0, b"?"), "block 0 .* is damaged"),
        (lambda s: s["rings"]["frames"]["count"].__imul__(-1), "first frame"),
        (lambda s: s["rings"]["slots"]["age"].__iadd__(1), "mixed up"),
        (lambda s: s["rings"].update(n_step=2), "n_step: 1 expected, found 2"),
        (lambda s: s["priority"].__setitem__(3, np.nan), "priority: must be finite"),
        (lambda s: s.pop("ahead"), "ahead: dict expected"),
        (lambda s: s["rings"]["frames"].pop("dictionary"), "dictionary: .* expected"),
        (lambda s: s["rng"].clear(), "rng: must be the state of a generator"),
        (lambda s: s["ahead"].update(action=np.zeros(3)), "action: int64.* expected"),
        (lambda s: s.update(priority=np.zeros(3)), "priority: .* expected"),
        (lambda s: s.update(largest="x"), "largest: float expected"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(damage: Any, message: str) -> None:
    replay = make("prioritized")
    Player(1, replay, 1).play(90)
    replay.sample()
    copy = make("prioritized")
    Player(2, copy, 1).play(40)
    before, saved = state_of(copy), replay.state_dict()
    damage(saved)
    with pytest.raises(StateError, match=message):
        copy.load_state_dict(saved)
    assert state_of(copy) == before


def state_of(replay: Any) -> str:
    with np.printoptions(threshold=sys.maxsize):
        return repr(replay.state_dict())
