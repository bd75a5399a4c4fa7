"""Making a host ready for a project. Imported only where that is asked for: packing needs slow modules."""

from collections.abc import Callable, Sequence
from pathlib import Path

from deeprl_tui.config import Project
from deeprl_tui.core.trust import REMEDY
from deeprl_tui.errors import RefusedError
from deeprl_tui.hosts import push as pushing
from deeprl_tui.hosts.parcel import Piece
from deeprl_tui.ops.project import code_files
from deeprl_tui.ops.remote import Hosts


def push(
    hosts: Hosts, project: Project, name: str, *, wheels: Sequence[Piece] = (), say: Callable[[str], None]
) -> pushing.Pushed:
    """Make a host ready for a project: environment, experiments.toml, plug-ins, and trust in them.

    Raises HostError, and RefusedError for plug-ins that are not trusted here.
    """
    host = hosts.host(name)
    folder, file = Path(project.path).resolve().parent, Path(project.path)
    code = code_files(project)
    for one in code:
        if one.trust != "trusted":
            raise RefusedError(f"{one.file} is not trusted", place=str(folder), remedy=REMEDY)
    pieces = [Piece(file.name, file.read_bytes()), *(Piece(one.file, one.path.read_bytes()) for one in code)]
    done = pushing.push(host, hosts.place(host), pieces, wheels=wheels, say=say)
    hosts.again(name)
    if code:
        hosts.call(name, "trust", {"files": {one.file: one.sha256 for one in code}})
    return done
