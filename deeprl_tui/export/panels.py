"""Which curves go into which picture: one for each env, the baseline first, colors by place."""

from collections.abc import Callable, Sequence

from deeprl_tui.export.draw import Group, Looks, Panel
from deeprl_tui.export.logs import Log
from deeprl_tui.export.series import samples
from deeprl_tui.runs.record import Record


def experiments(records: Sequence[Record]) -> list[str]:
    """Names of the experiments of one env, the baseline first: the order of colors, rows and panels."""
    baselines = {record.baseline for record in records}
    return sorted(
        {record.id.experiment for record in records}, key=lambda name: (name not in baselines, name)
    )


def by_env(records: Sequence[Record], logs: Callable[[Record], Log], looks: Looks) -> list[Panel]:
    """A panel for each env in which some run has a value; in it a group for each experiment with one."""
    panels = []
    for env in dict.fromkeys(record.env for record in records):
        here = [record for record in records if record.env == env]
        groups = []
        for color, name in enumerate(experiments(here)):
            runs = [
                samples(logs(record), looks.metric, looks.axis, looks.smooth)
                for record in here
                if record.id.experiment == name
            ]
            if any(len(run.x) for run in runs):
                groups.append(Group(name, color, runs))
        if groups:
            solved = next((record.solved for record in here if record.solved is not None), None)
            panels.append(Panel(env, groups, solved))
    return panels
