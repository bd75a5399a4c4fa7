"""The screens: dashboard, one experiment, and the dialogs.

Rule: a screen asks pure functions what to say and gives it to widgets; slow things run in the background.
"""

from collections.abc import Mapping
from typing import Final

SCREENS: Final[Mapping[str, tuple[str, str]]] = {
    "dashboard": ("deeprl_tui.tui.screens.dashboard", "Dashboard"),
    "results": ("deeprl_tui.tui.screens.results", "ResultsScreen"),
    "hosts": ("deeprl_tui.tui.screens.hosts", "HostsScreen"),
    "settings": ("deeprl_tui.tui.screens.settings", "SettingsScreen"),
}
"""Screens that have a digit: place -> module and class, imported when one is first shown."""
