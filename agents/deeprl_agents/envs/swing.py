"""A step of gymnasium's Acrobot, to the bit, in half the time.

gymnasium integrates with numpy on arrays of five numbers and calls cos and sin thirty times a step. Here
numbers are Python's, and numpy, whose cos is not the C library's, gets three angles in one call. Rule: an
environment gets this step only after it took the same steps as its own from states drawn at random; what
differs in any bit is not used.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.envs.classic_control.acrobot import AcrobotEnv, bound, wrap

Numbers = tuple[float, ...]
Motion = Callable[[float, float, float, float, float], Numbers]

TRIALS = 64


def motion(game: AcrobotEnv) -> Motion:
    """Make the derivative of the state: angles, speeds and torque to speeds and accelerations."""
    m1, m2 = game.LINK_MASS_1, game.LINK_MASS_2
    l1, lc1, lc2 = game.LINK_LENGTH_1, game.LINK_COM_POS_1, game.LINK_COM_POS_2
    inertia, g, half = game.LINK_MOI, 9.8, np.pi / 2
    # What stands together here is one number in gymnasium's order of operations too.
    near, both, twice = m1 * lc1**2, l1**2 + lc2**2, 2 * l1 * lc2
    far, cross = lc2**2, l1 * lc2
    outer, inner = m2 * lc2 * g, (m1 * lc1 + m2 * l1) * g
    pull, push, mixed = -m2 * l1 * lc2, m2 * l1 * lc2, 2 * m2 * l1 * lc2
    rest = m2 * lc2**2 + inertia
    cos, sin = np.cos, np.sin

    def derivative(angle1: float, angle2: float, speed1: float, speed2: float, torque: float) -> Numbers:
        cos2, cos_sum, cos1 = cos((angle2, angle1 + angle2 - half, angle1 - half)).tolist()
        sin2 = float(sin(angle2))
        d1 = near + m2 * (both + twice * cos2) + inertia + inertia
        d2 = m2 * (far + cross * cos2) + inertia
        phi2 = outer * cos_sum
        phi1 = pull * speed2**2 * sin2 - mixed * speed2 * speed1 * sin2 + inner * cos1 + phi2
        bend = (torque + d2 / d1 * phi1 - push * speed1**2 * sin2 - phi2) / (rest - d2**2 / d1)
        return speed1, speed2, -(d2 * bend + phi1) / d1, bend

    return derivative


def stepper(game: AcrobotEnv) -> Callable[[Any], Any]:
    """Make `step` of a game that neither draws nor shakes."""
    derivative, torques, dt = motion(game), game.AVAIL_TORQUE, game.dt
    half, sixth = dt / 2.0, dt / 6.0
    most1, most2 = game.MAX_VEL_1, game.MAX_VEL_2

    def step(action: Any) -> Any:
        assert game.state is not None, "Call reset before using AcrobotEnv object."
        torque = torques[action]
        a, b, c, d = game.state.tolist()
        a1, b1, c1, d1 = derivative(a, b, c, d, torque)
        a2, b2, c2, d2 = derivative(a + half * a1, b + half * b1, c + half * c1, d + half * d1, torque)
        a3, b3, c3, d3 = derivative(a + half * a2, b + half * b2, c + half * c2, d + half * d2, torque)
        a4, b4, c4, d4 = derivative(a + dt * a3, b + dt * b3, c + dt * c3, d + dt * d3, torque)
        game.state = np.array(
            (
                wrap(a + sixth * (a1 + 2 * a2 + 2 * a3 + a4), -np.pi, np.pi),
                wrap(b + sixth * (b1 + 2 * b2 + 2 * b3 + b4), -np.pi, np.pi),
                bound(c + sixth * (c1 + 2 * c2 + 2 * c3 + c4), -most1, most1),
                bound(d + sixth * (d1 + 2 * d2 + 2 * d3 + d4), -most2, most2),
            )
        )
        terminated = game._terminal()
        return game._get_ob(), 0.0 if terminated else -1.0, terminated, False, {}

    return step


def quicken(game: Any) -> bool:
    """Let an Acrobot of gymnasium's step so, if that changes nothing; whether it does now."""
    if type(game) is not AcrobotEnv or game.book_or_nips != "book":
        return False
    if game.torque_noise_max > 0 or game.render_mode is not None:
        return False
    own: Any = copy.copy(game)
    other: Any = copy.copy(game)
    step = stepper(other)
    rng = np.random.default_rng(0)
    scale = np.array([np.pi, np.pi, game.MAX_VEL_1, game.MAX_VEL_2])
    for number in range(TRIALS):
        own.state = rng.uniform(-scale, scale)
        other.state = own.state.copy()
        wanted, found = own.step(number % 3), step(number % 3)
        if not (np.array_equal(own.state, other.state) and np.array_equal(wanted[0], found[0])):
            return False
        if wanted[1:] != found[1:]:
            return False
    game.step = stepper(game)  # type: ignore[method-assign]
    return True
