"""What stands beside the picture of a run that plays."""

from deeprl_tui.core.playing import Frame, Played, Scene
from deeprl_tui.tui import watching
from deeprl_tui.tui.theme import NIGHT, Palette
from deeprl_tui.tui.watching import Memory

PALETTE = Palette.of_theme(NIGHT)
LANDER = Scene(
    "LunarLander-v3",
    "best",
    1,
    ("best",),
    ("coast", "fire left", "fire main", "fire right"),
    600,
    400,
    "",
    200.0,
)


def frame(*values: float, episode: int = 1, step: int = 1, total: float = 0.0, over: str = "") -> Frame:
    """A moment with these values; the last action is taken."""
    return Frame(episode, step, total, 0.0, len(values) - 1, values, over, None)


def text(lines: list[watching.Line]) -> list[str]:
    """As it is read."""
    return ["".join(piece.text for piece in line) for line in lines]


def test_bars_show_how_far_actions_lie_apart() -> None:
    """Whatever return the agent expects: the scale is that of the last moments."""
    memory, now = Memory(), frame(99.0, 99.5, 99.25, 100.0)
    memory.take(now)
    rows = text(watching.values(now, LANDER, memory, 40, PALETTE))
    lengths = [row.count("━") for row in rows]
    assert lengths[0] < lengths[2] < lengths[1] < lengths[3]
    assert rows[3].startswith("▸ fire right")
    assert "─" not in rows[3]


def test_another_episode_has_its_own_scale() -> None:
    """Values at the end of one say nothing of the beginning of the next."""
    memory = Memory()
    memory.take(frame(-500.0, 0.0))
    memory.take(frame(1.0, 2.0, episode=2, step=0))
    assert memory.span == (1.0, 2.0)


def test_rows_fit_a_narrow_panel() -> None:
    """Names are cut before bars and numbers are."""
    memory, now = Memory(), frame(-1.25, 2.5, 123.75, 12_345.0)
    memory.take(now)
    assert all(len(row) <= 22 for row in text(watching.values(now, LANDER, memory, 22, PALETTE)))


def test_values_that_diverged_are_drawn() -> None:
    """NaN has an empty bar, and breaks nothing."""
    memory, now = Memory(), frame(float("nan"), 1.0)
    memory.take(now)
    assert "–" in text(watching.values(now, LANDER, memory, 30, PALETTE))[0]


def test_solved_is_said_at_the_end_only() -> None:
    """A cost per step is above any threshold at first."""
    during, after = frame(1.0, total=300.0), frame(1.0, total=300.0, over="terminated")
    assert "solved" not in "".join(text(watching.facts(during, LANDER, 1.0, False, PALETTE)))
    assert "solved" in "".join(text(watching.facts(after, LANDER, 1.0, False, PALETTE)))


def test_episodes_are_newest_first_under_their_mean() -> None:
    """As many as there is room for."""
    played = [Played(number, -10.0 * number, 5, "terminated") for number in range(1, 7)]
    rows = text(watching.episodes(played, LANDER, 30, 4, PALETTE))
    assert rows[0] == "Mean of 6  -35 ± 18.7"
    assert [row.split()[0] for row in rows[1:]] == ["6", "5", "4"]
    assert rows[1].count("━") > rows[3].count("━") > 0
