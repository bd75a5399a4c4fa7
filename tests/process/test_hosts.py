"""Runs on other machines: sent, watched, stopped, home byte for byte. ssh is a program that stays here."""

import json

import pytest
from hosts_lab import deeprl, hosts, listed  # noqa: F401  a fixture
from process_lab import Lab
from support import wait_until

from deeprl_tui import config, ops
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.errors import ExitCode
from deeprl_tui.runs import measured
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.stats import Throughput


def test_a_batch_on_two_hosts_comes_home(hosts: dict[str, Lab]) -> None:  # noqa: F811
    """Four runs on two hosts finish, and every log is here byte for byte."""
    words = ("run", "base", "--seeds", "4", "--set", "total_timesteps=1500", "--on", "one,two")
    process = deeprl(hosts["here"], *words)
    out, err = process.communicate(timeout=150)
    assert process.returncode == ExitCode.OK, out + err
    homes = set()
    for paths in RootPaths(hosts["here"].root).runs():
        home = home_of(paths)
        homes.add(home)
        there = hosts[home].root / paths.folder.relative_to(hosts["here"].root)
        assert paths.events(1).read_bytes() == (there / "events-1.jsonl").read_bytes()
    assert homes == {"one", "two"}
    assert {row["state"] for row in listed(hosts["here"]).values()} == {"finished"}


def test_a_plan_asks_the_hosts(hosts: dict[str, Lab]) -> None:  # noqa: F811
    """Cores, new runs, time and money of each; a host that is down is left out, and nothing is made."""
    here = hosts["here"]
    here.file.write_text(here.file.read_text().replace("[hosts.two]", "[hosts.two]\nprice = 0.5"))
    words = ("plan", "base", "--seeds", "4", "--on", "one,two,gone", "--json")
    here.file.write_text(here.file.read_text() + "[hosts.gone]\n")
    work = ops.kind(config.load(here.file).experiments["base"])
    measured.save(here.root, measured.machine(), work, Throughput(100.0, 20.0, 1))
    out, err = deeprl(here, *words).communicate(timeout=120)
    plan = json.loads(out)
    assert "gone left out: no machine of this name is known" in err
    assert {name: (host["cores"], host["new"]) for name, host in plan["hosts"].items()} == {
        "one": (1, 2),
        "two": (1, 2),
    }
    assert plan["hosts"]["two"]["cost"][1] == pytest.approx(0.5 * plan["hosts"]["two"]["finish_s"][1] / 3600)
    assert plan["finish_s"][1] == pytest.approx(
        max(host["finish_s"][1] for host in plan["hosts"].values()), 0.01
    )
    assert not list(RootPaths(here.root).runs())


def test_stop_there_and_go_on(hosts: dict[str, Lab]) -> None:  # noqa: F811
    """A run on a host counts as running while nobody watches, stops when asked from here, and goes on."""
    here = hosts["here"]
    words = ("run", "base", "--seeds", "1", "--set", "total_timesteps=100000", "--on", "one")
    watching = deeprl(here, *words)
    run = "base+total_timesteps=100000/0"
    wait_until(lambda: listed(here).get(run, {}).get("state") == "running", 60, "the run to begin")
    watching.terminate()
    watching.communicate(timeout=30)
    assert listed(here)[run]["state"] == "running"
    out, err = deeprl(here, "stop", run).communicate(timeout=60)
    assert "done" in out, err
    with_looking = deeprl(here, "attach", "one")
    with_looking.communicate(timeout=60)
    assert listed(here)[run]["state"] == "stopped"
    out, err = deeprl(here, "resume", run).communicate(timeout=60)
    assert "done" in out, err
    (there,) = RootPaths(hosts["one"].root).runs()
    wait_until(lambda: there.events(2).exists(), 60, "the second attempt")
