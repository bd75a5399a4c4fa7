"""Playing a trained run: the episodes of an evaluation, drawn, and nothing but them."""

import dataclasses
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from deeprl_agents import blocks, build, envs, evaluate, record, weights
from deeprl_agents.game import Game
from deeprl_tui.core import playing
from deeprl_tui.core.playing import Wish
from deeprl_tui.errors import DeeprlError

from .conftest import Trial

TRIALS: dict[str, dict[str, Any]] = {
    "CartPole": {"total_timesteps": 600, "eval_freq": 300},
    "Acrobot": {"env": "Acrobot-v1", "total_timesteps": 600, "eval_freq": 300, "max_episode_steps": 150},
    "LunarLander": {
        "env": "LunarLander-v3", "total_timesteps": 600, "eval_freq": 300, "max_episode_steps": 150,
    },
    "pixels": {
        "pixels": True, "total_timesteps": 300, "eval_freq": 150, "image_pool": 6, "frame_stack": 2,
        "convs": [[4, 8, 4]], "learning_starts": 50, "max_episode_steps": 60,
    },
}  # fmt: skip

Train = Callable[..., Trial]


def finish(game: Game, *, draw: bool) -> float:
    """Play one episode; its return."""
    game.begin()
    while not game.over:
        if draw:
            assert game.frame() is not None
        game.step()
    return game.total


@pytest.mark.parametrize("name", TRIALS)
def test_the_episodes_are_those_of_the_evaluation(a_trial: Train, name: str) -> None:
    """Drawn or not, the best weights get the returns that the run's best evaluation got."""
    trial = a_trial(**TRIALS[name])
    assert trial.train() == 0
    best = max(trial.view().evals, key=lambda one: one.mean)
    game = Game(trial.paths, trial.spec, "best")
    assert [finish(game, draw=bool(number)) for number in range(2)] == list(best.returns)
    assert game.trained == best.step


def test_the_last_weights_are_those_of_the_end(a_trial: Train) -> None:
    """From the model's file and, while it trains, from its newest checkpoint."""
    trial = a_trial(**TRIALS["CartPole"])
    trial.train()
    model = build.build(trial.spec, envs.make(trial.spec, training=False))
    weights.load(model, trial.paths.last_model(trial.spec.env))
    wanted = evaluate.play(model, envs.make(trial.spec, training=False), 2)
    trial.paths.last_model(trial.spec.env).unlink()
    game = Game(trial.paths, trial.spec, "last")
    assert wanted is not None
    assert [finish(game, draw=False) for _ in range(2)] == wanted[0]
    assert game.trained == 600


def test_auto_takes_what_there_is(a_trial: Train) -> None:
    """The best weights, before the first evaluation the newest."""
    trial = a_trial(**TRIALS["CartPole"] | {"eval_freq": 0})
    trial.train()
    assert weights.find(trial.paths, trial.spec, playing.AUTO)[0] == "last"
    assert weights.there(trial.paths, trial.spec) == ("last", "before")


def test_a_run_without_weights_says_when_they_come(a_trial: Train) -> None:
    """Nothing is played with weights that never learned."""
    trial = a_trial()
    with pytest.raises(
        DeeprlError, match=r"trial/3: has no weights yet; its first checkpoint comes at step 400"
    ):
        Game(trial.paths, trial.spec, playing.AUTO)


def test_the_pickles_of_a_model_are_not_read(a_trial: Train, tmp_path: Path) -> None:
    """A zip of somebody else's runs nothing, neither from its data nor from its tensors."""
    trial = a_trial(**TRIALS["CartPole"])
    trace = tmp_path / "trace"

    class Evil:
        def __reduce__(self) -> Any:
            return Path.touch, (trace,)

    with zipfile.ZipFile(trial.paths.best_model, "w") as archive:
        archive.writestr("policy.pth", pickle.dumps(Evil(), protocol=2))
        archive.writestr("data", "{}")
    with pytest.raises(DeeprlError, match="are no weights of this run"):
        Game(trial.paths, trial.spec, "best")
    assert not trace.exists()


def test_weights_of_another_network_are_refused(a_trial: Train) -> None:
    """With the file's name."""
    trial, other = a_trial(**TRIALS["CartPole"]), a_trial("others", **TRIALS["CartPole"], net_arch=[32])
    other.train()
    with pytest.raises(
        DeeprlError, match=r"best_model.zip: are no weights of this run \(they are of another network"
    ):
        Game(trial.paths, trial.spec, str(other.paths.best_model))


def test_code_that_is_not_trusted_is_not_played(a_trial: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run directory of somebody else imports nothing, with the remedy."""
    trial = a_trial(env="mine:Mine")
    monkeypatch.setenv("XDG_STATE_HOME", str(trial.paths.project / "state"))
    file = trial.paths.project / "mine.py"
    file.write_text(f"open({str(trial.paths.project / 'trace')!r}, 'w')\nclass Mine: ...\n")
    from deeprl_tui.core.trust import digest

    spec = dataclasses.replace(trial.spec, code={"mine.py": digest(file.read_bytes())})
    with pytest.raises(DeeprlError, match="is not trusted here; read it, then: deeprl trust"):
        Game(trial.paths, spec, playing.AUTO)
    assert not (trial.paths.project / "trace").exists()


class Blind(gymnasium.Env[Any, Any]):
    """An environment that knows no render_mode."""

    observation_space = gymnasium.spaces.Box(-1, 1, (4,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return np.zeros(4, np.float32), {}

    def step(self, action: Any) -> Any:
        return np.zeros(4, np.float32), 1.0, True, False, {}


@pytest.fixture
def blind() -> Iterator[str]:
    """Its id, while it is registered."""
    entry: Any = Blind
    gymnasium.register("Blind-v0", entry)
    yield "Blind-v0"
    del gymnasium.registry["Blind-v0"]


def test_what_does_not_draw_is_played_all_the_same(a_trial: Train, blind: str) -> None:
    """Its values and returns are there; the scene says why there is no picture."""
    trial = a_trial(env=blind, total_timesteps=300, eval_freq=0)
    trial.train()
    game = Game(trial.paths, trial.spec, "last")
    game.begin()
    scene = game.scene()
    assert (scene.width, scene.blank) == (0, "this environment does not draw")
    assert len(game.values()) == 2
    assert scene.actions == ("action 0", "action 1")


def test_values_belong_to_the_action_taken(a_trial: Train) -> None:
    """The action that is taken has the largest value."""
    trial = a_trial(**TRIALS["CartPole"])
    trial.train()
    game = Game(trial.paths, trial.spec, "best")
    game.begin()
    for _ in range(8):
        assert int(np.argmax(game.values())) == game.action
        game.step()


# Pictures


def test_cells_show_what_quarters_can() -> None:
    """Two colors in any pattern come back as they were."""
    rng = np.random.default_rng(7)
    image = rng.choice(np.array([[0, 0, 0], [255, 0, 132]], np.uint8), (8, 12))
    cells = blocks.cells(image).reshape(4, 6, playing.CELL)
    for row in range(8):
        for column in range(12):
            cell = cells[row // 2, column // 2]
            first = int(cell[0]) >> (2 * (row % 2) + column % 2) & 1
            assert (cell[1:4] if first else cell[4:7]).tolist() == image[row, column].tolist()


def test_a_picture_keeps_its_shape_and_fits() -> None:
    """Cells are twice as high as wide."""
    frame = np.zeros((400, 600, 3), np.uint8)
    for columns, rows in [(92, 31), (57, 19), (30, 30), (200, 20)]:
        made = blocks.picture(frame, Wish("quarters", columns, rows))
        assert made is not None
        assert made.width <= columns
        assert made.height <= rows
        assert abs(made.width / (2 * made.height) - 1.5) < 0.12


def test_white_paper_becomes_the_ground_and_hues_stay() -> None:
    """On a dark ground black ink turns light."""
    frame = np.full((40, 40, 3), 255, np.uint8)
    frame[10:30, 10:20] = (0, 0, 0)
    frame[10:30, 20:30] = (200, 100, 0)
    assert blocks.on_paper(frame)
    made = blocks.picture(frame, Wish("quarters", 20, 10, ground="#101010"), paper=True)
    assert made is not None
    colors = {bytes(made.data[at + 4 : at + 7]).hex() for at in range(0, len(made.data), playing.CELL)}
    assert {"101010", "ffffff"} <= colors
    red, green, blue = next(bytes.fromhex(one) for one in colors - {"101010", "ffffff"})
    assert red > green > blue


# Films


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_a_film_has_all_its_frames(tmp_path: Path, ending: str) -> None:
    """Decoded again, it is as long as what was written."""
    frames = []
    for number in range(30):
        frame = np.zeros((61, 90, 3), np.uint8)
        frame[10:30, number : number + 20] = (255, 255, 0)
        frames.append(frame)
    path = tmp_path / f"film.{ending}"
    if ending == "gif":
        from PIL import Image

        record.write_gif(path, iter(frames), 20.0)
        with Image.open(path) as film:
            assert getattr(film, "n_frames", 1) == 30
            assert film.info["duration"] == 50
    else:
        ffmpeg = pytest.importorskip("imageio_ffmpeg")
        record.write_mp4(path, iter(frames), 20.0)
        assert ffmpeg.count_frames_and_secs(str(path))[0] == 30


def test_a_film_without_its_package_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """mp4 needs an extra; a gif does not."""
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    with pytest.raises(DeeprlError, match=r"pip install 'deeprl-tui\[video\]', or record a .gif"):
        record.write_mp4(tmp_path / "film.mp4", iter([]), 20.0)


def test_a_gif_that_gets_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it takes all memory."""
    monkeypatch.setattr(record, "GIF_FRAMES", 5)
    with pytest.raises(DeeprlError, match=r"record fewer episodes, or an .mp4"):
        record.write_gif(tmp_path / "film.gif", iter([np.zeros((4, 4, 3), np.uint8)] * 9), 20.0)
