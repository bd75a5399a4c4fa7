"""All that may change a result in its last bit: a run that goes on under another fingerprint is inexact.

Torch, MKL and oneDNN choose their code by the processor. MKL_CBWR=AVX2 ATEN_CPU_CAPABILITY=avx2 would make
dense layers alike on AVX2 and AVX-512, at a tenth to a fifth of the speed, and leave convolutions as they are
(ONEDNN_MAX_CPU_ISA=AVX2: another quarter). So the tool sets none of them; who needs it sets them, and they
are part of the fingerprint.
Rule: nothing here draws a random number or changes how anything is computed.
"""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from deeprl_agents.kernel import library

PACKAGES = ("deeprl-tui", "torch", "stable_baselines3", "gymnasium", "numpy", "box2d")
LEVELS = (("avx512f", "avx512dq", "avx512vl", "avx512bw"), ("avx2", "fma"), ("sse4_2",))
SWITCHES = (
    "ATEN_CPU_CAPABILITY",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "NPY_DISABLE_CPU_FEATURES",
)
"""Of the environment: each makes a library take other code."""


def fingerprint(
    environ: Mapping[str, str] = os.environ, cpuinfo: Path = Path("/proc/cpuinfo")
) -> dict[str, str]:
    """Name what computes; two processes with the same one get the same bits."""
    found = {
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "processor": _processor(cpuinfo),
        "kernel": library.identity(),
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | {name: environ[name] for name in SWITCHES if environ.get(name)}


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Say which items of two fingerprints differ, or nothing."""
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    return ", ".join(f"{name} {before.get(name, 'none')} → {now.get(name, 'none')}" for name in names)


def _processor(cpuinfo: Path) -> str:
    """Vendor and level of instructions; what numpy, MKL and the C library choose their code by."""
    try:
        lines = cpuinfo.read_text().split("\n\n")[0].splitlines()
    except OSError:
        return platform.machine()
    items = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = set(items.get("flags", "").split())
    level = next((needed[0] for needed in LEVELS if flags.issuperset(needed)), platform.machine())
    return " ".join(part for part in (items.get("vendor_id", ""), level) if part)
