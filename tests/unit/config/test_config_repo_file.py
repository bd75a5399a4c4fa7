"""The repo's own experiments.toml: the study's experiments, valid for us and for editors."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from deeprl_tui import config
from deeprl_tui.config.keys import BY_NAME, FOREIGN, FORMER, TABLE_KEYS
from deeprl_tui.config.predict import memory_bytes
from deeprl_tui.config.schema import schema
from deeprl_tui.errors import ConfigError

ROOT = Path(__file__).parents[3]
FILE = ROOT / "experiments.toml"
MB = 2**20


@pytest.fixture(scope="module")
def checked() -> config.Checked:
    return config.check(FILE)


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text())


def test_it_has_neither_errors_nor_warnings(checked: config.Checked) -> None:
    """The file passes its own check."""
    assert [str(one) for one in checked.errors + checked.warnings] == []


def test_it_has_the_whole_study(checked: config.Checked) -> None:
    """Three baselines, 79 variants, one sweep of two; then retention, and CartPole from images."""
    assert checked.project is not None
    names = list(checked.project.experiments)
    counts = {prefix: sum(name.startswith(prefix) for name in names) for prefix in ("AB_", "CP_", "LL_")}
    assert counts == {"AB_": 19, "CP_": 5, "LL_": 65}
    bases = {one.name for one in checked.project.experiments.values() if one.baseline_of_env}
    assert bases == {"AB_basic", "CP_basic", "LL_basic"}


def test_the_baseline_is_the_study_s(checked: config.Checked) -> None:
    """LL_basic has the settings of 2017."""
    assert checked.project is not None
    settings = checked.project.experiments["LL_basic"].settings
    expected = {
        "total_episodes": 10_000, "total_timesteps": None, "max_episode_steps": 1000, "gamma": 0.99,
        "learning_rate": 5e-4, "adam_eps": 1e-8, "buffer_size": 50_000, "batch_size": 32,
        "learning_starts": 1000, "train_freq": 1, "gradient_steps": 1, "target_update_interval": 1000,
        "tau": 1.0, "net_arch": [64], "exploration_steps": 10_000, "exploration_final_eps": 0.01,
        "double_q": True, "max_grad_norm": None, "replay": "uniform", "timeouts": "terminal",
        "save_freq": 10_000,
    }  # fmt: skip
    assert {key: settings[key] for key in expected} == expected


def test_the_schema_accepts_it(raw: dict[str, Any]) -> None:
    """The schema that editors use is valid and accepts the file."""
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.Draft202012Validator(schema()).validate(raw)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lr", 0.1),
        ("gamma", 2),
        ("gamma", "none"),
        ("net_arch", 64),
        ("net_arch", []),
        ("learning_rate", 0),
        ("replay", "x"),
        ("seeds", [0, 0]),
        ("env", "LunarLander-v2"),
        ("sweep", {"gama": [1]}),
        ("total_timesteps", 5),
    ],
)
def test_the_schema_refuses_what_check_refuses(raw: dict[str, Any], key: str, value: object) -> None:
    """A bad key or value fails in the editor as well."""
    table = {**raw["experiments"]["LL_basic"], key: value}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate({"experiments": {"LL_basic": table}})


def test_old_keys_are_no_keys() -> None:
    """A key of the past is never a key of today."""
    assert not {*FORMER, *FOREIGN} & {*BY_NAME, *TABLE_KEYS}


def memory(checked: config.Checked, name: str, **changes: Any) -> int:
    """Predict the memory of a run with other settings."""
    assert checked.project is not None
    found = checked.project.experiments[name]
    predicted = memory_bytes(config.override(found, changes).specs((0,))[0])
    assert predicted is not None
    return predicted


def test_memory_of_the_study(checked: config.Checked) -> None:
    """Predicted memory follows buffer, network and priorities."""
    assert memory(checked, "CP_basic") == 36 * MB + 50_000 * (2 * 16 + 21) + 20 * (5 * 64 + 65 * 2)
    assert memory(checked, "LL_prio1") - memory(checked, "LL_basic") == 15 * 50_000
    assert memory(checked, "LL_ret_prio1") - memory(checked, "LL_ret_basic") == 15 * 50_000


def test_a_step_from_images_takes_one_image(checked: config.Checked) -> None:
    """Gray images of 67 by 100 take 6.8 kB for each step, and nothing beyond the budget."""
    less = memory(checked, "LL_img_basic_test0", buffer_size=10_000)
    more = memory(checked, "LL_img_basic_test0", buffer_size=20_000)
    assert (more - less) / 10_000 == 67 * 100 + 5 + 2 * 4 * 4 + 21
    short = memory(checked, "LL_img_basic_test0", buffer_size=20_000, total_timesteps=10_000)
    assert short == less


def test_what_is_retained_of_images_has_frames_of_its_own(checked: config.Checked) -> None:
    """Of two transitions one is new, with one frame, and one kept, with all five; and a score."""
    uniform, retention = (
        memory(checked, "LL_img_basic_test0", buffer_size=10_000, replay=replay)
        for replay in ("uniform", "retention")
    )
    assert (retention - uniform) / 5_000 == (5 - 1) * (67 * 100 + 5) + 23


def test_memory_of_a_short_run_from_images_is_what_was_measured(checked: config.Checked) -> None:
    """5000 steps of LL_img_basic_test0 took at most 117.9 MB."""
    predicted = memory(checked, "LL_img_basic_test0", total_timesteps=5_000)
    assert 0.95 < predicted / (117.9 * MB) < 1.15


def test_images_of_another_size_take_another_memory(checked: config.Checked) -> None:
    """image_size counts in place of image_pool; one number is both sides."""
    square = memory(checked, "LL_img_basic_test0", image_size=[67])
    assert square == memory(checked, "LL_img_basic_test0", image_size=[67, 67])
    assert square < memory(checked, "LL_img_basic_test0")


def test_memory_of_an_unknown_env_is_unknown() -> None:
    """Nothing is guessed about an environment that is not in the table."""
    project = config.check_bytes(b'[experiments.A]\nenv = "own:Own"').project
    assert project is not None
    assert memory_bytes(project.experiments["A"].specs()[0]) is None


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    """A folder without the file is an error with a remedy."""
    with pytest.raises(ConfigError, match=r"no such file; go to a folder that has an experiments\.toml"):
        config.load(tmp_path)


def test_it_is_light_to_import() -> None:
    """Loading the project brings in no learner, no screen and no difflib."""
    heavy = "{'numpy', 'torch', 'gymnasium', 'textual', 'rich', 'typer', 'difflib', 'asyncio'}"
    load = f"import sys; from deeprl_tui import config; config.load({str(FILE)!r})"
    code = f"{load}; print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
