"""`deeprl completion SHELL`: the script that a shell sources."""

from typing import Annotated

import typer

from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import misused

SHELLS = ("bash", "zsh", "fish")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(completion)


def prepare() -> None:
    """Teach click the shells; costs nothing unless a shell asks."""
    from typer.completion import completion_init  # type: ignore[attr-defined]

    completion_init()


def completion(shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish")]) -> int:
    """Write the script that completes names in a shell.

    For bash: eval "$(deeprl completion bash)"
    """
    if shell not in SHELLS:
        raise misused("completion", f'no shell "{shell}"', f"there are {', '.join(SHELLS)}")
    from typer._completion_shared import get_completion_script

    output = Output()
    output.text(get_completion_script(prog_name="deeprl", complete_var="_DEEPRL_COMPLETE", shell=shell))
    return 0
