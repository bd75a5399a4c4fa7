"""What a dashboard watches: the runs folder of this machine, and all hosts of its project."""

from pathlib import Path

from deeprl_tui.config import Project
from deeprl_tui.monitor.feed import LocalFeed
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.ops import reading
from deeprl_tui.ops.remote import Hosts, hosts_of


class Everywhere:
    """The feed of a dashboard."""

    def __init__(self, local: LocalFeed, hosts: Hosts) -> None:
        self._local = local
        self.hosts = hosts

    def wake(self) -> None:
        """Look at once."""
        self._local.wake()
        self.hosts.wake()

    def close(self) -> None:
        """End."""
        self.hosts.close()
        self._local.close()


def watch_everywhere(project: Project | None, root: Path, fleet: Fleet) -> Everywhere:
    """Begin to follow a runs folder and the hosts that its project knows."""
    hosts = hosts_of(root, project, fleet)
    local = reading.watch(root, fleet)
    hosts.pull_in_background()
    hosts.attach()
    return Everywhere(local, hosts)
