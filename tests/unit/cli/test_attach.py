"""What is said of hosts while somebody watches runs on them."""

from dataclasses import replace

from deeprl_tui.cli.attach import news_of_hosts
from deeprl_tui.monitor.hostview import SHORT_S, HostView

UP = HostView("p-2", heard=1000.0)
CUT = replace(UP, fault="it does not answer", fault_since=1000.0, passing=True)
OFF = replace(CUT, fault="its machine is off; base/1 goes on on p-1", passing=False)


def test_a_short_cut_is_no_news() -> None:
    """A host that is back soon is not spoken of."""
    told: dict[str, str] = {}
    assert not news_of_hosts([CUT], told, 1000.0 + SHORT_S / 2)
    assert not news_of_hosts([UP], told, 1000.0 + SHORT_S)


def test_each_thing_once() -> None:
    """A host that is lost, what is known of it later, and its return are said once each."""
    told: dict[str, str] = {}
    seen = [CUT, CUT, OFF, replace(CUT, fault="no network way leads to it"), OFF, UP, UP]
    assert [news_of_hosts([view], told, 1000.0 + SHORT_S) for view in seen] == [
        ["p-2: it does not answer"],
        [],
        ["p-2: its machine is off; base/1 goes on on p-1"],
        [],
        [],
        ["p-2 answers again"],
        [],
    ]
