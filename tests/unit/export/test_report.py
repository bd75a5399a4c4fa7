"""The page: all that it must say, nothing that a run says in its place, and how a real browser shows it."""

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support import WALL

from deeprl_tui.core.colors import SAFE_DAY
from deeprl_tui.export import report as reports
from deeprl_tui.export.html import tag
from deeprl_tui.export.logs import Log
from deeprl_tui.export.origin import Commit
from deeprl_tui.export.report import Material
from deeprl_tui.ops import summaries, verdicts
from deeprl_tui.runs.record import Record

NASTY = "</td><script>alert(1)</script> \" onload='x' &amp; \x1b[31mred \u202e $x^2$ | `code`"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

HARNESS = """<!doctype html><body style="margin:0"><iframe id="page" srcdoc="{page}"
style="border:0;width:{width}px;height:1000px"></iframe><script>
const frame = document.getElementById("page");
frame.onload = () => {{
  const seen = frame.contentDocument, root = seen.documentElement;
  const size = one => [one.getBoundingClientRect().width, one.getBoundingClientRect().height];
  document.body.dataset.seen = JSON.stringify({{
    overflow: root.scrollWidth - root.clientWidth,
    requests: frame.contentWindow.performance.getEntriesByType("resource").map(one => one.name),
    pictures: [...seen.querySelectorAll("figure svg")].map(size),
    words: [...seen.querySelectorAll("figure svg text")].map(size),
    tables: [...seen.querySelectorAll("table")].map(one => one.innerText),
    scripts: seen.querySelectorAll("script, [onload], [onclick]").length,
    paper: frame.contentWindow.getComputedStyle(seen.body).backgroundColor,
    curve: frame.contentWindow.getComputedStyle(seen.querySelector("path[style*='var(--c0)']")).stroke,
  }});
}};
</script></body>"""
"""A page around the page, which the page's own rules keep out: it may run no script."""


@pytest.fixture
def material(records: Sequence[Record], logs: Callable[[Record], Log]) -> Material:
    """A report of two experiments with a title and a reason that try to break out."""
    return Material(
        title=f"Study {NASTY}",
        at=WALL,
        records=records,
        logs={record.id: logs(record) for record in records},
        groups=summaries(records),
        verdicts=verdicts(records),
        commit=Commit("0123456789abcdef", changed=True),
        unreadable=(f"runs/x: {NASTY}",),
    )


@pytest.fixture
def page(material: Material) -> str:
    """The page as it is written."""
    return reports.report(material)


class Elements(HTMLParser):
    """All elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.add(name)
        self.attributes += [(key, value or "") for key, value in attributes]


def test_what_a_run_says_is_text(page: str) -> None:
    """No element, attribute, escape code or hidden direction comes from a title, a reason or a setting."""
    found = Elements(page)
    assert "script" not in found.names
    assert not [key for key, _ in found.attributes if key.startswith("on")]
    assert "alert(1)" in page
    assert [char for char in page if not char.isprintable() and char != "\n"] == []


def test_it_asks_for_nothing(page: str) -> None:
    """No address but those inside of itself and the names of XML."""
    found = Elements(page)
    links = [value for key, value in found.attributes if key in ("src", "href", "xlink:href", "action")]
    assert [link for link in links if not link.startswith("#")] == []
    assert {one for one in re.findall(r"url\(([^)]*)\)", page) if not one.startswith("#")} == set()
    assert not {"link", "img", "iframe", "object", "base"} & found.names


def test_it_says_how_and_where_it_was_made(page: str) -> None:
    """Commit, machine, versions, what failed with its reason, the state of each run, how numbers are made."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    for words in (
        "0123456789ab", "with changes", "What failed, stopped or is not over", "CP_wide/0", "c avx2",
        "it was resumed on another machine or version", "How the numbers are made", "bootstrap",
        "CartPole-v1 · return",
    ):  # fmt: skip
        assert words in text, words


def test_every_seed_has_its_score(page: str, material: Material) -> None:
    """In the table of scores, also of a run that failed; a run without an episode has a dash."""
    seeds = re.findall(r'<span[^>]*title="seed (\d), (\w+)">([^<]*)</span>', page)
    assert [(int(seed), state) for seed, state, _ in seeds] == [
        (record.id.seed, record.state) for record in material.records
    ]
    assert [score for _, _, score in seeds] == ["15.5", "15.5", "–", "3.0", "–"]


def test_colors_of_pictures_follow_the_theme(page: str) -> None:
    """No color of the light theme is left in a picture."""
    pictures = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert "var(--c0)" in pictures
    assert [color for color in SAFE_DAY if color in pictures] == []


def test_text_is_escaped_in_attributes_too() -> None:
    """A quote ends nothing."""
    assert tag("p", "<&>", title='"x" <') == '<p title="&quot;x&quot; &lt;">&lt;&amp;&gt;</p>'


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [400, 1100])
def test_a_browser_shows_it(page: str, tmp_path: Path, width: int) -> None:
    """No error, no request, no script; pictures have a size and words; tables are there; nothing is cut."""
    seen, errors = browse(page, tmp_path, width)
    assert errors == []
    assert seen["requests"] == []
    assert seen["scripts"] == 0
    assert seen["overflow"] <= 0
    assert len(seen["pictures"]) == 2
    assert all(size[0] >= 300 and size[1] >= 50 for size in seen["pictures"])
    assert len(seen["words"]) > 20
    assert all(min(size) > 0 for size in seen["words"])
    tables = "\n".join(seen["tables"])
    assert "CP_basic" in tables
    assert "15.5" in tables


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_shows_it_dark(page: str, tmp_path: Path) -> None:
    """Paper and curves follow what the reader prefers."""
    day, _ = browse(page, tmp_path / "day", 800, dark=False)
    night, _ = browse(page, tmp_path / "night", 800, dark=True)
    assert (day["paper"], night["paper"]) == ("rgb(255, 255, 255)", "rgb(15, 17, 23)")
    assert day["curve"] != night["curve"]


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_browser_would_tell(tmp_path: Path) -> None:
    """A page that asks for something, fails in a script and is too wide is seen to do so."""
    bad = (
        "<figure><svg><path style='stroke:var(--c0)'/></svg></figure><div style='width:3000px'>x</div>"
        "<img src='http://127.0.0.1:1/nothing.png'><script>nothing()</script>"
    )
    seen, errors = browse(bad, tmp_path, 400)
    assert seen["overflow"] > 0
    assert seen["scripts"] == 1
    assert any("nothing is not defined" in error for error in errors)
    assert any("nothing.png" in told for told in (*errors, *seen["requests"]))


def browse(page: str, folder: Path, width: int, *, dark: bool = False) -> tuple[dict[str, Any], list[str]]:
    """Load a page in a frame of so many pixels: what is seen of it, and what the console says."""
    assert CHROMIUM is not None
    folder.mkdir(exist_ok=True)
    (folder / "harness.html").write_text(HARNESS.format(page=html.escape(page, quote=True), width=width))
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-dev-shm-usage", "--enable-logging=stderr", "--window-size=1200,1000",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--virtual-time-budget=5000",
            f"--user-data-dir={folder / 'profile'}", *(["--no-sandbox"] if os.geteuid() == 0 else []),
            "--dump-dom", (folder / "harness.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    found = re.search(r'data-seen="([^"]*)"', done.stdout)
    assert found, done.stderr[-2000:]
    return json.loads(html.unescape(found[1])), [
        line for line in done.stderr.splitlines() if "CONSOLE" in line
    ]
