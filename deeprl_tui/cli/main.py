"""`deeprl`: the verbs, their help, and the one place where errors are printed.

Rule: a verb raises or returns; exit codes are those of `ExitCode`, and 141 when nobody reads stdout.
"""

import contextlib
import os
import signal
import sys
from typing import Annotated, NoReturn

import typer

import deeprl_tui
from deeprl_tui.cli import (
    attach,
    check,
    compare,
    completion,
    control,
    doctor,
    gce,
    hosts,
    plan,
    play,
    pull,
    read,
    run,
    serve,
    show,
    takeout,
    trust,
)
from deeprl_tui.cli.output import NobodyReadsError, Output
from deeprl_tui.errors import DeeprlError, ExitCode

PROGRAM = "deeprl"
COMPLETE = "_DEEPRL_COMPLETE"

EPILOG = """\b
Examples:
  deeprl init                          write an experiments.toml to start from
  deeprl check                         every problem of experiments.toml
  deeprl plan 'LL_*' --seeds 5         what would run: cores, memory, hours
  deeprl run CP_basic --seeds 2        train, one core for each run, and watch
  deeprl run CP_basic --set gamma=0.9  filed as CP_basic+gamma=0.9
  deeprl run CP_basic --headless >log  plain lines, for scripts
  deeprl ls --json | jq .return_mean   one object for each run
  deeprl compare 'LL_*'                which experiments beat their baseline
  deeprl report -o results.html        one page to send to a colleague
  deeprl play LL_basic                 watch its best seed play
  deeprl stop CP_basic/1               at its next checkpoint
  deeprl run 'LL_*' --on lab,local     on that host and on this machine

\b
Exit codes:
  0 ok    1 a run did not finish    2 bad arguments or experiments.toml
  3 no such experiment or run       4 a host does not answer
  5 refused, or not all could be done    130 ctrl+c    143 terminated

\b
The dashboard is deeprl-tui.
"""

_USAGE: type[Exception] = typer.BadParameter.__mro__[1]
"""click's UsageError, whether typer brings click along or imports it."""

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

check.register(app)
plan.register(app)
run.register(app)
read.register(app)
show.register(app)
compare.register(app)
takeout.register(app)
play.register(app)
control.register(app)
doctor.register(app)
trust.register(app)
hosts.register(app)
gce.register(app)
attach.register(app)
pull.register(app)
serve.register(app)
completion.register(app)


@app.callback(invoke_without_command=True, epilog=EPILOG)
def _deeprl(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Train deep Q-networks: many experiments, one core for each run, from one file."""
    if version:
        Output().line(f"{PROGRAM} {deeprl_tui.__version__}")
    elif context.invoked_subcommand is None:
        Output().text(context.get_help())


def call(arguments: list[str]) -> int:
    """Run one command line; the exit code."""
    output = Output()
    if COMPLETE in os.environ:
        completion.prepare()
    try:
        code = typer.main.get_command(app).main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except DeeprlError as error:
        output.error(error)
        return error.exit_code
    except _USAGE as error:
        output.say(f"{PROGRAM}: {_usage(error)}")
        return ExitCode.USAGE
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.CTRL_C
    except NobodyReadsError:
        return _nobody_reads()
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        output.say(f"{PROGRAM}: {place}{error.strerror or error}")
        return ExitCode.FAILED
    return int(code) if isinstance(code, int) else ExitCode.OK


def main() -> NoReturn:
    """Entry point."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.exit(call(sys.argv[1:]))


def _usage(error: Exception) -> str:
    message = " ".join(str(getattr(error, "format_message", error.__str__)()).split()).rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{message}; see {context.command_path if context else PROGRAM} --help"


def _nobody_reads() -> int:
    """Leave no second error behind: the interpreter flushes stdout at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + signal.SIGPIPE
