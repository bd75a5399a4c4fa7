"""Filtering runs as one types."""

import time

import pytest
from records_lab import SETTINGS, record
from support import WALL

from deeprl_tui.errors import QueryError
from deeprl_tui.runs.query import parse

LUNAR = record("LL_512", 3, env="LunarLander-v3", score=212.5, settings={**SETTINGS, "net_arch": [512, 256]})
FAILED = record(
    "CP_wide", 1, state="failed", reason="ValueError: loss is NaN", score=None, ended=WALL - 864_000
)
PLAIN = record("CP_basic", 0)
ALL = (LUNAR, FAILED, PLAIN)


def found(text: str) -> list[str]:
    """The names of the runs that fit."""
    return [str(one.id) for one in parse(text, wall=lambda: WALL + 3600).select(ALL)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "LL_512/3 CP_wide/1 CP_basic/0"),
        ("cp_", "CP_wide/1 CP_basic/0"),
        ("LUNAR", "LL_512/3"),
        ("!lunar", "CP_wide/1 CP_basic/0"),
        ("!!lunar", "LL_512/3"),
        ("CP_ !basic", "CP_wide/1"),
        ('"loss is nan"', "CP_wide/1"),
        ('reason:"loss is"', "CP_wide/1"),
        ("env:lunarlander state:finished", "LL_512/3"),
        ("state:failed,lost", "CP_wide/1"),
        ("state!=finished", "CP_wide/1"),
        ("state=fin", ""),
        ("net_arch:64", "CP_wide/1 CP_basic/0"),
        ("net_arch:512,256", "LL_512/3"),
        ("net_arch=[512,256]", "LL_512/3"),
        ("net_arch:512", ""),
        ("return>150", "LL_512/3"),
        ("return>=150", "LL_512/3 CP_basic/0"),
        ("return<200", "CP_basic/0"),
        ("score=150", "CP_basic/0"),
        ("return:none", "CP_wide/1"),
        ("seed:1", "CP_wide/1"),
        ("seed:0,3", "LL_512/3 CP_basic/0"),
        ("gamma:0.99 seed>0", "LL_512/3 CP_wide/1"),
        ("double_q:yes", "LL_512/3 CP_wide/1 CP_basic/0"),
        ("double_q:no", ""),
        ("total_episodes:none", "LL_512/3 CP_wide/1 CP_basic/0"),
        ("step>=100k", "LL_512/3 CP_wide/1 CP_basic/0"),
        ("step>1e5", ""),
        ("progress>99%", "LL_512/3 CP_wide/1 CP_basic/0"),
        ("time<=10m", "LL_512/3 CP_wide/1 CP_basic/0"),
        ("time>1h", ""),
        ("since:7d", "LL_512/3 CP_basic/0"),
        ("!since:7d", "CP_wide/1"),
        ("since:30m", ""),
        ("since:2020-01-01", "LL_512/3 CP_wide/1 CP_basic/0"),
    ],
)
def test_what_a_query_finds(text: str, names: str) -> None:
    """The language by example."""
    assert " ".join(found(text)) == names


@pytest.mark.parametrize(
    "text",
    [
        "return>",
        "return>-",
        "return>1e",
        "env:",
        "state!=",
        "!",
        "since:",
        "since:7",
        "since:2026-1",
        '"',
        "!env:",
    ],
)
def test_a_half_typed_term_says_nothing_yet(text: str) -> None:
    """The list stays while one types; a command line is told."""
    query = parse(text)
    assert query.select(ALL) == list(ALL)
    assert query.unfinished
    with pytest.raises(QueryError, match="not finished"):
        parse(text, strict=True)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("cp retrun>100", "filter, character 4: no field or setting retrun; did you mean return?"),
        ("return>many", "filter, character 1: many is no number; write a number, also 1e6, 90% or 2M"),
        ("time>3x", "3x is no number; write a span"),
        ("since:yesterday", "yesterday is no span and no day"),
        ("since!=7d", "since goes with a colon"),
    ],
)
def test_a_fault_has_its_place_and_remedy(text: str, fault: str) -> None:
    """What is wrong can be mended without a manual."""
    with pytest.raises(QueryError) as told:
        parse(text)
    assert fault in str(told.value)


def test_a_setting_of_a_later_version_can_be_asked_for() -> None:
    """Keys that only the runs know are named by the caller."""
    with pytest.raises(QueryError):
        parse("sparkle:3")
    one = record(settings={**SETTINGS, "sparkle": 3})
    assert parse("sparkle:3", settings=["sparkle"]).matches(one)


def test_ten_thousand_runs_are_filtered_while_a_key_is_held() -> None:
    """Well under the 50 ms of a keypress; the bound here is loose for busy machines."""
    many = [record(f"CP_{at % 100}", at, score=float(at)) for at in range(1000)] * 10
    query = parse("env:cartpole state:finished net_arch:64 return>100 !word since:7d", wall=lambda: WALL)
    begin = time.process_time()
    assert len(query.select(many)) == 8990
    assert time.process_time() - begin < 0.25
