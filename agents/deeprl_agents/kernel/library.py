"""Finds and loads the kernel that fits this CPU.

Rule: where there is none, training goes on without it; `reason` says why. $DEEPRL_KERNEL takes another rung
of the ladder: avx512, avx2, baseline, numpy (no kernel), torch (neither kernel nor numpy).
"""

import ctypes
import functools
import os
from collections.abc import Mapping
from pathlib import Path

from deeprl_agents.kernel import compile as kernel_compile
from deeprl_agents.kernel import layouts
from deeprl_tui.errors import DeeprlError

CHOICE = "DEEPRL_KERNEL"
RUNGS = ("avx512", "avx2", "baseline", "numpy", "torch")
LARGE = 4096
"""Parameters from which on the widest vectors pay: below, what surrounds them costs more than they save."""
NEEDS = {
    "avx512": ("avx512f", "avx512dq", "avx512vl", "avx512bw", "avx2", "fma", "bmi2"),
    "avx2": ("avx2", "fma", "bmi2"),
    "baseline": (),
}


def highest(environ: Mapping[str, str] = os.environ) -> str:
    """The highest rung of the ladder that may be taken. Raises DeeprlError on a word that is none."""
    rung = environ.get(CHOICE, RUNGS[0])
    if rung not in RUNGS:
        raise DeeprlError(f"unknown rung {rung!r}", place=CHOICE, remedy=f"use one of {', '.join(RUNGS)}")
    return rung


def load(parameters: int = LARGE) -> ctypes.CDLL | None:
    """The best library for this CPU and a network of so many parameters; None: take the numpy path."""
    return _load(_rung(parameters))[0]


def level(parameters: int = LARGE) -> str:
    """The level of the loaded library, or nothing."""
    return _load(_rung(parameters))[1]


def reason() -> str:
    """Why there is no library, or nothing."""
    return _load(highest())[2]


def _rung(parameters: int) -> str:
    return "avx2" if CHOICE not in os.environ and parameters < LARGE else highest()


def identity() -> str:
    """Name what computes networks of any size: two processes with the same one get the same bits."""
    library = load()
    if library is None:
        return "torch" if highest() == "torch" else "numpy"
    return f"c {level()}, {level(0)} if small, {library.kernel_source().decode()}"


@functools.cache
def _load(rung: str) -> tuple[ctypes.CDLL | None, str, str]:
    if rung in ("numpy", "torch"):
        return None, "", f"{CHOICE} is {rung}"
    flags = _cpu_flags()
    why = "the kernel is not built: no C compiler was found when the package was built"
    for level in RUNGS[RUNGS.index(rung) : 3]:
        path = kernel_compile.library_path(level)
        if not path.exists() or not flags.issuperset(NEEDS[level]):
            continue
        library = ctypes.CDLL(str(path))
        library.kernel_source.restype = ctypes.c_char_p
        if library.kernel_source().decode() == kernel_compile.source_hash():
            layouts.declare(library)
            return library, level, ""
        why = f"{path.name} is older than its sources: build the package again"
    return None, "", why


def _cpu_flags() -> frozenset[str]:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                return frozenset(line.split(":", 1)[1].split())
    except OSError:
        pass
    return frozenset()
