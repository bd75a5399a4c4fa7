"""Code of the project in a worker: only what was trusted, byte for byte, and errors that say where."""

import dataclasses
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from deeprl_agents import build, envs, resolve
from deeprl_agents.checkpoint import read_checkpoint
from deeprl_tui import config
from deeprl_tui.config.modules import sources
from deeprl_tui.core import state
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.plugin import used
from deeprl_tui.core.spec import RunSpec
from deeprl_tui.core.trust import TrustRecord
from deeprl_tui.errors import DeeprlError

from .conftest import SpecMaker, Trial

README = (Path(__file__).parents[2] / "agents" / "README.md").read_text()
EXAMPLES: dict[str, str] = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", README, re.DOTALL))
PARTS: dict[str, dict[str, Any]] = {
    "buffer": {"replay": "my_buffer:Recent", "n_steps": 2},
    "network": {"network": "my_network:Gated"},
    "wrapper": {"wrappers": ["my_wrapper:Centered"]},
    "env": {"env": "my_env:Corridor", "max_episode_steps": 100},
}

Train = Callable[..., Trial]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project's folder with the examples of the README; this user trusts nothing yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    project = tmp_path / "project"
    project.mkdir()
    for name, text in EXAMPLES.items():
        (project / name).write_text(text)
    yield project
    resolve.admit(RunSpec.from_json(bare_spec().to_json()), project)  # forget its modules


def bare_spec() -> RunSpec:
    """A run without code."""
    return config.load(Path(__file__).parents[2]).experiments["CP_basic"].specs((0,))[0]


@pytest.fixture
def launched(folder: Path, a_spec: SpecMaker) -> Train:
    """Make a run as a launch does: its code is trusted, and in its spec."""

    def make(where: str = "runs", *, trusted: bool = True, **changes: Any) -> Trial:
        spec = a_spec(**changes)
        code = {
            one.file: one.sha256 for _, path in used(spec.env, spec.settings) for one in sources(folder, path)
        }
        spec = dataclasses.replace(spec, code=code)
        if trusted:
            TrustRecord().add({folder / file: sha for file, sha in code.items()})
        paths = RootPaths(folder / where).run(spec)
        paths.folder.mkdir(parents=True)
        paths.spec.write_text(spec.to_json())
        return Trial(paths, spec)

    return make


def failure(trial: Trial) -> str:
    """Train a run that must fail; its last word."""
    assert trial.train() == 1
    ended = trial.view().state
    assert isinstance(ended, state.Failed)
    return ended.error


def test_each_example_has_at_most_twenty_lines() -> None:
    """As the README promises; the test file shows all of them together."""
    long = {name: text.count("\n") for name, text in EXAMPLES.items() if text.count("\n") > 20}
    assert set(EXAMPLES) - {"test_mine.py"} == {"my_buffer.py", "my_network.py", "my_wrapper.py", "my_env.py"}
    assert set(long) <= {"test_mine.py"}


def test_the_examples_keep_their_contracts(folder: Path) -> None:
    """The README's own test file passes, in a process of its own as a user runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"],
        cwd=folder, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


@pytest.mark.parametrize("part", PARTS)
def test_an_example_trains_and_continues_exactly(launched: Train, part: str) -> None:
    """Interrupted and continued, it ends in the same state as without."""
    whole, broken = (launched(where, **PARTS[part]) for where in ("whole", "broken"))
    assert whole.train() == 0
    broken.train(1, ask=lambda step: "interrupt" if step >= 777 else None)
    assert broken.train(2) == 0
    assert broken.view().inexact == ""
    ours, theirs = (read_checkpoint(one.paths.checkpoint) for one in (whole, broken))
    assert ours is not None
    assert theirs is not None
    assert all(np.array_equal(array, theirs.arrays[name]) for name, array in ours.arrays.items())


def test_a_buffer_of_ones_own_is_really_drawn_from(launched: Train) -> None:
    """The kernel draws uniformly; it must not pass over a `draw` that it does not know."""
    trial = launched(**PARTS["buffer"])
    resolve.admit(trial.spec, trial.paths.project)
    model = build.build(trial.spec, envs.make(trial.spec, training=True))
    buffer: Any = model.replay_buffer
    drawn, before = [], buffer.draw

    def draw(size: int) -> None:
        drawn.append(size)
        before(size)

    buffer.draw = draw
    model.learn(300)
    assert drawn[:2] == [32, 32]


def test_a_network_of_ones_own_gives_the_values(launched: Train) -> None:
    """In both networks, with its own initial weights."""
    trial = launched(network="my_network:Gated")
    resolve.admit(trial.spec, trial.paths.project)
    model = build.build(trial.spec, envs.make(trial.spec, training=True))
    network = resolve.resolve("my_network:Gated")
    assert isinstance(model.q_net.q_net, network)
    assert isinstance(model.q_net_target.q_net, network)
    assert model.q_net.q_net.units.bias.abs().sum() > 0  # Xavier's have biases of zero
    with torch.no_grad():
        assert model.q_net(torch.zeros(3, 4)).shape == (3, 2)


def test_the_first_wrapper_is_innermost(launched: Train, folder: Path) -> None:
    """The one that is written last sees what the others make."""
    text = "import gymnasium\nclass A(gymnasium.Wrapper): ...\nclass B(gymnasium.Wrapper): ...\n"
    (folder / "two.py").write_text(text)
    trial = launched(wrappers=["two:A", "two:B"])
    resolve.admit(trial.spec, trial.paths.project)
    env = envs.make(trial.spec, training=True)
    outer, inner = env.env, env.env.env  # type: ignore[attr-defined]
    assert (type(outer).__name__, type(inner).__name__) == ("B", "A")


# What is refused


def test_a_file_that_was_changed_after_the_launch_fails_the_run(launched: Train, folder: Path) -> None:
    """An error of the user's, with the file and what to do."""
    trial = launched(**PARTS["buffer"])
    with open(folder / "my_buffer.py", "a") as file:
        file.write("open('trace', 'w')\n")
    said = failure(trial)
    assert f"{folder}/my_buffer.py: was changed since this run was launched" in said
    assert "deeprl trust" in said


def test_code_that_this_user_does_not_trust_fails_the_run(launched: Train, folder: Path) -> None:
    """Even if its digests are right: a run that waits in a runs folder may be somebody else's."""
    (folder / "mine.py").write_text(f"open({str(folder / 'trace')!r}, 'w')\nclass Mine: ...\n")
    said = failure(launched(trusted=False, replay="mine:Mine"))
    assert "mine.py: is not trusted here; read it, then: deeprl trust" in said
    assert not (folder / "trace").exists()


def test_a_file_that_is_gone_is_named(launched: Train, folder: Path) -> None:
    """With what to do."""
    trial = launched(**PARTS["buffer"])
    (folder / "my_buffer.py").unlink()
    assert "my_buffer.py: cannot be read (No such file or directory); put it back" in failure(trial)


def test_a_run_that_names_no_code_imports_none(launched: Train, folder: Path) -> None:
    """A path in the settings alone is not enough, whatever lies in the folder."""
    trial = launched(**PARTS["buffer"])
    bare = dataclasses.replace(trial.spec, code={})
    resolve.admit(bare, folder)
    with pytest.raises(DeeprlError, match="not among the code of this run"):
        resolve.resolve("my_buffer:Recent")


@pytest.mark.parametrize("file", ["../outside.py", "/etc/hosts.py", "data.txt"])
def test_code_outside_of_the_project_is_refused(launched: Train, folder: Path, file: str) -> None:
    """A damaged or foreign run.json leads nowhere."""
    spec = dataclasses.replace(launched(**PARTS["buffer"]).spec, code={file: "0" * 64})
    with pytest.raises(DeeprlError, match="is no file of this project"):
        resolve.admit(spec, folder)


def test_nothing_else_of_the_folder_can_be_imported(launched: Train, folder: Path) -> None:
    """Not by a computed name either: nobody was asked about that file."""
    (folder / "hidden.py").write_text("")
    (folder / "mine.py").write_text(
        "import importlib\nhidden = importlib.import_module('hid' + 'den')\nMine = 1\n"
    )
    said = failure(launched(replay="mine:Mine"))
    assert said == "ModuleNotFoundError: No module named 'hidden' (mine.py:2 in <module>)"


def test_cached_bytecode_is_not_read(launched: Train, folder: Path) -> None:
    """Only the bytes of the source were trusted; a cache could hold anything."""
    import py_compile

    mine = folder / "mine.py"
    mine.write_text("Mine = 'evil'\n")
    py_compile.compile(
        str(mine), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    mine.write_text("Mine = 'good'\n")
    trial = launched(replay="mine:Mine")
    resolve.admit(trial.spec, folder)
    assert resolve.resolve("mine:Mine") == "good"


def test_imports_among_trusted_files_work(launched: Train, folder: Path) -> None:
    """Packages with and without __init__.py, relative and late imports."""
    for name, text in {
        "mine.py": "from pack.one import one\nfrom loose.two import two\nMine = (one, two)\n",
        "pack/__init__.py": "",
        "pack/one.py": "from .deep import value\none = value()\n",
        "pack/deep.py": "def value():\n    import late\n    return late.X\n",
        "late.py": "X = 1\n",
        "loose/two.py": "two = 2\n",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    trial = launched(replay="mine:Mine")
    resolve.admit(trial.spec, folder)
    assert resolve.resolve("mine:Mine") == (1, 2)


def test_the_next_run_gets_its_own_code(launched: Train, folder: Path) -> None:
    """Nothing of an earlier run stays in the process."""
    for text in ("first", "second"):
        (folder / "mine.py").write_text(f"Mine = {text!r}\n")
        resolve.admit(launched(text, replay="mine:Mine").spec, folder)
        assert resolve.resolve("mine:Mine") == text


def test_the_search_path_stays_as_it_is(launched: Train, folder: Path) -> None:
    """The project's folder is on no path, so nothing there hides an installed package."""
    before = list(sys.path)
    resolve.admit(launched(**PARTS["buffer"]).spec, folder)
    resolve.resolve("my_buffer:Recent")
    assert sys.path == before


# What is wrong in code that may run


ERRORS: dict[str, tuple[dict[str, Any], str, str]] = {
    "in the buffer": (
        {"replay": "mine:Mine"},
        "from deeprl_agents.replay.base import Replay\nclass Mine(Replay):\n"
        "    def draw(self, size):\n        return 1 / 0\n",
        "ZeroDivisionError: division by zero (mine.py:4 in draw)",
    ),
    "in the network": (
        {"network": "mine:Mine"},
        "from torch import nn\nclass Mine(nn.Linear):\n    def __init__(self, space, n):\n"
        "        super().__init__(4, n)\n    def forward(self, x):\n        return self.nothing\n",
        "AttributeError: 'Mine' object has no attribute 'nothing' (mine.py:6 in forward)",
    ),
    "in the env": (
        {"env": "mine:Mine"},
        "import gymnasium\nclass Mine(gymnasium.Env):\n    def __init__(self):\n        raise OSError('x')\n",
        "OSError: x (mine.py:4 in __init__)",
    ),
    "at the import": ({"replay": "mine:Mine"}, "Mine = 1\nimport nowhere\n", "named 'nowhere' (mine.py:2 in"),
    "no buffer": ({"replay": "mine:Mine"}, "Mine = 1\n", "replay mine:Mine: is no replay buffer; derive it"),
    "no env": ({"env": "mine:Mine"}, "Mine = int\n", "env mine:Mine: gave int, which is no environment"),
    "no wrapper": ({"wrappers": ["mine:Mine"]}, "Mine = repr\n", "wrapper mine:Mine: gave str, which is no"),
    "no module": ({"network": "mine:Mine"}, "def Mine(space, n): return 3\n", "network: gave int"),
    "no values": (
        {"network": "mine:Mine"},
        "from torch import nn\ndef Mine(space, n): return nn.Linear(4, n + 1)\n",
        "network: gives values of the shape (2, 3) for 2 observations, not (2, 2)",
    ),
    "no n steps": (
        {"replay": "mine:Mine", "n_steps": 3},
        "from stable_baselines3.common.buffers import ReplayBuffer as Mine\n",
        "replay mine:Mine: knows no n_steps",
    ),
    "no discrete actions": (
        {"env": "mine:Mine"},
        "from gymnasium.envs.classic_control import PendulumEnv as Mine\n",
        "DQN needs a Discrete action space from 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_of_ones_own_code_is_the_failure_of_the_run(
    launched: Train, folder: Path, case: str
) -> None:
    """With file, line and function, or with place, fault and remedy."""
    changes, text, said = ERRORS[case]
    (folder / "mine.py").write_text(text)
    assert said in failure(launched(**changes))


def test_a_method_of_ones_own_is_not_taken_for_ours(launched: Train, folder: Path) -> None:
    """An env may have something that is called `replay`."""
    (folder / "mine.py").write_text(
        "from my_env import Corridor\nclass Mine(Corridor):\n    def replay(self, speed): ...\n"
    )
    trial = launched(env="mine:Mine", max_episode_steps=100)
    trial.train(1, ask=lambda step: "interrupt" if step >= 777 else None)
    assert trial.train(2) == 0
    assert trial.view().inexact == ""


def test_a_buffer_of_stable_baselines3_trains(launched: Train, folder: Path) -> None:
    """Any subclass of its ReplayBuffer will do."""
    (folder / "mine.py").write_text(
        "from stable_baselines3.common.buffers import ReplayBuffer\nclass Mine(ReplayBuffer): ...\n"
    )
    trial = launched(replay="mine:Mine")
    assert trial.train() == 0


def test_an_env_of_ones_own_that_renders_gives_pixels(launched: Train, folder: Path) -> None:
    """It is asked for images, and wrapped like any other."""
    (folder / "mine.py").write_text(
        "import numpy as np\nfrom my_env import Corridor\nclass Mine(Corridor):\n"
        "    metadata = {'render_modes': ['rgb_array']}\n"
        "    def __init__(self, render_mode=None):\n        self.render_mode = render_mode\n"
        "    def render(self):\n        return np.full((40, 60, 3), 20 * self.place, np.uint8)\n"
    )
    trial = launched(env="mine:Mine", pixels=True, image_pool=2, max_episode_steps=20)
    resolve.admit(trial.spec, folder)
    env = envs.make(trial.spec, training=True)
    observation, _ = env.reset()
    assert isinstance(env.observation_space, gymnasium.spaces.Box)
    assert observation.shape == (4, 20, 30)
