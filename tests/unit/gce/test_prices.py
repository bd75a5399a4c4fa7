"""What machines cost, as an estimate."""

import pytest
from gce_lab import Compute

from deeprl_tui.hosts.gce import prices
from deeprl_tui.hosts.gce.vm import Vm, decode

HOUR = 3600.0


def test_grows_with_the_machine() -> None:
    """A machine of a family costs as much as its vCPUs, spot ones less."""
    one = prices.hourly("t2d-standard-1", "us-central1", spot=False)
    assert one is not None
    assert prices.hourly("t2d-standard-8", "us-central1", spot=False) == pytest.approx(8 * one)
    spot = prices.hourly("t2d-standard-1", "us-central1", spot=True)
    assert spot is not None
    assert spot < one


def test_gpus() -> None:
    """GPUs come on top, each."""
    plain = prices.hourly("n1-standard-4", "us-central1", spot=False)
    with_two = prices.hourly("n1-standard-4", "us-central1", spot=False, gpu="nvidia-tesla-t4", gpus=2)
    assert plain is not None
    assert with_two == pytest.approx(plain + 0.7)


@pytest.mark.parametrize(
    ("machine", "region", "gpu"),
    [
        ("t2d-standard-1", "mars-north1", ""),
        ("z9-standard-1", "us-central1", ""),
        ("e2-medium", "us-central1", ""),
        ("n1-standard-4", "us-central1", "nvidia-x"),
    ],
)
def test_unknown_price(machine: str, region: str, gpu: str) -> None:
    """A price that is not in the table is not guessed."""
    assert prices.hourly(machine, region, spot=False, gpu=gpu) is None


def test_whole_table() -> None:
    """Each row is a price with a date, and spot is never dearer."""
    rows = prices._rows()
    assert len(rows) > 50
    assert len({(row["type"], row["region"]) for row in rows}) == len(rows)
    assert all(0 < float(row["spot"]) <= float(row["on_demand"]) < 5 for row in rows)
    assert prices.date() == max(row["date"] for row in rows)


@pytest.mark.parametrize(
    ("machine", "vcpus"),
    [
        ("t2d-standard-16", 16),
        ("e2-medium", 2),
        ("n2-custom-6-8192", 6),
        ("custom-4-4096-ext", 4),
        ("c4-standard-8-lssd", 8),
        ("a2-highgpu-1g", None),
        ("m", None),
    ],
)
def test_vcpus(machine: str, vcpus: int | None) -> None:
    """The name of a type tells how many vCPUs it has, for the most part."""
    assert prices.vcpus_of(machine) == vcpus


def vm(**more: object) -> Vm:
    """A machine that was made at second 1000."""
    facts: dict[str, object] = {
        "name": "p-1",
        "id": "1",
        "zone": "us-central1-a",
        "type": "t2d-standard-1",
        "state": "RUNNING",
        "created": 1000.0,
    }
    return Vm(**{**facts, **more})  # type: ignore[arg-type]


def test_hours() -> None:
    """Paid is the time from its making, without its last pause; off means that nothing is added."""
    assert vm().hours(1000 + 2 * HOUR) == 2
    off = vm(state="TERMINATED", stopped=1000 + HOUR)
    assert off.hours(1000 + 9 * HOUR) == 1
    again = vm(stopped=1000 + HOUR, started=1000 + 3 * HOUR)
    assert again.hours(1000 + 4 * HOUR) == 2
    assert vm().hours(0) == 0


def test_spent() -> None:
    """What was spent is hours times price, unknown without a price."""
    machine = vm()
    assert machine.price is not None
    assert machine.spent(1000 + 10 * HOUR) == pytest.approx(10 * machine.price)
    assert vm(type="z9-standard-1").spent(9e9) is None


def test_a_listing_is_read() -> None:
    """All that is shown of a machine comes from the listing; numbers sort as numbers."""
    cloud = Compute(now=1_700_000_000.0)
    for number in (10, 2):
        body = {
            "name": f"p-{number}",
            "machineType": "x/n1-standard-4",
            "labels": {"deeprl": "p"},
            "scheduling": {"provisioningModel": "SPOT"},
            "guestAccelerators": [{"acceleratorType": "x/nvidia-tesla-t4", "acceleratorCount": 1}],
        }
        cloud.insert("us-central1-a", body)
    cloud.preempt("p-10")
    two, ten = decode(cloud.listed())
    assert (two.name, two.gpu, two.gpus, two.spot, two.project) == ("p-2", "nvidia-tesla-t4", 1, True, "p")
    assert (two.created, two.state, two.region) == (1_700_000_000.0, "RUNNING", "us-central1")
    assert (ten.name, ten.state, ten.stopped) == ("p-10", "TERMINATED", 1_700_000_000.0)
