"""One function per thing a user can ask for; both front ends call these and nothing below.

Rule: no printing, no asking, no screen. Every request may be repeated. Modules that need numpy are imported
inside the functions that need them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deeprl_tui.ops.asking import Answer as Answer
    from deeprl_tui.ops.everywhere import Everywhere as Everywhere
    from deeprl_tui.ops.everywhere import watch_everywhere as watch_everywhere
    from deeprl_tui.ops.judging import compare as compare
    from deeprl_tui.ops.judging import summaries as summaries
    from deeprl_tui.ops.judging import verdicts as verdicts
    from deeprl_tui.ops.launching import Launched as Launched
    from deeprl_tui.ops.launching import conflicts as conflicts
    from deeprl_tui.ops.launching import disk as disk
    from deeprl_tui.ops.launching import kind as kind
    from deeprl_tui.ops.launching import launch as launch
    from deeprl_tui.ops.launching import launch_specs as launch_specs
    from deeprl_tui.ops.launching import measure as measure
    from deeprl_tui.ops.launching import plan as plan
    from deeprl_tui.ops.launching import specs as specs
    from deeprl_tui.ops.launching import speeds as speeds
    from deeprl_tui.ops.launching import supervise as supervise
    from deeprl_tui.ops.launching import supervised as supervised
    from deeprl_tui.ops.moving import Tools as Tools
    from deeprl_tui.ops.moving import move as move
    from deeprl_tui.ops.planning import Spread as Spread
    from deeprl_tui.ops.planning import plan_on as plan_on
    from deeprl_tui.ops.playing import best_seed as best_seed
    from deeprl_tui.ops.playing import play as play
    from deeprl_tui.ops.playing import record as record
    from deeprl_tui.ops.project import RUNS as RUNS
    from deeprl_tui.ops.project import Request as Request
    from deeprl_tui.ops.project import check as check
    from deeprl_tui.ops.project import check_if_changed as check_if_changed
    from deeprl_tui.ops.project import choose as choose
    from deeprl_tui.ops.project import code_files as code_files
    from deeprl_tui.ops.project import find_project as find_project
    from deeprl_tui.ops.project import make_project as make_project
    from deeprl_tui.ops.project import runs_root as runs_root
    from deeprl_tui.ops.pulling import Brought as Brought
    from deeprl_tui.ops.pulling import pull as pull
    from deeprl_tui.ops.reading import RunFiles as RunFiles
    from deeprl_tui.ops.reading import clock as clock
    from deeprl_tui.ops.reading import clock_of as clock_of
    from deeprl_tui.ops.reading import cores as cores
    from deeprl_tui.ops.reading import read_runs as read_runs
    from deeprl_tui.ops.reading import run_log as run_log
    from deeprl_tui.ops.reading import views_of as views_of
    from deeprl_tui.ops.reading import watch as watch
    from deeprl_tui.ops.remote import Hosts as Hosts
    from deeprl_tui.ops.remote import hosts_of as hosts_of
    from deeprl_tui.ops.results import list_runs as list_runs
    from deeprl_tui.ops.results import read_records as read_records
    from deeprl_tui.ops.routing import ask as ask
    from deeprl_tui.ops.routing import resume as resume
    from deeprl_tui.ops.sending import Sent as Sent
    from deeprl_tui.ops.sending import launch_on as launch_on
    from deeprl_tui.ops.sending import place as place
    from deeprl_tui.ops.sending import rooms as rooms
    from deeprl_tui.ops.takeout import card as card
    from deeprl_tui.ops.takeout import export as export
    from deeprl_tui.ops.takeout import export_records as export_records
    from deeprl_tui.ops.takeout import plot as plot
    from deeprl_tui.ops.takeout import report as report
    from deeprl_tui.ops.tidying import Holding as Holding
    from deeprl_tui.ops.tidying import left_on as left_on
    from deeprl_tui.ops.tidying import look as look
    from deeprl_tui.ops.tidying import tidy as tidy
    from deeprl_tui.runs.code import CodeFile as CodeFile
    from deeprl_tui.runs.code import trust as trust
    from deeprl_tui.runs.find import find_runs as find_runs
    from deeprl_tui.runs.find import worker_log as worker_log
    from deeprl_tui.runs.history import FileFact as FileFact
    from deeprl_tui.runs.history import Told as Told
    from deeprl_tui.runs.history import traceback_of as traceback_of

_HOMES = {
    "deeprl_tui.ops.asking": ("Answer",),
    "deeprl_tui.ops.everywhere": (
        "Everywhere",
        "watch_everywhere",
    ),
    "deeprl_tui.ops.judging": (
        "compare",
        "summaries",
        "verdicts",
    ),
    "deeprl_tui.ops.launching": (
        "Launched",
        "conflicts",
        "disk",
        "kind",
        "launch",
        "launch_specs",
        "measure",
        "plan",
        "specs",
        "speeds",
        "supervise",
        "supervised",
    ),
    "deeprl_tui.ops.moving": (
        "Tools",
        "move",
    ),
    "deeprl_tui.ops.planning": (
        "Spread",
        "plan_on",
    ),
    "deeprl_tui.ops.playing": (
        "best_seed",
        "play",
        "record",
    ),
    "deeprl_tui.ops.project": (
        "RUNS",
        "Request",
        "check",
        "check_if_changed",
        "choose",
        "code_files",
        "find_project",
        "make_project",
        "runs_root",
    ),
    "deeprl_tui.ops.pulling": (
        "Brought",
        "pull",
    ),
    "deeprl_tui.ops.reading": (
        "RunFiles",
        "clock",
        "clock_of",
        "cores",
        "read_runs",
        "run_log",
        "views_of",
        "watch",
    ),
    "deeprl_tui.ops.remote": (
        "Hosts",
        "hosts_of",
    ),
    "deeprl_tui.ops.results": (
        "list_runs",
        "read_records",
    ),
    "deeprl_tui.ops.routing": (
        "ask",
        "resume",
    ),
    "deeprl_tui.ops.sending": (
        "Sent",
        "launch_on",
        "place",
        "rooms",
    ),
    "deeprl_tui.ops.takeout": (
        "card",
        "export",
        "export_records",
        "plot",
        "report",
    ),
    "deeprl_tui.ops.tidying": (
        "Holding",
        "left_on",
        "look",
        "tidy",
    ),
    "deeprl_tui.runs.code": (
        "CodeFile",
        "trust",
    ),
    "deeprl_tui.runs.find": (
        "find_runs",
        "worker_log",
    ),
    "deeprl_tui.runs.history": (
        "FileFact",
        "Told",
        "traceback_of",
    ),
}
"""Who has what: a module is imported when something of it is first asked for, so that screens begin early."""
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(module), name)
    return found
