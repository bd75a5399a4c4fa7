"""The frames of an environment as cheaply as its pixels allow.

gymnasium's own games draw on a surface, copy it to a screen and copy that again into an array; the frame is
read from the surface instead. Rule: the pixels are those of `render()`, compared once for each environment
that is made; every other environment is asked to render.
"""

import importlib
from typing import Any, Protocol

import gymnasium
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]

SCREENS = {
    ("gymnasium.envs.classic_control.acrobot", "AcrobotEnv"),
    ("gymnasium.envs.classic_control.cartpole", "CartPoleEnv"),
    ("gymnasium.envs.classic_control.mountain_car", "MountainCarEnv"),
}
"""Games that copy what they have drawn to self.screen. Drawing leaves no trace in them."""

SURFACES = {("gymnasium.envs.box2d.lunar_lander", "LunarLander")}
"""Games that leave what they have drawn in self.surf. Drawing makes their sparks older."""


class Camera(Protocol):
    """What takes the frames of an environment."""

    def frame(self) -> Frame:
        """Give the frame of now, height x width x 3; it is valid until the next one."""

    def skip(self) -> None:
        """Leave the environment as if a frame had been taken."""


class Rendering:
    """Asks the environment to render, whatever it is."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        self._env = env

    def frame(self) -> Frame:
        """Render. Raises TypeError on what is no picture."""
        image: Any = self._env.render()
        if not isinstance(image, np.ndarray) or image.ndim != 3 or image.dtype != np.uint8:
            raise TypeError(f"render() gave {type(image).__name__}, not height x width x 3 of uint8")
        return image[:, :, :3]

    def skip(self) -> None:
        """Render all the same: what that changes in an unknown environment cannot be known."""
        self._env.render()


class Reading:
    """Lets one of gymnasium's games draw, and reads the surface that it has drawn on."""

    def __init__(self, game: Any) -> None:
        self._game = game
        self._screen = _Screen()
        self._pixels: Any = importlib.import_module("pygame.surfarray").pixels3d

    def frame(self) -> Frame:
        """Draw, and show the surface's own memory."""
        game, screen = self._game, self._screen
        kept = game.render_mode, game.screen
        game.render_mode, game.screen = "surface", screen  # it neither copies nor shows what it draws
        try:
            game.render()
        finally:
            game.render_mode, game.screen = kept
        surface = screen.shown if screen.shown is not None else game.surf
        image: Frame = self._pixels(surface).transpose(1, 0, 2)
        return image

    def skip(self) -> None:
        """Do what drawing does to the game, and do not draw."""
        for spark in getattr(self._game, "particles", ()):
            spark.ttl -= 0.15
        if hasattr(self._game, "particles"):
            self._game._clean_particles(False)


class _Screen:
    """Stands in for a screen: keeps hold of what would be copied to it."""

    shown: Any = None

    def blit(self, surface: Any, _position: Any) -> None:
        self.shown = surface


def camera(env: gymnasium.Env[Any, Any]) -> Camera:
    """Find the cheapest way to the frames of an environment that was reset."""
    game: Any = env.unwrapped
    rendering = Rendering(env)
    if (type(game).__module__, type(game).__name__) in SCREENS | SURFACES and not _draws_over(env):
        wanted = rendering.frame()
        try:
            reading = Reading(game)
            if np.array_equal(reading.frame(), wanted):
                return reading
        except Exception:  # noqa: S110 - another version of the game; it renders as all others do
            pass
    return rendering


def _draws_over(env: Any) -> bool:
    """Whether a wrapper changes what `render` gives."""
    while isinstance(env, gymnasium.Wrapper):
        renders = type(env).render
        if renders is not gymnasium.Wrapper.render and not type(env).__module__.startswith(
            "gymnasium.wrappers.common"
        ):
            return True
        env = env.env
    return False
