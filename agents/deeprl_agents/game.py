"""A run's agent and environment, set up to be watched: greedy actions, their values, and frames.

Rule: the episodes are those of an evaluation: same environment, seeds and engine. Drawing changes nothing.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

from deeprl_agents import blocks, build, envs, resolve, weights
from deeprl_agents.envs.draw import Camera, Reading, camera
from deeprl_agents.envs.pixels import Pixels
from deeprl_tui.core import playing
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.playing import Scene
from deeprl_tui.core.spec import RunSpec

Image = NDArray[np.uint8]

ACTIONS = {
    "CartPole": ("left", "right"),
    "Acrobot": ("torque -1", "no torque", "torque +1"),
    "LunarLander": ("coast", "fire left", "fire main", "fire right"),
    "MountainCar": ("left", "coast", "right"),
}
USUAL_FPS = 30.0
BUFFER = 1000
"""Transitions of the replay buffer that a model cannot do without; nothing is stored in it."""


class Game:
    """Plays one episode after the other; `begin`, then `step` until it is over."""

    def __init__(self, paths: RunPaths, spec: RunSpec, checkpoint: str, *, drawn: bool = True) -> None:
        """Build agent and environment, and load weights. Raises DeeprlError.

        Code of the project is imported only if this user trusts it.
        """
        self._paths, self._spec = paths, spec
        resolve.admit(spec, paths.project)
        self._env = envs.make(spec, training=False, drawn=drawn)
        settings: Any = {**spec.settings, "replay": "uniform", "buffer_size": BUFFER, "device": "cpu"}
        self._model = build.build(dataclasses.replace(spec, settings=settings), self._env)
        self._greedy = self._find_greedy()
        self._camera: Camera | None = None
        self._frame: Image | None = None
        self._pixels = _pixels(self._env)
        self._blank = (
            "" if drawn and self._env.render_mode == "rgb_array" else "this environment does not draw"
        )
        self.paper = False
        self._repeats = int(settings["frameskip"]) if settings["pixels"] else 1
        if self._pixels is not None:
            self._pixels.shown = self._keep
        self._stamp: object = None
        self.load(checkpoint)
        self.restart()

    # -- weights -----------------------------------------------------------------------------------------

    def load(self, checkpoint: str) -> None:
        """Load other weights, or the same anew. Raises DeeprlError; the old ones stay then."""
        name, path = weights.find(self._paths, self._spec, checkpoint)
        self._stamp = _stamp(path)
        self.trained = weights.load(self._model, path)
        self.checkpoint, self._path = name, path

    @property
    def outdated(self) -> bool:
        """Whether the run has written newer weights of the same name."""
        stamp = _stamp(self._path)
        return stamp is not None and stamp != self._stamp

    def scene(self) -> Scene:
        """Describe what is played. Makes a first frame, so only after `begin`."""
        frame = self.frame()
        height, width = frame.shape[:2] if frame is not None else (0, 0)
        return Scene(
            env=self._spec.env,
            checkpoint=self.checkpoint,
            trained=self.trained,
            there=weights.there(self._paths, self._spec),
            actions=self._names(),
            width=width,
            height=height,
            blank=self._blank,
            solved=self._spec.solved,
        )

    @property
    def pace(self) -> float:
        """Agent steps of a second in real time."""
        fps = self._env.unwrapped.metadata.get("render_fps") or USUAL_FPS
        return float(min(120.0, max(1.0, fps))) / self._repeats

    # -- episodes ----------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Let the next episode be the first one again."""
        self._env.episode = 0

    def begin(self) -> None:
        """Begin the next episode."""
        observation, _ = self._env.reset()
        self.episode, self.steps, self.total, self.reward, self.over = self._env.episode, 0, 0.0, 0.0, ""
        self._see(observation)

    def step(self) -> None:
        """Take the greedy action."""
        observation, reward, terminated, truncated, _ = self._env.step(self.action)
        self.steps, self.reward, self.total = self.steps + 1, float(reward), self.total + float(reward)
        self.over = "terminated" if terminated else "truncated" if truncated else ""
        self._see(observation)

    def values(self) -> tuple[float, ...]:
        """Give the value of each action now."""
        with torch.inference_mode():
            found = self._model.q_net(self._model.policy.obs_to_tensor(self._observation)[0])
        return tuple(float(value) for value in found[0, : playing.MAX_ACTIONS])

    def _see(self, observation: Any) -> None:
        self._observation = observation
        self.action = self._greedy(observation)

    def _find_greedy(self) -> Callable[[Any], int]:
        model = self._model
        if model.engine is not None:
            return model.engine.greedy
        return lambda observation: int(model.policy.predict(observation, deterministic=True)[0])

    # -- frames ------------------------------------------------------------------------------------------

    def frame(self) -> Image | None:
        """Draw what is to be seen now: height x width x 3; None if the environment draws nothing."""
        if self._blank:
            return None
        try:
            if self._pixels is not None:
                return self._frame
            if self._camera is None:
                self._camera = camera(self._env)
                self.paper = blocks.on_paper(self._camera.frame())
            return self._camera.frame()
        except Exception as error:  # whatever the environment's drawing needs: it plays on without
            self._blank = " ".join(f"it cannot be drawn: {error}".split())[:200]
            return None

    def skip(self) -> None:
        """Nobody asks for a frame of this step: what drawing would have done to the game, and no more."""
        if isinstance(self._camera, Reading):
            self._camera.skip()

    def _keep(self, frame: Image) -> None:
        if self._frame is None:
            self.paper = blocks.on_paper(frame)
        self._frame = frame.copy()

    def _names(self) -> tuple[str, ...]:
        space: Any = self._env.action_space
        known = ACTIONS.get(self._spec.env.rpartition("/")[2].partition("-")[0], ())
        meanings = getattr(self._env.unwrapped, "get_action_meanings", None)
        if len(known) != space.n and callable(meanings):
            known = tuple(str(word)[:20].lower() for word in meanings())
        if len(known) != space.n:
            known = tuple(f"action {number}" for number in range(space.n))
        return known[: playing.MAX_ACTIONS]


def _pixels(env: Any) -> Pixels | None:
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, Pixels):
            return env
        env = env.env
    return None


def _stamp(path: Any) -> object:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
