"""Machines of Google Compute Engine: made, listed and deleted by the user's own `gcloud` client.

Rule: what exists is what a listing says, never what a command returned. Every request may be repeated:
it makes what is missing and nothing twice.
"""

import os
from collections.abc import Mapping
from pathlib import Path


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """Where this user's keys are kept: in XDG_STATE_HOME, else in ~/.local/state."""
    state = environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return base / "deeprl-tui" / "gce"


def ssh_config(label: str) -> Path:
    """The configuration with which ssh reaches the machines of a project."""
    return home() / label / "ssh_config"
