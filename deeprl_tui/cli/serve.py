"""`deeprl serve`: what ssh starts on a host, for a program on the other side."""

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(hidden=True)(serve)


def serve() -> None:
    """Speak frames on stdout and take requests on stdin, as JSON lines: for deeprl on another machine."""
    from deeprl_tui.ops.serving import Server, speak

    speak(Server(Path.home()), 0, 1)
