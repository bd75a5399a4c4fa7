"""Compiles the kernel: one shared library for each level of instructions that this machine's compiler knows.

    python -m deeprl_agents.kernel.compile

Runs when the package is built. Standard library only: a build needs nothing but a C compiler ($CC, cc).
Without one there is no library, and training takes the numpy path.
"""

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
LIBRARIES = FOLDER / "lib"
SOURCES = ("network.c", "loop.c", "replay.c", "image.c")
HEADER = "kernel.h"

COMMON = (
    "-std=c11",
    "-O3",
    "-fPIC",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-fno-math-errno",
    "-fno-trapping-math",
)
STRICT = ("-ffp-contract=off",)
RELAXED = ("-ffp-contract=fast", "-fno-signed-zeros")
"""For network.c: fused multiply-add. Never -ffast-math: linked in, it would change the whole process."""

X86_LEVELS = {
    "baseline": (),
    "avx2": ("-mavx2", "-mfma", "-mbmi2"),
    "avx512": (
        *("-mavx2", "-mfma", "-mbmi2", "-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw"),
        "-mprefer-vector-width=512",
    ),
}


def levels() -> dict[str, tuple[str, ...]]:
    """The compiler's flags for each level of this machine's kind, lowest first."""
    return X86_LEVELS if platform.machine().lower() in ("x86_64", "amd64") else {"baseline": ()}


def source_hash(folder: Path = FOLDER) -> str:
    """Digest the sources; a library with another one is out of date."""
    digest = hashlib.sha256()
    for name in (HEADER, *SOURCES):
        digest.update(name.encode() + b"\0" + (folder / name).read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def library_path(level: str) -> Path:
    """Where the library of a level is."""
    return LIBRARIES / f"deeprl-{level}.so"


def compiler() -> list[str] | None:
    """The C compiler's command; None if there is none."""
    command = shlex.split(os.environ.get("CC", "cc"))
    return command if command and shutil.which(command[0]) else None


def build() -> list[Path]:
    """Compile all levels. Raises subprocess.CalledProcessError; returns nothing if there is no compiler."""
    command = compiler()
    if command is None:
        return []
    LIBRARIES.mkdir(exist_ok=True)
    return [_build_level(command, level, flags) for level, flags in levels().items()]


def _build_level(command: list[str], level: str, flags: tuple[str, ...]) -> Path:
    target = library_path(level)
    fresh = target.with_suffix(f".{os.getpid()}.tmp")
    objects = []
    try:
        for name in SOURCES:
            made = target.with_suffix(f".{os.getpid()}.{name}.o")
            objects.append(made)
            floats = RELAXED if name == "network.c" else STRICT
            define = f'-DSOURCE_HASH="{source_hash()}"'
            arguments = [*COMMON, *flags, *floats, define, "-c", str(FOLDER / name), "-o", str(made)]
            subprocess.run([*command, *arguments], check=True)
        subprocess.run(
            [*command, "-shared", "-o", str(fresh), *(str(made) for made in objects), "-lm"], check=True
        )
        fresh.replace(target)  # a process that has the old one loaded keeps it
    finally:
        for made in (*objects, fresh):
            made.unlink(missing_ok=True)
    return target


if __name__ == "__main__":
    built = build()
    if not built:
        sys.exit("no C compiler ($CC, cc): training will take the numpy path")
