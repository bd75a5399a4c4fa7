"""What a host gets: a wheel of this very version, its locked dependencies, an installer, the project's files.

Rule: the same installation always gives the same bytes, so a host that has them is told nothing twice. The
wheel is packed from what runs here, also from an editable install.
"""

import base64
import hashlib
import importlib.util
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PACKAGES = ("deeprl_tui", "deeprl_agents")
NAME = "deeprl-tui"
GPU_ONLY = re.compile(r"(nvidia|cuda|triton|pytorch-triton)\b")
"""Dependencies that a host chooses for itself, by the torch that fits it."""
_NEED = re.compile(r"([A-Za-z0-9._-]+)\s*(\[[^]]*\])?")
_EXTRA = re.compile(r"""extra\s*==\s*["']([\w-]+)""")
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Piece:
    """One file to be sent."""

    name: str  # below where it goes, with slashes
    data: bytes

    @property
    def sha256(self) -> str:
        """Its digest."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python environment for a host: complete, and named by a digest of all that is in it."""

    wheel: Piece
    installer: Piece
    requirements: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits."""
        whole = "\n".join([self.wheel.sha256, *self.requirements])
        return hashlib.sha256(whole.encode()).hexdigest()[:12]


def environment(machine: str = "") -> Environment:
    """Pack what runs here. machine: of the host; one unlike ours gets no compiled libraries."""
    import platform

    libraries = machine in ("", platform.machine())
    return Environment(_our_wheel(libraries), _pip_wheel(), tuple(requirements()))


def requirements() -> list[str]:
    """What is needed, with the versions that are installed here: `name==version`, sorted."""
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo: list[tuple[str, frozenset[str]]] = [(NAME, frozenset())]
    while todo:
        name, extras = todo.pop()
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another platform
        if (_plain(name), extras) in seen or GPU_ONLY.match(_plain(name)):
            continue
        seen.add((_plain(name), extras))
        found[_plain(name)] = distribution.version.partition("+")[0]
        for line in distribution.requires or ():
            extra = _EXTRA.search(line)
            if extra is None or extra[1] in extras:
                needed = _NEED.match(line)
                todo += [(needed[1], frozenset(re.findall(r"[\w-]+", needed[2] or "")))] if needed else []
    del found[_plain(NAME)]
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _our_wheel(libraries: bool) -> Piece:
    distribution = metadata.distribution(NAME)
    files = {path: data for package in PACKAGES for path, data in _package(package, libraries)}
    folder = f"{_plain(NAME).replace('-', '_')}-{distribution.version}"
    for name in ("METADATA", "entry_points.txt"):
        files[f"{folder}.dist-info/{name}"] = (distribution.read_text(name) or "").encode()
    return Piece(f"{folder}-py3-none-any.whl", _zipped(files, f"{folder}.dist-info"))


def _pip_wheel() -> Piece:
    """pip as it is installed here: it runs from its wheel, where Python came without it."""
    distribution = metadata.distribution("pip")
    folder = f"pip-{distribution.version}"
    files = dict(_package("pip", libraries=True))
    for name in ("METADATA", "entry_points.txt"):
        files[f"{folder}.dist-info/{name}"] = (distribution.read_text(name) or "").encode()
    return Piece(f"{folder}-py3-none-any.whl", _zipped(files, f"{folder}.dist-info"))


def _package(name: str, libraries: bool) -> Iterator[tuple[str, bytes]]:
    """The files of an installed package, by their names in a wheel. The package is not imported."""
    spec = importlib.util.find_spec(name)
    for place in (spec.submodule_search_locations if spec else None) or ():
        root = Path(place)
        for file in sorted(root.rglob("*")):
            unwanted = "__pycache__" in file.parts or file.suffix == ".pyc"
            if file.is_file() and not unwanted and (libraries or file.suffix != ".so"):
                yield f"{name}/{file.relative_to(root).as_posix()}", file.read_bytes()


def _zipped(files: Mapping[str, bytes], info: str) -> bytes:
    tags = "Wheel-Version: 1.0\nGenerator: deeprl\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    whole = {**files, f"{info}/WHEEL": tags.encode()}
    record = [f"{name},sha256={_b64(data)},{len(data)}" for name, data in sorted(whole.items())]
    whole[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(whole.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return out.getvalue()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
