"""What is kept of a screen, as plain JSON and back.

Rule: whatever was kept and does not fit any more is left as it is at first; nothing here raises.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from deeprl_tui.config.prefs import PREFS, Preferences
from deeprl_tui.core.spec import Json
from deeprl_tui.tui.widgets.view import View


def texts_of(kept: object) -> list[str]:
    """A list of texts."""
    if not isinstance(kept, Sequence) or isinstance(kept, str):
        return []
    return [text for text in kept if isinstance(text, str)]


def preferred(view: View, preferences: Preferences) -> View:
    """A view as the user prefers it."""
    return replace(view, smooth=preferences.smoothing, band=preferences.band, axis=preferences.x_axis)  # type: ignore[arg-type]


def view_json(view: View) -> dict[str, Json]:
    """What is kept of a chart's view: how it looks, not which part."""
    return {
        "smooth": view.smooth, "band": view.band, "axis": view.axis, "log_y": view.log_y,
        "seeds": view.seeds, "marks": view.marks,
    }  # fmt: skip


def view_of(kept: object, view: View) -> View:
    """A view with what was kept; whatever does not fit is left out."""
    if not isinstance(kept, Mapping):
        return view
    for name, key in (("smooth", "smoothing"), ("band", "band"), ("axis", "x_axis")):
        with suppress(ValueError):
            change: dict[str, Any] = {name: PREFS[key].checked(kept.get(name))}
            view = replace(view, **change)
    flags = {name: kept[name] for name in ("log_y", "seeds", "marks") if isinstance(kept.get(name), bool)}
    return replace(view, **flags)
