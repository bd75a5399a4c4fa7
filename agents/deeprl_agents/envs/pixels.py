"""Learning from images: render, grey, mean-pool, stack the last frames; each action is repeated.

An observation is uint8, frames x height x width, oldest frame first. The frames of a stack are those after
each agent step, so they differ; the reward is the sum over the repeated steps.
"""

import os
from collections import deque
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # rendering needs no display
os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")  # noqa: S108 - SDL complains without one, and never uses it

GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class Pixels(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Gives images of an env made with render_mode="rgb_array"."""

    def __init__(self, env: gymnasium.Env[Any, Any], *, pool: int, stack: int, skip: int) -> None:
        super().__init__(env)
        self._pool, self._skip = pool, skip
        self._frames: deque[NDArray[np.uint8]] = deque(maxlen=stack)
        env.reset(seed=0)
        height, width = self._frame().shape
        self.observation_space = gymnasium.spaces.Box(0, 255, (stack, height, width), np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Begin an episode; the stack holds its first frame only."""
        _, info = self.env.reset(seed=seed, options=options)
        first = self._frame()
        self._frames.extend([first] * (self._frames.maxlen or 1))
        return np.stack(self._frames), info

    def step(self, action: Any) -> Any:
        """Repeat an action until the episode ends or it was done often enough."""
        total = 0.0
        for _ in range(self._skip):
            _, reward, terminated, truncated, info = self.env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        self._frames.append(self._frame())
        return np.stack(self._frames), total, terminated, truncated, info

    def _frame(self) -> NDArray[np.uint8]:
        image: Any = self.env.render()
        pool = self._pool
        height, width = (-(-size // pool) for size in image.shape[:2])
        grey = np.asarray(image, dtype=np.float32) @ GREY
        # A border that is no whole square is averaged with a copy of itself: 400 rows by 6 make 67.
        grey = np.pad(
            grey, ((0, height * pool - grey.shape[0]), (0, width * pool - grey.shape[1])), mode="edge"
        )
        pooled = grey.reshape(height, pool, width, pool).mean(axis=(1, 3))
        frame: NDArray[np.uint8] = np.rint(pooled).astype(np.uint8)
        return frame
