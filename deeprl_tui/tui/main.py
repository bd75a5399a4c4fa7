"""`deeprl-tui`: arguments, terminal, theme, and then the app.

Rule: nothing is drawn on what is no terminal; what is said goes to stderr, and the exit code tells the rest.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import deeprl_tui
from deeprl_tui.errors import DeeprlError, ExitCode, UnknownNameError

if TYPE_CHECKING:
    from deeprl_tui.config.prefs import Store
    from deeprl_tui.monitor.fleet import Fleet
    from deeprl_tui.ops import Everywhere
    from deeprl_tui.tui.app import Workspace

_EPILOG = """\
examples:
  deeprl-tui                                   watch the runs of the nearest experiments.toml
  deeprl-tui --launch CP_basic --seeds 2       launch two runs, then watch them
  deeprl-tui --runs /data/runs                 watch another runs folder
  deeprl-tui --demo                            look around in recorded runs

Quitting never stops a run: deeprl stop --all does.
Without a terminal use deeprl ls, or deeprl ls --json for programs.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the dashboard. Returns the exit code."""
    options = _parser().parse_args(arguments)
    why = "" if options.serve or _is_served() else _no_terminal()
    if why:
        sys.stderr.write(f"deeprl-tui: {why}; deeprl ls prints the runs as text\n")
        return ExitCode.USAGE
    try:
        if options.serve:
            from deeprl_tui.tui.serve import serve

            words = list(sys.argv[1:] if arguments is None else arguments)
            serve(app_arguments(words), options.host, options.port)
            return ExitCode.OK
        return _run(options)
    except DeeprlError as error:
        sys.stderr.write(f"deeprl-tui: {error}\n")
        return error.exit_code


def _run(options: argparse.Namespace) -> int:
    from deeprl_tui.config.prefs import Store
    from deeprl_tui.tui import detect
    from deeprl_tui.tui.app import DeeprlApp

    store = None if options.forget else Store.of()
    workspace = _demo(store) if options.demo else _workspace(options, store)
    wish = detect.COLORLESS if options.theme == "ansi" else options.theme
    saved = workspace.kept.preferences.theme
    theme = detect.choose_theme(wish, os.environ, detect.terminal_background, saved)
    app = DeeprlApp(workspace, theme)
    app.run()
    if app.left_runs:
        many = app.left_runs
        words = "1 run goes on" if many == 1 else f"{many} runs go on"
        end = "it" if many == 1 else "them"
        sys.stdout.write(f"{words}; deeprl-tui to look again, deeprl stop --all to end {end}\n")
    return app.return_code or 0


def _workspace(options: argparse.Namespace, store: "Store | None") -> "Workspace":
    from deeprl_tui import ops
    from deeprl_tui.config.prefs import load_kept
    from deeprl_tui.monitor.fleet import Fleet
    from deeprl_tui.tui.app import Workspace

    file = _file(options.file)
    if options.launch and file is None:
        raise UnknownNameError(
            "no experiments.toml here or above", place=str(Path.cwd()), remedy="go to a project or use --file"
        )
    root = Path(options.runs).resolve() if options.runs else ops.runs_root(file or Path("experiments.toml"))
    return Workspace(
        file=file,
        root=root,
        fleet=Fleet(time.time),
        watch=partial(_watch, file),
        supervise=ops.supervise,
        launch=tuple(options.launch or ()),
        seeds=options.seeds,
        kept=load_kept(store, root if options.runs or file is None else file.resolve()),
    )


def _watch(file: Path | None, root: Path, fleet: "Fleet") -> "Everywhere":
    """Follow the runs here and on all hosts of the project; called in the background."""
    from deeprl_tui import ops

    return ops.watch_everywhere(ops.check(file).project if file else None, root, fleet)


def _demo(store: "Store | None") -> "Workspace":
    """Recorded runs in place of a project; of what was kept only the preferences count."""
    from deeprl_tui.config.prefs import Kept, load_kept
    from deeprl_tui.monitor import demo
    from deeprl_tui.monitor.fleet import Fleet
    from deeprl_tui.tui.app import Workspace

    fleet = Fleet(time.time)
    feed = demo.DemoFeed(fleet, time.time)

    def watch(_: Path, __: Fleet) -> demo.DemoFeed:
        feed.start()
        return feed

    return Workspace(
        file=demo.FILE,
        root=demo.FOLDER / "none",
        fleet=fleet,
        watch=watch,
        supervise=lambda _: None,
        files=feed,
        demo=True,
        kept=Kept(preferences=load_kept(store, demo.FILE).preferences),
    )


def _file(option: str | None) -> Path | None:
    from deeprl_tui import ops

    if option is None:
        try:
            return ops.find_project(Path.cwd())
        except UnknownNameError:
            return None
    file = Path(option)
    if file.is_dir():
        file = file / "experiments.toml"
    if not file.is_file():
        raise UnknownNameError(
            "no such file", place=str(file), remedy="name an experiments.toml or its folder"
        )
    return file


def app_arguments(words: Sequence[str]) -> list[str]:
    """What the app in a web page is started with: all but what is about the page."""
    left: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, _ = word.partition("=")
        if name in ("--host", "--port"):
            if not equals:
                next(rest, None)
        elif word != "--serve":
            left.append(word)
    return left


def _is_served() -> bool:
    return "web_driver" in os.environ.get("TEXTUAL_DRIVER", "")


def _no_terminal() -> str:
    names = [
        name
        for name, stream in (("stdin", sys.stdin), ("stdout", sys.stdout), ("stderr", sys.stderr))
        if not stream.isatty()
    ]
    if names:
        verb = "is" if len(names) == 1 else "are"
        return f"{' and '.join(names)} {verb} not a terminal"
    return "TERM=dumb cannot draw a dashboard" if os.environ.get("TERM") == "dumb" else ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deeprl-tui",
        allow_abbrev=False,
        description="Launch, watch, pause and stop reinforcement learning runs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--file", metavar="PATH", help="experiments.toml, or its folder (default: here or above)"
    )
    parser.add_argument("--runs", metavar="PATH", help="runs folder (default: runs beside experiments.toml)")
    parser.add_argument("--theme", choices=["auto", "night", "day", "ansi"], default="auto")
    parser.add_argument(
        "--launch", metavar="NAME", nargs="+", help="launch these first; harmless if they run"
    )
    parser.add_argument("--seeds", metavar="SEEDS", help="seeds to launch: 5, or 0,3,7, or 0-4")
    parser.add_argument(
        "--demo", action="store_true", help="look around in recorded runs; nothing is trained"
    )
    parser.add_argument("--serve", action="store_true", help="in a web page on this machine: see --port")
    parser.add_argument("--port", type=int, default=8000, help="port of the web page (default: 8000)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address of the web page (default: this machine only)"
    )
    parser.add_argument(
        "--forget", action="store_true", help="begin as at first: no settings are read, none are kept"
    )
    parser.add_argument("--version", action="version", version=f"deeprl-tui {deeprl_tui.__version__}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
