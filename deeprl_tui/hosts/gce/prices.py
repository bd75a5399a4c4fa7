"""What machines cost, as an estimate: US dollars for an hour, by type and region.

Rule: a price that is not in the table is unknown, never guessed. prices.csv holds what a public catalog said
on its date: what one vCPU of a family with its memory costs (both grow with the vCPUs in a family), and one
GPU. Disks, addresses and traffic are left out; spot prices change monthly.
"""

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final

SIZE: Final = re.compile(r"(?P<family>[a-z][a-z0-9]*-[a-z]+)-(?P<vcpus>[1-9][0-9]{0,3})")
SIZED: Final = re.compile(r"[a-z][a-z0-9]*-[a-z]+-(?P<vcpus>[1-9][0-9]{0,3})(?:-[a-z]+)?")
CUSTOM: Final = re.compile(r"(?:[a-z0-9]+-)?custom-(?P<vcpus>[1-9][0-9]{0,2})-[0-9]+(?:-ext)?")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for an hour."""

    on_demand: float
    spot: float


def hourly(machine: str, region: str, *, spot: bool, gpu: str = "", gpus: int = 1) -> float | None:
    """What an hour of a machine costs; None if that is not known."""
    size, table = SIZE.fullmatch(machine), _table()
    if size is None:
        return None
    parts = [(table.get((size["family"], region)), int(size["vcpus"]))]
    if gpu:
        parts.append((table.get((gpu, region)), gpus))
    total = 0.0
    for price, count in parts:
        if price is None:
            return None
        total += count * (price.spot if spot else price.on_demand)
    return total


def vcpus_of(machine: str) -> int | None:
    """How many vCPUs a machine type has, by its name; None if that does not tell."""
    if machine in ("e2-micro", "e2-small", "e2-medium"):
        return 2
    found = CUSTOM.fullmatch(machine) or SIZED.fullmatch(machine)
    return int(found["vcpus"]) if found else None


@lru_cache(maxsize=1)
def date() -> str:
    """When the prices were read."""
    return max(row["date"] for row in _rows())


@lru_cache(maxsize=1)
def _table() -> dict[tuple[str, str], Price]:
    return {
        (row["type"], row["region"]): Price(float(row["on_demand"]), float(row["spot"])) for row in _rows()
    }


def _rows() -> list[dict[str, str]]:
    text = resources.files("deeprl_tui.hosts.gce").joinpath("prices.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
