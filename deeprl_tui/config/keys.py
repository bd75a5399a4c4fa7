"""What an experiment may say: every key with its type, default, bounds and meaning.

Rule: this is the only list of keys. The checker, the schema, `--set` and the documentation are made from it.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from deeprl_tui.core.spec import Json

Kind: TypeAlias = Literal["int", "float", "bool", "choice", "ints", "convs", "modules"]

NONE = "none"
"""How experiments.toml writes that an optional setting is off: TOML has no null."""


@dataclass(frozen=True, slots=True)
class Key:
    """One setting of an experiment. Bounds hold for the number, or for each number of a list."""

    name: str
    kind: Kind
    default: Json
    doc: str
    low: float | None = None
    high: float | None = None
    above: bool = False  # the lower bound itself is not allowed
    choices: tuple[str, ...] = ()
    optional: bool = False  # "none" is allowed
    plugin: bool = False  # "module:Name" of the project is allowed
    most: int = 16  # numbers, or layers, of a list
    unit: str = ""


def _steps(name: str, default: int | None, doc: str, low: int = 1, *, optional: bool = False) -> Key:
    return Key(name, "int", default, doc, low, 10**12, optional=optional, unit="environment steps")


def _fraction(name: str, default: float, doc: str, *, above: bool = False) -> Key:
    return Key(name, "float", default, doc, 0.0, 1.0, above=above)


def _choice(name: str, choices: tuple[str, ...], doc: str) -> Key:
    return Key(name, "choice", choices[0], doc, choices=choices)


SETTINGS: tuple[Key, ...] = (
    _steps("total_timesteps", 200_000_000, "Budget of a run in environment steps.", optional=True),
    Key(
        "total_episodes",
        "int",
        None,
        "Budget of a run in episodes, in place of total_timesteps.",
        1,
        10**9,
        optional=True,
        unit="episodes",
    ),
    _steps(
        "max_episode_steps", None, "Time limit of an episode; none: the environment's own.", optional=True
    ),
    _fraction("gamma", 0.99, "Discount factor."),
    Key("learning_rate", "float", 1e-4, "Adam's step size.", 0.0, 10.0, above=True),
    Key("adam_eps", "float", 1e-8, "Adam's epsilon.", 0.0, 1.0, above=True),
    Key("buffer_size", "int", 1_000_000, "Capacity of the replay buffer.", 1, 10**9, unit="transitions"),
    Key("batch_size", "int", 32, "Transitions per update.", 1, 10**6, unit="transitions"),
    _steps("learning_starts", 1000, "No update before this step.", 0),
    _steps("train_freq", 4, "Steps between learning events."),
    Key(
        "gradient_steps",
        "int",
        1,
        "Updates per learning event, each on a new batch.",
        1,
        10**6,
        unit="updates",
    ),
    _steps("target_update_interval", 40_000, "Steps between copies to the target network."),
    _fraction("tau", 1.0, "Share of the online network in such a copy; 1 copies all of it.", above=True),
    Key("net_arch", "ints", [256, 256, 256], "Widths of the hidden layers.", 1, 65_536, unit="units"),
    Key(
        "network",
        "choice",
        "mlp",
        'Network of the Q-values: hidden layers of net_arch, or "module:Name" of your own.',
        choices=("mlp",),
        plugin=True,
    ),
    _choice(
        "net_init", ("xavier", "torch"), "Initial weights: Xavier-uniform with zero biases, or torch's own."
    ),
    _choice("exploration", ("epsilon", "boltzmann"), "How actions are explored."),
    _fraction("exploration_initial_eps", 1.0, "Epsilon at the first step."),
    _fraction("exploration_final_eps", 0.01, "Epsilon after exploration_steps."),
    _steps("exploration_steps", 150_000, "Steps over which epsilon falls, linearly."),
    Key(
        "boltzmann_beta",
        "float",
        1.0,
        "Inverse temperature: actions are drawn by exp(beta Q).",
        0.0,
        1e6,
        above=True,
    ),
    Key(
        "max_grad_norm",
        "float",
        None,
        "Largest norm of a gradient; none: no clipping.",
        0.0,
        1e9,
        above=True,
        optional=True,
    ),
    _choice(
        "grad_clip",
        ("global", "variable"),
        "What max_grad_norm limits: all gradients together, or each variable's.",
    ),
    Key("double_q", "bool", True, "Double Q-learning: the online network picks the next action."),
    Key("dueling", "bool", False, "Separate value and advantage streams."),
    Key("n_steps", "int", 1, "Rewards summed before a target bootstraps.", 1, 1000, unit="environment steps"),
    Key(
        "replay",
        "choice",
        "uniform",
        'How transitions are drawn from the buffer; "module:Name" is a buffer of your own.',
        choices=("uniform", "prioritized", "retention"),
        plugin=True,
    ),
    _fraction("prioritized_alpha", 0.6, "Exponent of the priorities; 0 draws uniformly."),
    _fraction("prioritized_beta", 0.4, "Exponent of the importance weights at the start."),
    _steps("prioritized_beta_steps", 0, "Steps over which that exponent rises to 1; 0: it stays.", 0),
    Key(
        "prioritized_eps",
        "float",
        1e-6,
        "Added to every error, so that no priority is 0.",
        0.0,
        1.0,
        above=True,
    ),
    _fraction("retention_omega", 0.5, "Share of the draws from the half that forgets the oldest."),
    _choice(
        "retention_score",
        ("softmax", "greedy", "q_gap"),
        "What the other half goes by: how far an action is from the policy, soft or greedy, or below in Q.",
    ),
    _choice("retention_sampler", ("uniform", "prioritized"), "How transitions are drawn from each half."),
    _choice("timeouts", ("terminal", "bootstrap"), "What the time limit is stored as."),
    Key(
        "final_reward",
        "float",
        None,
        "Learned in place of an episode's last reward; logs keep the real one.",
        -1e9,
        1e9,
        optional=True,
    ),
    _choice(
        "device",
        ("cpu", "cuda"),
        "Where the network computes. A GPU pays for images and wide networks; resumes are not exact then.",
    ),
    _steps("eval_freq", 25_000, "Steps between greedy evaluations; 0: never.", 0),
    Key("n_eval_episodes", "int", 5, "Episodes of an evaluation.", 1, 10_000, unit="episodes"),
    _steps("save_freq", 10_000, "Steps between checkpoints."),
    Key("wrappers", "modules", [], 'Wrappers of your own around the environment, each "module:Name".'),
    Key("pixels", "bool", False, "Learn from gray images in place of the environment's own observations."),
    Key(
        "image_pool", "int", 6, "Side of the squares that are averaged into one pixel.", 1, 100, unit="pixels"
    ),
    Key(
        "image_size",
        "ints",
        None,
        "[height, width] that images are shrunk to by area, or [side]; none: image_pool counts.",
        1,
        1000,
        optional=True,
        most=2,
        unit="pixels",
    ),
    Key("frame_stack", "int", 4, "Images that make one observation.", 1, 16, unit="images"),
    Key(
        "frameskip",
        "int",
        4,
        "Times that an action is repeated, with pixels.",
        1,
        64,
        unit="environment steps",
    ),
    Key(
        "convs",
        "convs",
        [[32, 8, 4], [64, 4, 2], [64, 3, 1]],
        "Convolutions before the hidden layers: [filters, kernel, stride] each.",
        1,
        4096,
    ),
)

BY_NAME: dict[str, Key] = {key.name: key for key in SETTINGS}

BUDGETS = ("total_timesteps", "total_episodes")
"""Exactly one of these is set; a layer that sets one replaces the other."""

TABLE_KEYS: dict[str, str] = {
    "env": 'Gymnasium id of the environment, or "module:Name" of your own.',
    "baseline": "Whether the other experiments of this environment start from this one.",
    "extends": "Name of another experiment to start from.",
    "seeds": "List of seeds, or how many: 3 means [0, 1, 2].",
    "solved": "Return at which the environment counts as solved; a line in charts.",
    "sweep": "Table of settings with lists of values: one experiment for each combination.",
    "notes": "Text for people.",
}
"""Keys of an experiment that are not settings: they do not change what is learned from a seed."""

PROJECT_KEYS: dict[str, str] = {"name": "Name of the project; without it, the folder's."}

FORMER: dict[str, str] = {
    "lr": "write learning_rate",
    "arch": "write net_arch",
    "replay_buffer_size": "write buffer_size",
    "learning_freq": "write train_freq",
    "num_steps": "write total_timesteps",
    "num_episodes": "write total_episodes",
    "num_samples": "write gradient_steps",
    "target_update_freq": "write target_update_interval",
    "learning_delay": "write learning_starts",
    "schedule_timesteps": "write exploration_steps",
    "initial_p": "write exploration_initial_eps",
    "final_p": "write exploration_final_eps",
    "softmax": 'write exploration = "boltzmann"',
    "softmax_beta": "write boltzmann_beta",
    "prioritized": 'write replay = "prioritized"',
    "prioritized_beta0": "write prioritized_beta",
    "augmented_reward": "write final_reward",
    "image": "write pixels",
    "conv_arch": "write convs",
    "receptive_field_depth": "write frame_stack",
    "seed": "write seeds",
    "repeat": "write seeds",
    "load_on_start": "remove it: runs always resume",
    "capture_videos": "remove it: runs keep their best model",
}
"""Keys of the study that this tool carries on, and what to do about each."""

FOREIGN: dict[str, str] = {
    "exploration_fraction": "write exploration_steps, in environment steps",
    "n_timesteps": "write total_timesteps",
    "n_epochs": "write gradient_steps",
    "policy_kwargs": "write net_arch, dueling or convs",
    "policy": "remove it, or write pixels = true for images",
    "optimizer_class": "remove it: the optimizer is Adam",
    "optimizer_kwargs": "write adam_eps",
    "replay_buffer_class": "write replay",
    "replay_buffer_kwargs": "write the prioritized_ and retention_ keys",
    "optimize_memory_usage": "remove it",
    "handle_timeout_termination": 'write timeouts = "bootstrap"',
    "env_wrapper": "write wrappers",
    "n_eval_envs": "write n_eval_episodes",
    "frame_skip": "write frameskip",
    "env_id": "write env",
    "algo": "remove it: every experiment trains DQN",
    "verbose": "remove it",
    "tensorboard_log": "remove it",
    "description": "write notes",
}
"""Keys of Stable-Baselines3 and rl-zoo that this tool replaces."""


def defaults() -> dict[str, Json]:
    """Make the lowest layer of every experiment; lists are fresh."""
    return {key.name: _fresh(key.default) for key in SETTINGS}


def _fresh(value: Json) -> Json:
    return [_fresh(item) for item in value] if isinstance(value, list) else value
