"""The files behind a "module:Name", read and never imported: the module and what it imports of its project.

Rule: what a module imports by an import statement, anywhere in it, is followed through the project's folder
and listed; the worker can import nothing else from there. Python's and the learner's own names come first.
"""

import ast
import itertools
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deeprl_tui.config.text import LONGEST, Fault, nearest, shown
from deeprl_tui.core.files import read_small
from deeprl_tui.core.trust import digest

LARGEST = 1 << 20
"""Bytes of one file."""
MOST_FILES = 200
"""Files behind one plug-in."""
NEIGHBORS = 1000
"""Files that are looked through for a suggestion."""

TAKEN = sys.stdlib_module_names | {
    "deeprl_agents",
    "deeprl_tui",
    "gymnasium",
    "numpy",
    "stable_baselines3",
    "torch",
}
"""Names at which a worker finds something else than a file of the project."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a plug-in's code."""

    file: str  # below the project's folder, with slashes
    sha256: str
    imported_by: str = ""  # another file, or nothing for the module that an experiment names


def sources(folder: Path, path: str) -> tuple[Source, ...]:
    """List the code behind "module:Name", its own module first. Raises Fault if it cannot be used."""
    return _Walk(folder).run(path)


def file_of(folder: Path, module: str) -> Path | None:
    """Find a module's file as Python does: a package before a module."""
    base = folder.joinpath(*module.split("."))
    for file in (base / "__init__.py", base.with_name(f"{base.name}.py")):
        if file.is_file():
            return file
    return None


class _Walk:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[str, Source] = {}

    def run(self, path: str) -> tuple[Source, ...]:
        module, _, name = path.partition(":")
        if module.split(".")[0] in TAKEN:
            raise Fault(f"{module} is a module of Python's or of this tool", "rename your file")
        file = file_of(self._folder, module)
        if file is None:
            raise Fault(f"no module {module}: {self._missing(module)}", self._suggestion(module, name))
        todo = [(name, file, "") for name, file in self._files(module)]
        todo.sort(key=lambda one: one[1] != file)
        while todo:
            dotted, file, importer = todo.pop(0)
            place = file.relative_to(self._folder).as_posix()
            if place in self._found:
                continue
            if len(self._found) >= MOST_FILES:
                raise Fault(f"{module} imports more than {MOST_FILES} files of the project", "import fewer")
            data = _read(file, place)
            self._found[place] = Source(place, digest(data), importer)
            tree = _parse(data, place)
            if not importer and dotted == module:
                _check_name(tree, name, module)
            package = dotted if file.name == "__init__.py" else dotted.rpartition(".")[0]
            for imported in _imported(tree, package):
                todo += [(each, where, place) for each, where in self._files(imported)]
        return tuple(self._found.values())

    def _files(self, module: str) -> Iterator[tuple[str, Path]]:
        """Find the files that importing a module runs: of the packages above it, and its own."""
        parts = module.split(".")
        if parts[0] in TAKEN:
            return
        for length in range(1, len(parts) + 1):
            name = ".".join(parts[:length])
            file = file_of(self._folder, name)
            if file is not None:
                yield name, file

    def _missing(self, module: str) -> str:
        place = "/".join(module.split(".")) + ".py"
        folder = str(self._folder)
        return f"there is no {place} in {shown(folder if len(folder) <= LONGEST else '...' + folder[-50:])}"

    def _suggestion(self, module: str, name: str) -> str:
        near = nearest(module, self._neighbors())
        return f"did you mean {near}:{name}?" if near else "write the file, or correct the name"

    def _neighbors(self) -> Iterator[str]:
        for file in itertools.islice(
            itertools.chain(self._folder.glob("*.py"), self._folder.glob("*/*.py")), NEIGHBORS
        ):
            parts = file.relative_to(self._folder).with_suffix("").parts
            dotted = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if dotted and all(part.isidentifier() for part in dotted.split(".")):
                yield dotted


def _read(file: Path, place: str) -> bytes:
    try:
        data = read_small(file.resolve(), LARGEST + 1)
    except OSError as error:
        raise Fault(f"{shown(place)} cannot be read ({error.strerror})") from None
    if len(data) > LARGEST:
        raise Fault(f"{shown(place)} is larger than {LARGEST} bytes", "split it")
    return data


def _parse(data: bytes, place: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data)
    except SyntaxError as error:
        line = f" in line {error.lineno}" if error.lineno else ""
        raise Fault(f"{shown(place)} is not Python{line}: {shown(error.msg)}", "correct it") from None
    except (ValueError, RecursionError, MemoryError):
        raise Fault(f"{shown(place)} is not Python", "correct it") from None


def _check_name(tree: ast.Module, name: str, module: str) -> None:
    names = set(_defined(tree.body))
    if name in names or names & {"*", "__getattr__"}:
        return
    near = nearest(name, [one for one in names if not one.startswith("_")])
    remedy = f"did you mean {module}:{near}?" if near else "define it there, or correct the name"
    raise Fault(f"{module} has no {name}", remedy)


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    """Name what a module defines at its top, also below if, try and with; * stands for anything."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
            case ast.Assign() | ast.AnnAssign():
                yield from (part.id for part in ast.walk(node) if isinstance(part, ast.Name))
            case _:
                for block in ("body", "orelse", "finalbody"):
                    yield from _defined(getattr(node, block, []))
                for handler in getattr(node, "handlers", []):
                    yield from _defined(handler.body)


def _imported(tree: ast.Module, package: str) -> Iterator[str]:
    """Name the modules that import statements may load; what is no module is not found later."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if package else []
            if node.level > len(parts):
                continue  # beyond the top; Python refuses it
            above = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            if base:
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
