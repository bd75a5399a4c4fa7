"""Learning from images: render, gray, shrink, stack the last frames; each action is repeated.

An observation is uint8, frames x height x width, oldest frame first. The frames of a stack are those after
each agent step, so they differ; the reward is the sum over the repeated steps.
"""

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from deeprl_agents.envs.draw import Camera, Frame, camera
from deeprl_agents.envs.shrink import Shrink, area, squares

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # rendering needs no display
os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")  # noqa: S108 - SDL complains without one, and never uses it
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

Image = NDArray[np.uint8]


class Pixels(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Gives images of an env made with render_mode="rgb_array".

    pool: side of the squares that are averaged into a pixel. size: height and width (or one for both) that
    the image is shrunk to instead, each pixel by the area that it covers. stack: images of an observation.
    skip: steps that an action is repeated.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        *,
        pool: int = 1,
        size: Sequence[int] | None = None,
        stack: int,
        skip: int,
    ) -> None:
        super().__init__(env)
        self.shown: Callable[[Frame], None] | None = None
        """Called with each frame that an image is made of; it is valid during the call only."""
        self._skip = skip
        self._images: deque[Image] = deque(maxlen=stack)
        env.reset(seed=0)
        self._camera: Camera = camera(env)
        height, width, _ = shape = self._camera.frame().shape
        boxes = (
            (squares(height, pool), squares(width, pool))
            if not size
            else (area(height, size[0]), area(width, size[-1]))
        )
        self._shrink = Shrink(*boxes, shape)
        self.observation_space = gymnasium.spaces.Box(0, 255, (stack, *self._shrink.size), np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Begin an episode; the stack holds its first image only."""
        _, info = self.env.reset(seed=seed, options=options)
        first = self._image()
        self._images.extend([first] * (self._images.maxlen or 1))
        return np.stack(self._images), info

    def step(self, action: Any) -> Any:
        """Repeat an action until the episode ends or it was done often enough."""
        total, terminated, truncated, info = self._act(action)
        self._images.append(self._image())
        return np.stack(self._images), total, terminated, truncated, info

    def replay(self, actions: Sequence[int]) -> tuple[Image, list[float]] | None:
        """Take these steps, with only the images that the last stack needs: it and the rewards.

        None if the episode ends. State, stack and rewards are the same as after as many calls of `step`.
        """
        rewards = []
        seen = len(actions) - (self._images.maxlen or 1)
        for number, action in enumerate(actions):
            reward, terminated, truncated, _ = self._act(action)
            if terminated or truncated:
                return None
            rewards.append(reward)
            if number < seen:
                self._camera.skip()
            else:
                self._images.append(self._image())
        return np.stack(self._images), rewards

    def _act(self, action: Any) -> tuple[float, bool, bool, Any]:
        total = 0.0
        for _ in range(self._skip):
            _, reward, terminated, truncated, info = self.env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        return total, terminated, truncated, info

    def _image(self) -> Image:
        frame = self._camera.frame()
        if self.shown is not None:
            self.shown(frame)
        return self._shrink(frame)
