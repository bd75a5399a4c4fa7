"""`python -m deeprl_tui.supervisor RUNS_FOLDER [CORES]`: what a launcher starts on a host."""

import sys
import time
from pathlib import Path

from deeprl_tui.errors import DeeprlError, ExitCode
from deeprl_tui.supervisor.loop import Supervisor


def main(arguments: list[str]) -> int:
    """Supervise one runs folder until nothing is left to do."""
    if not 1 <= len(arguments) <= 2 or not all(text.isdigit() for text in arguments[1:]):
        print("usage: python -m deeprl_tui.supervisor RUNS_FOLDER [CORES]", file=sys.stderr)  # noqa: T201
        return ExitCode.USAGE
    cores = int(arguments[1]) if len(arguments) == 2 else None

    def say(text: str) -> None:
        print(time.strftime("%H:%M:%S"), text, flush=True)  # noqa: T201

    try:
        return Supervisor(Path(arguments[0]), cores=cores, say=say).run()
    except DeeprlError as error:
        print(f"deeprl: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
