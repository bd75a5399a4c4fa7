"""`deeprl`, and `python -m deeprl_tui`.

Rule: a host that serves answers without loading the command line, which takes several times longer.
"""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Entry point."""
    if sys.argv[1:] == ["serve"]:
        _serve()
        sys.exit()
    from deeprl_tui.cli.main import main as command

    command()


def _serve() -> None:
    from contextlib import suppress
    from pathlib import Path

    from deeprl_tui.ops.serving import Server, speak

    with suppress(KeyboardInterrupt):
        speak(Server(Path.home()), 0, 1)


if __name__ == "__main__":
    main()
