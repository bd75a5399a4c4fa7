"""One contender of speed.py: reads `steps seed` lines, trains that long from the start, prints CPU seconds.

python speed_contender.py KIND study|zoo ENV SCRATCH
"""

import itertools
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import CheckpointCallback, EvalCallback
from stable_baselines3.common.monitor import Monitor
from torch import nn
from torch.nn import functional

KIND, SETTINGS, ENV, SCRATCH = sys.argv[1:]
torch.set_num_threads(1)

Trainer = Callable[[int, int], str]

SHARED: dict[str, dict[str, Any]] = {
    "study": {
        "net_arch": [64],
        "batch_size": 32,
        "train_freq": 1,
        "gradient_steps": 1,
        "learning_rate": 5e-4,
        "target_update_interval": 1000,
    },
    "zoo": {
        "net_arch": [256, 256],
        "batch_size": 128,
        "train_freq": 4,
        "gradient_steps": 4,
        "learning_rate": 6.3e-4,
        "target_update_interval": 250,
    },
}
OWN: dict[str, Any] = {  # vanilla, as Stable-Baselines3's DQN is
    **SHARED[SETTINGS],
    "buffer_size": 50_000,
    "learning_starts": 1000,
    "exploration_steps": 10_000,
    "exploration_final_eps": 0.05,
    "double_q": False,
    "net_init": "torch",
    "max_grad_norm": 10.0,
    "timeouts": "bootstrap",
    "eval_freq": 25_000,
    "n_eval_episodes": 5,
    "save_freq": 10_000,
}
SWITCHES: dict[str, dict[str, Any]] = {
    "double-Q": {"double_q": True},
    "n-step": {"n_steps": 3},
    "prioritized": {"replay": "prioritized"},
    "retention": {"replay": "retention"},
    "dueling (torch)": {"dueling": True},
}


def sb3_model(steps: int, seed: int, **changes: Any) -> Any:
    """Make a stock model with the shared settings."""
    shared = {**SHARED[SETTINGS]}
    policy = {"net_arch": shared.pop("net_arch")}
    return stable_baselines3.DQN(
        changes.pop("policy", "MlpPolicy"),
        Monitor(gymnasium.make(ENV)),
        policy_kwargs=policy,
        **shared,
        buffer_size=50_000,
        learning_starts=1000,
        exploration_fraction=min(1.0, 10_000 / steps),
        max_grad_norm=10.0,
        gamma=0.99,
        seed=seed,
        device="cpu",
        **changes,
    )


def sb3(steps: int, seed: int) -> str:
    """Train stock, with nothing beside."""
    sb3_model(steps, seed).learn(steps)
    return "torch"


def sb3_dueling(steps: int, seed: int) -> str:
    """Train stock with our dueling network."""
    from deeprl_agents.dqn.policy import DuelingPolicy

    sb3_model(steps, seed, policy=DuelingPolicy).learn(steps)
    return "torch"


def sb3_with_duties(steps: int, seed: int) -> str:
    """Train stock; evaluate and save as often as a run of ours."""
    folder = Path(SCRATCH) / f"sb3-{os.getpid()}"
    duties = [
        EvalCallback(
            Monitor(gymnasium.make(ENV)),
            n_eval_episodes=OWN["n_eval_episodes"],
            eval_freq=OWN["eval_freq"],
            log_path=str(folder),
            best_model_save_path=str(folder),
            verbose=0,
        ),
        CheckpointCallback(OWN["save_freq"], str(folder), save_replay_buffer=True),
    ]
    sb3_model(steps, seed).learn(steps, callback=duties)
    shutil.rmtree(folder, ignore_errors=True)
    return "torch"


class PythonTree:
    """A sum tree and a min tree as the 2017 libraries had them: lists, one item at a time."""

    def __init__(self, capacity: int) -> None:
        self.leaves = 1 << (capacity - 1).bit_length()
        self.sums, self.mins = [0.0] * (2 * self.leaves), [float("inf")] * (2 * self.leaves)

    def set(self, slot: int, value: float) -> None:
        """Set a leaf and all above it."""
        node = slot + self.leaves
        self.sums[node] = self.mins[node] = value
        while node > 1:
            node //= 2
            self.sums[node] = self.sums[2 * node] + self.sums[2 * node + 1]
            self.mins[node] = min(self.mins[2 * node], self.mins[2 * node + 1])

    def find(self, mass: float) -> int:
        """Find the slot in whose share a mass falls."""
        node = 1
        while node < self.leaves:
            node *= 2
            if mass >= self.sums[node]:
                mass -= self.sums[node]
                node += 1
        return node - self.leaves


class PythonPrioritized(ReplayBuffer):
    """Prioritized replay with the Python tree."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tree, self.largest = PythonTree(self.buffer_size), 1.0

    def add(self, *args: Any) -> None:
        """Store at the largest priority."""
        self.tree.set(self.pos, self.largest**0.6)
        super().add(*args)

    def sample(self, batch_size: int, env: Any = None) -> Any:
        """Draw by priority."""
        share = self.tree.sums[1] / batch_size
        drawn = [self.tree.find((k + np.random.rand()) * share) for k in range(batch_size)]
        self.drawn = np.minimum(np.array(drawn), self.size() - 1)
        least, leaves = self.tree.mins[1], self.tree.leaves
        self.weights = np.array([(self.tree.sums[s + leaves] / least) ** -0.4 for s in self.drawn])
        return self._get_samples(self.drawn, env)

    def update(self, errors: Any) -> None:
        """Set the priorities of what was drawn."""
        for slot, error in zip(self.drawn.tolist(), errors.tolist(), strict=True):
            priority = abs(error) + 1e-6
            self.largest = max(self.largest, priority)
            self.tree.set(slot, priority**0.6)


class PythonPrioritizedDQN(stable_baselines3.DQN):
    """Stock DQN with the least that prioritized replay needs."""

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Make updates with importance weights."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        buffer: Any = self.replay_buffer
        for _ in range(gradient_steps):
            batch = buffer.sample(batch_size)
            with torch.no_grad():
                after = self.q_net_target(batch.next_observations).max(dim=1)[0].reshape(-1, 1)
                target = batch.rewards + (1 - batch.dones) * self.gamma * after
            values = torch.gather(self.q_net(batch.observations), dim=1, index=batch.actions.long())
            weights = torch.as_tensor(buffer.weights, dtype=torch.float32)[:, None]
            loss = (weights * functional.smooth_l1_loss(values, target, reduction="none")).mean()
            self.policy.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
            self.policy.optimizer.step()
            buffer.update((values - target).detach().numpy()[:, 0])
        self._n_updates += gradient_steps


def sb3_python_prioritized(steps: int, seed: int) -> str:
    """Train stock with a plain-Python segment tree."""
    model = sb3_model(steps, seed)
    shared = model.__class__
    model.__class__ = PythonPrioritizedDQN
    assert shared is stable_baselines3.DQN
    space, actions = model.observation_space, model.action_space
    model.replay_buffer = PythonPrioritized(50_000, space, actions, device="cpu")
    model.learn(steps)
    return "torch"


def torch_loop(steps: int, seed: int) -> str:
    """Train in a minimal loop of plain torch, as one would write it in one file."""
    shared = SHARED[SETTINGS]
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    env = gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.make(ENV))
    actions, inputs = int(env.action_space.n), int(env.observation_space.shape[0])

    def network() -> nn.Sequential:
        widths = [inputs, *shared["net_arch"], actions]
        layers: list[nn.Module] = []
        for one, two in itertools.pairwise(widths):
            layers += [nn.Linear(one, two), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    online, target = network(), network()
    target.load_state_dict(online.state_dict())
    optimizer = torch.optim.Adam(online.parameters(), lr=shared["learning_rate"])
    size = 50_000
    before, after = np.zeros((2, size, inputs), np.float32)
    taken, rewards, final = np.zeros(size, np.int64), np.zeros(size, np.float32), np.zeros(size, np.float32)
    observation, _ = env.reset(seed=seed)
    for step in range(steps):
        epsilon = max(0.05, 1 - 0.95 * step / 10_000)
        if step < 1000 or rng.random() < epsilon:
            action = int(rng.integers(actions))
        else:
            with torch.no_grad():
                action = int(online(torch.from_numpy(observation)).argmax())
        following, reward, terminated, truncated, _ = env.step(action)
        slot = step % size
        before[slot], after[slot], taken[slot] = observation, following, action
        rewards[slot], final[slot] = reward, terminated
        observation = env.reset()[0] if terminated or truncated else following
        if step > 1000 and step % shared["train_freq"] == 0:
            for _ in range(shared["gradient_steps"]):
                drawn = rng.integers(0, min(step + 1, size), shared["batch_size"])
                with torch.no_grad():
                    best = target(torch.from_numpy(after[drawn])).max(1)[0]
                    goal = torch.from_numpy(rewards[drawn])
                    goal = goal + 0.99 * (1 - torch.from_numpy(final[drawn])) * best
                chosen = torch.from_numpy(taken[drawn])[:, None]
                values = online(torch.from_numpy(before[drawn])).gather(1, chosen)[:, 0]
                loss = functional.smooth_l1_loss(values, goal)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(online.parameters(), 10.0)
                optimizer.step()
        if step % shared["target_update_interval"] == 0:
            target.load_state_dict(online.state_dict())
    return "torch"


def own(steps: int, seed: int) -> str:
    """Train as a run: run directory, events, evaluations, checkpoints, all but the supervisor."""
    from deeprl_agents.worker import main
    from deeprl_tui.config.keys import SETTINGS as KEYS
    from deeprl_tui.core.layout import RootPaths
    from deeprl_tui.core.spec import RunId, RunSpec

    settings = {key.name: key.default for key in KEYS} | OWN | SWITCHES.get(KIND, {})
    spec = RunSpec(RunId("speed", seed), ENV, {**settings, "total_timesteps": steps})
    root = Path(SCRATCH) / f"own-{os.getpid()}"
    paths = RootPaths(root).run(spec)
    paths.folder.mkdir(parents=True)
    paths.spec.write_text(spec.to_json())
    assert main(paths.folder, attempt=1) == 0
    name = "torch"
    for line in paths.events(1).read_text().splitlines():
        event = json.loads(line)
        if event["e"] == "backend":
            name = event["name"]
    shutil.rmtree(root)
    return name


TRAINERS: dict[str, Trainer] = {
    "sb3": sb3,
    "sb3 dueling": sb3_dueling,
    "sb3 with duties": sb3_with_duties,
    "sb3 prioritized in Python": sb3_python_prioritized,
    "torch loop": torch_loop,
}

train = TRAINERS.get(KIND, own)
for order in sys.stdin:
    steps, seed = map(int, order.split())
    began = time.process_time()
    computed = train(steps, seed)
    print(time.process_time() - began, computed, flush=True)
