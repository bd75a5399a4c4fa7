"""From "module:Name" to the class or function: the only place where code of a project is imported.

Rule: a worker imports the files whose digests its run carries and which this user trusts, from the very bytes
that were checked. Nothing else of the project's folder can be imported, and no cached bytecode is read.
"""

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from deeprl_tui.core.files import read_small
from deeprl_tui.core.plugin import is_path, used
from deeprl_tui.core.spec import RunSpec
from deeprl_tui.core.trust import REMEDY, TrustRecord, digest
from deeprl_tui.errors import DeeprlError

LARGEST = 1 << 20
"""Bytes of one file; `deeprl check` refuses larger ones."""


def admit(spec: RunSpec, project: Path, record: TrustRecord | None = None) -> None:
    """Let this process import the code of a run, and that of no other run.

    project: the folder of the project. Raises DeeprlError for a file that is gone, changed or not trusted.
    """
    _withdraw()
    if not used(spec.env, spec.settings):
        return
    project = project.resolve()
    record = record or TrustRecord()
    verified = {file: _verify(project, file, sha256, record) for file, sha256 in spec.code.items()}
    sys.meta_path.insert(0, _Verified(project, verified))


def resolve(path: str) -> Any:
    """Import what "module:Name" names. Raises DeeprlError if it is not code that was admitted."""
    assert is_path(path), path
    module, _, name = path.partition(":")
    finder = _finder()
    if finder is None or module not in finder.files:
        raise DeeprlError("its file is not among the code of this run", place=path, remedy="launch it again")
    there = sys.modules.get(module)
    if there is not None and getattr(there, "__loader__", None) is not finder:
        raise DeeprlError(
            f"{module} is imported already, from somewhere else", place=path, remedy="rename your file"
        )
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError as error:
        if getattr(error, "name", None) != name:
            raise
        raise DeeprlError(f"{module} has no {name}", place=path, remedy="define it there") from None


def own_frame(filename: str) -> bool:
    """Whether a traceback's file is code of the run's project."""
    finder = _finder()
    return finder is not None and filename in finder.names


def _verify(project: Path, file: str, sha256: str, record: TrustRecord) -> bytes:
    """Read a file that is trusted with this digest."""
    relative = PurePosixPath(file)
    if relative.is_absolute() or ".." in relative.parts or relative.suffix != ".py":
        raise DeeprlError("is no file of this project", place=file, remedy="archive the run")
    path = project / relative
    try:
        data = read_small(path.resolve(), LARGEST + 1)
    except OSError as error:
        raise DeeprlError(
            f"cannot be read ({error.strerror})", place=str(path), remedy="put it back as it was"
        ) from None
    if digest(data) != sha256:
        raise DeeprlError(
            "was changed since this run was launched",
            place=str(path),
            remedy="put it back, or launch anew under another name; deeprl trust shows the files",
        )
    if record.state(path, sha256) != "trusted":
        raise DeeprlError("is not trusted here", place=str(path), remedy=REMEDY)
    return data


class _Verified(MetaPathFinder, SourceLoader):  # type: ignore[misc]  # typeshed disagrees with itself
    """Finds and loads modules among files that were read already."""

    def __init__(self, project: Path, verified: Mapping[str, bytes]) -> None:
        self.files: dict[str, str] = {}  # module: file name
        self._data: dict[str, bytes] = {}
        for file, data in verified.items():
            name = str(project / file)
            parts = PurePosixPath(file).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if module not in self.files or parts[-1] == "__init__":  # a package before a module
                self.files[module] = name
            self._data[name] = data
        self._folders = {
            ".".join(module.split(".")[:depth])
            for module in self.files
            for depth in range(1, module.count(".") + 1)
        }

    @property
    def names(self) -> Mapping[str, bytes]:
        """Names of the files, as tracebacks have them."""
        return self._data

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module among the verified files; a folder without __init__.py is an empty package."""
        file = self.files.get(fullname)
        if file is not None:
            inside: list[str] | None = [] if file.endswith("__init__.py") else None
            return spec_from_file_location(fullname, file, loader=self, submodule_search_locations=inside)
        if fullname in self._folders:
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = []
            return spec
        return None

    def get_filename(self, fullname: str) -> str:
        """The file of a module."""
        return self.files[fullname]

    def get_data(self, path: str | bytes) -> bytes:
        """The bytes that were verified; there is no other file."""
        try:
            return self._data[str(path)]
        except KeyError:
            raise OSError(f"{path!r} is not among the verified files") from None


def _finder() -> _Verified | None:
    return next((one for one in sys.meta_path if isinstance(one, _Verified)), None)


def _withdraw() -> None:
    """Forget the code of a run that this process trained before."""
    finder = _finder()
    if finder is None:
        return
    sys.meta_path.remove(finder)
    for name, module in list(sys.modules.items()):
        if getattr(module, "__loader__", None) is finder:
            del sys.modules[name]
