"""A run that was interrupted, killed or damaged goes on as if nothing had happened."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.classic_control import CartPoleEnv
from stable_baselines3.common.monitor import load_results
from stable_baselines3.common.vec_env import DummyVecEnv

from deeprl_agents import build, snapshot
from deeprl_agents.checkpoint import ReplayLog, Saved, previous, read_checkpoint
from deeprl_agents.envs import make
from deeprl_tui.core import events, state
from deeprl_tui.core.trust import TrustRecord, digest

Maker = Callable[..., Any]


def final(trial: Any) -> Saved:
    """The state at the end of a run."""
    saved = read_checkpoint(trial.paths.checkpoint)
    assert saved is not None
    return saved


def rows(trial: Any) -> dict[str, Any]:
    """The rows of the replay buffer at the end of a run."""
    saved = final(trial)
    with contextlib.closing(DummyVecEnv([lambda: make(trial.spec, training=True)])) as env:
        buffer = snapshot.recorded(build.build(trial.spec, env).replay_buffer)
    ReplayLog(trial.paths, buffer).load(saved.values["buffer"])
    buffer.set_state(saved.values["replay"])
    return {
        f"{table.name} {name}": np.concatenate([array[start:stop] for start, stop in table.ranges])
        for table in buffer.tables()
        for name, array in table.columns.items()
    }


def assert_same(one: Any, other: Any) -> None:
    """Both runs ended in the same state, to the bit, and tell the same story."""
    ours, theirs = final(one), final(other)
    for left, right in ((ours.arrays, theirs.arrays), (rows(one), rows(other))):
        assert left.keys() == right.keys()
        for name, array in left.items():
            assert np.array_equal(array, right[name]), name
    for key in (*snapshot.COUNTERS, "random", "env_episode", "replay"):
        assert ours.values[key] == theirs.values[key], key
    assert [row["r"] for row in ours.values["recent"]] == [row["r"] for row in theirs.values["recent"]]
    left, right = one.view(), other.view()
    for name in ("return", "length"):
        assert left.curves[name].buckets.step == right.curves[name].buckets.step
        assert left.curves[name].means() == right.curves[name].means()
    assert left.evals == right.evals
    assert right.inexact == ""


PIXELS: dict[str, Any] = {
    "pixels": True,
    "image_pool": 20,
    "frame_stack": 2,
    "frameskip": 1,
    "convs": [[4, 4, 2]],
    "net_arch": [16],
    "train_freq": 8,
    "total_timesteps": 1200,
    "buffer_size": 300,
    "eval_freq": 0,
}
RETENTION: dict[str, Any] = {
    "replay": "retention",
    "retention_omega": 0.5,
    "retention_score": "softmax",
    "retention_sampler": "uniform",
}
SWITCHES: dict[str, dict[str, Any]] = {
    "uniform": {},
    "n-step": {"n_steps": 3, "train_freq": 3},
    "prioritized": {"replay": "prioritized", "n_steps": 3, "prioritized_beta_steps": 1000, "dueling": True},
    "retention": {**RETENTION, "retention_sampler": "prioritized"},
    "q_gap": {**RETENTION, "retention_score": "q_gap", "retention_omega": 0.8, "train_freq": 4},
    "pixels": PIXELS,
    "pixels, prioritized": {**PIXELS, "replay": "prioritized"},
    "pixels, retention": {**PIXELS, **RETENTION, "frame_stack": 3},
    "box2d": {"env": "LunarLander-v3", "max_episode_steps": 150, "n_eval_episodes": 1},
    "boltzmann": {"exploration": "boltzmann", "train_freq": 4, "gradient_steps": 2, "timeouts": "bootstrap"},
}


@pytest.mark.parametrize("name", SWITCHES)
def test_interrupted_twice_and_continued_is_the_same_run(a_trial: Maker, name: str) -> None:
    """Weights, random streams, buffer, episodes and evaluations equal those of an uninterrupted run."""
    whole, broken = (a_trial(where, **SWITCHES[name]) for where in ("whole", "broken"))
    assert whole.train() == 0
    for attempt, end in enumerate((333, 1010), start=1):
        code = broken.train(attempt, ask=lambda step, end=end: "interrupt" if step >= end else None)
        assert code == 75
    assert broken.train(3) == 0
    assert_same(whole, broken)


OWN_BUFFER = """
import numpy as np
from stable_baselines3.common.buffers import ReplayBuffer

class Lively(ReplayBuffer):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.looks, self.mood = np.zeros(self.buffer_size, np.int64), np.random.default_rng(1)

    def sample(self, batch_size, env=None):
        slots = self.mood.integers(0, self.size(), batch_size)
        self.looks[slots] += 1
        return self._get_samples(slots, env)

class Secretive(Lively):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.secrets = [object()]
"""


@pytest.fixture
def own_trial(a_trial: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maker:
    """Make a run that uses a trusted buffer of its project, a stranger to checkpoints."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "mine.py").write_text(OWN_BUFFER)
    code = {"mine.py": digest(OWN_BUFFER.encode())}
    TrustRecord().add({tmp_path / "mine.py": code["mine.py"]})

    def make(where: str, name: str) -> Any:
        trial = a_trial(where, replay=f"mine:{name}", total_timesteps=900)
        spec = dataclasses.replace(trial.spec, code=code)
        trial.paths.spec.write_text(spec.to_json())
        return dataclasses.replace(trial, spec=spec)

    return make


def test_a_buffer_of_the_user_that_knows_no_checkpoints_continues_exactly(own_trial: Maker) -> None:
    """A subclass of SB3's buffer with an array and a random stream of its own, interrupted and continued."""
    whole, broken = own_trial("whole", "Lively"), own_trial("broken", "Lively")
    assert whole.train() == 0
    assert broken.train(ask=lambda step: "interrupt" if step >= 555 else None) == 75
    assert broken.train(2) == 0
    assert_same(whole, broken)


def test_a_buffer_that_keeps_what_no_checkpoint_can_hold_makes_the_resume_inexact(own_trial: Maker) -> None:
    """The run goes on, and the log names the attribute."""
    trial = own_trial("runs", "Secretive")
    trial.train(ask=lambda step: "interrupt" if step >= 555 else None)
    assert trial.train(2) == 0
    assert "Secretive has what a checkpoint cannot keep: secrets" in trial.view().inexact


WORKER = """
import sys
from pathlib import Path
from deeprl_agents.worker import main
sys.exit(main(Path(sys.argv[1]), attempt=int(sys.argv[2])))
"""


def start(trial: Any, attempt: int) -> "subprocess.Popen[bytes]":
    """Start a worker process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", WORKER, str(trial.paths.folder), str(attempt)]
    return subprocess.Popen(command, env=environment)


def wait_for(trial: Any, process: "subprocess.Popen[bytes]", kind: type, count: int, attempt: int) -> None:
    """Wait until a worker has told of so many events of a kind."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if trial.paths.events(attempt).exists() and len(trial.events(kind, attempt)) >= count:
            return
        os.sched_yield()
    raise AssertionError(f"the worker ended with {process.poll()}")


def test_killed_with_9_between_checkpoints_is_the_same_run(a_trial: Maker) -> None:
    """A real process killed after its third checkpoint goes on to the same end, and counts no step twice."""
    whole, broken = (a_trial(where, total_timesteps=3000) for where in ("whole", "broken"))
    assert whole.train() == 0
    process = start(broken, 1)
    wait_for(broken, process, events.Checkpoint, 3, 1)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert broken.train(2) == 0
    assert_same(whole, broken)
    one, other = (load_results(str(trial.paths.folder)) for trial in (whole, broken))
    assert one["l"].tolist() == other["l"].tolist()
    assert one["r"].tolist() == other["r"].tolist()


def test_sigterm_ends_at_a_checkpoint(a_trial: Maker) -> None:
    """SIGTERM: state saved, last word written, exit code 75."""
    trial = a_trial(total_timesteps=10**6)
    process = start(trial, 1)
    wait_for(trial, process, events.Episode, 5, 1)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(20) == 75
    (end,) = trial.events(events.End)
    assert end.outcome == "interrupted"
    assert final(trial).values["num_timesteps"] == end.step
    assert isinstance(trial.view().state, state.Queued)


@pytest.mark.parametrize(("word", "kind"), [("stop", state.Stopped), ("pause", state.Paused)])
def test_a_request_is_obeyed(a_trial: Maker, word: str, kind: type) -> None:
    """A request file ends the run at a checkpoint, and the log says what was asked."""
    trial = a_trial()
    trial.paths.request.write_text(word)
    assert trial.train() == 0
    assert [event.ask for event in trial.events(events.StopAsked)] == [word]
    assert isinstance(trial.view().state, kind)
    assert trial.paths.checkpoint.exists()


def test_a_damaged_checkpoint_gives_way_to_the_one_before(a_trial: Maker) -> None:
    """The newest state with a flipped bit is not used; the older one leads to the same end."""
    whole, broken = (a_trial(where) for where in ("whole", "broken"))
    whole.train()
    broken.train(ask=lambda step: "interrupt" if step >= 900 else None)
    data = bytearray(broken.paths.checkpoint.read_bytes())
    data[len(data) // 2] ^= 4
    broken.paths.checkpoint.write_bytes(data)
    assert broken.train(2) == 0
    (resume,) = broken.events(events.Resume, 2)
    assert resume.step == 800
    assert "checksum" in broken.events(events.Warn, 2)[0].text
    assert_same(whole, broken)


def test_without_any_checkpoint_the_run_starts_again(a_trial: Maker) -> None:
    """Both checkpoints gone: the second attempt is a whole run, and each step counts once."""
    whole, broken = (a_trial(where, total_timesteps=600) for where in ("whole", "broken"))
    whole.train()
    broken.train(ask=lambda step: "interrupt" if step >= 500 else None)
    broken.paths.checkpoint.unlink()
    previous(broken.paths).unlink()
    assert broken.train(2) == 0
    assert_same(whole, broken)
    assert load_results(str(broken.paths.folder))["l"].sum() == sum(broken.view().curves["length"].means())


def test_a_long_replay_log_is_written_anew(a_trial: Maker) -> None:
    """The log stays below three times a small buffer, and a resume from the new one is exact."""
    changes = {"buffer_size": 50, "save_freq": 50, "env": "Acrobot-v1", "total_timesteps": 1200}
    whole, broken = (a_trial(where, **changes) for where in ("whole", "broken"))
    whole.train()
    broken.train(ask=lambda step: "interrupt" if step >= 777 else None)
    broken.train(2)
    assert_same(whole, broken)


def test_a_replaced_worker_writes_nothing_more(a_trial: Maker) -> None:
    """A newer attempt in attempt.json ends this one at its next checkpoint, without a last word."""
    trial = a_trial()

    def replace_it(step: int) -> None:
        if step == 300:
            trial.paths.attempt.write_text('{"attempt": 2}')

    assert trial.train(ask=replace_it) == 75
    assert not trial.paths.checkpoint.exists()
    assert trial.events(events.End) == []


def test_an_attempt_that_is_not_the_newest_does_not_begin(a_trial: Maker) -> None:
    """A worker that starts too late leaves no trace in the log."""
    trial = a_trial()
    trial.paths.attempt.write_text('{"attempt": 2}')
    assert trial.train(1) == 75
    assert not trial.paths.events(1).exists()


def test_a_run_that_moved_away_is_not_trained_here(a_trial: Maker) -> None:
    """Once its directory names another host, a worker writes nothing more, and no other begins."""
    trial = a_trial()

    def move_it(step: int) -> None:
        if step == 300:
            trial.paths.host.write_text("(elsewhere)")

    assert trial.train(ask=move_it) == 75
    assert not trial.paths.checkpoint.exists()
    assert trial.train(2) == 75
    assert not trial.paths.events(2).exists()


def test_killed_after_the_last_checkpoint_only_the_last_word_is_missing(a_trial: Maker) -> None:
    """A run whose budget is used up ends at once when it goes on, without another step."""
    trial = a_trial(total_timesteps=500)
    trial.train()
    log = trial.paths.events(1)
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    assert trial.train(2) == 0
    assert isinstance(trial.view().state, state.Finished)
    assert trial.events(events.Episode, 2) == []


class Moody(CartPoleEnv):
    """A game whose pole depends on nobody's seed: it cannot be replayed."""

    def step(self, action: Any) -> Any:
        """Shift the pole by the process's entropy."""
        self.state = np.array(self.state) + int.from_bytes(os.urandom(2)) * 1e-9
        return super().step(action)  # type: ignore[no-untyped-call]


def test_a_game_that_cannot_be_repeated_goes_on_inexactly(a_trial: Maker) -> None:
    """The unfinished episode is dropped, the next one begins, and the log says that it is not exact."""
    gymnasium.register("Moody-v0", entry_point=lambda **_: Moody(), max_episode_steps=200)
    trial = a_trial(env="Moody-v0", total_timesteps=400, exploration_final_eps=1.0)
    trial.train(ask=lambda step: "interrupt" if step >= 200 else None)
    assert trial.train(2) == 0
    (resume,) = trial.events(events.Resume, 2)
    assert not resume.exact
    assert "did not repeat" in trial.view().inexact
    assert trial.view().step == 400


def test_another_cpu_makes_the_resume_inexact(a_trial: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on, and says why its numbers may differ."""
    trial = a_trial(total_timesteps=600)
    trial.train(ask=lambda step: "interrupt" if step >= 500 else None)
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "other")
    assert trial.train(2) == 0
    (resume,) = trial.events(events.Resume, 2)
    assert not resume.exact
    assert "cpu" in resume.why


def test_another_kernel_makes_the_resume_inexact(a_trial: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The numpy twin goes on where the compiled kernel was, to the end, and the log names both."""
    trial = a_trial(total_timesteps=600)
    trial.train(ask=lambda step: "interrupt" if step >= 500 else None)
    monkeypatch.setenv("DEEPRL_KERNEL", "numpy")
    assert trial.train(2) == 0
    (resume,) = trial.events(events.Resume, 2)
    assert (resume.step, resume.exact) == (500, False)
    assert "kernel c" in resume.why
    assert "→ numpy" in trial.view().inexact
    assert trial.view().step == 600


def test_a_checkpoint_of_an_older_layout_starts_the_run_again(a_trial: Maker) -> None:
    """It is named in a warning; the run ends as if it had never been there."""
    whole, broken = (a_trial(where, total_timesteps=600) for where in ("whole", "broken"))
    whole.train()
    broken.train(ask=lambda step: "interrupt" if step >= 300 else None)
    for path in (broken.paths.checkpoint, previous(broken.paths)):
        path.write_bytes(b"DEEPRLC1" + bytes(100))
    assert broken.train(2) == 0
    (resume,) = broken.events(events.Resume, 2)
    assert resume.step == 0
    assert "older layout" in broken.events(events.Warn, 2)[0].text
    assert_same(whole, broken)


def test_a_state_of_another_network_is_not_taken(a_trial: Maker) -> None:
    """A checkpoint that was copied from another run is damage, not a crash half-way."""
    trial, other = a_trial("one", total_timesteps=300), a_trial("other", total_timesteps=300, net_arch=[8])
    other.train()
    trial.paths.checkpoint.write_bytes(other.paths.checkpoint.read_bytes())
    trial.paths.buffer_log.write_bytes(other.paths.buffer_log.read_bytes())
    assert trial.train(2) == 0
    assert "another shape" in trial.events(events.Warn, 2)[0].text
    assert trial.events(events.Resume, 2)[0].step == 0
