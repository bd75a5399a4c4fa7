"""Where machines go: spread over zones, as far as the quotas of their regions let them.

Rule: no calls. A quota that is not told does not bind here; making a machine will tell.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from deeprl_tui.hosts.gce import prices
from deeprl_tui.hosts.gce.vm import Wanted, region_of


def assign(
    names: Sequence[str], zones: Sequence[str], held: Mapping[str, int], rooms: Mapping[str, int]
) -> dict[str, list[str]]:
    """Spread names over zones: each to the zone with the fewest, within what each region has room for.

    held: machines that a zone has already. rooms: by region; a region that is not named has room.
    """
    spread: dict[str, list[str]] = {}
    left = dict(rooms)
    for name in names:
        fit = [zone for zone in zones if left.get(region_of(zone), 1) > 0]
        if not fit:
            break
        zone = min(fit, key=lambda zone: held.get(zone, 0) + len(spread.get(zone, ())))
        spread.setdefault(zone, []).append(name)
        if region_of(zone) in left:
            left[region_of(zone)] -= 1
    return spread


def room_in(answer: Any, wanted: Wanted) -> tuple[int | None, str]:
    """How many more such machines the quotas of a region allow, and which one binds; None: unknown.

    answer: what gcloud tells of the region.
    """
    quotas = {}
    for entry in answer.get("quotas") or [] if isinstance(answer, dict) else []:
        try:
            quotas[str(entry["metric"])] = (float(entry["limit"]), float(entry["usage"]))
        except (KeyError, TypeError, ValueError):
            continue
    needs: list[tuple[str, int]] = [("IN_USE_ADDRESSES", 1), ("INSTANCES", 1)]
    family, vcpus = wanted.type.split("-")[0].upper(), prices.vcpus_of(wanted.type)
    if vcpus:
        plain = f"{family}_CPUS" if f"{family}_CPUS" in quotas else "CPUS"
        needs.append((_spot(plain, "PREEMPTIBLE_CPUS", quotas) if wanted.spot else plain, vcpus))
    if wanted.gpu:
        plain = f"{wanted.gpu.replace('nvidia-tesla-', 'nvidia-').replace('-', '_').upper()}_GPUS"
        needs.append((_spot(plain, f"PREEMPTIBLE_{plain}", quotas) if wanted.spot else plain, wanted.gpus))
    rooms = [
        (max(0, int((quotas[metric][0] - quotas[metric][1]) // need)), metric)
        for metric, need in needs
        if metric in quotas
    ]
    if not rooms:
        return None, ""
    room, metric = min(rooms)
    limit, used = quotas[metric]
    return room, f"{metric} ({used:g} of {limit:g} used)"


def _spot(plain: str, spot: str, quotas: Mapping[str, tuple[float, float]]) -> str:
    """The quota that counts for spot machines: their own, where a project has one."""
    return spot if quotas.get(spot, (0.0, 0.0))[0] > 0 else plain
