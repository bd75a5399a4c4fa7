"""Thousands of finished runs in the real format, made in seconds: every line with its number and CRC."""

import json
import math
import random
import zlib
from collections.abc import Iterator
from pathlib import Path

from support import WALL

from deeprl_tui.config.keys import SETTINGS
from deeprl_tui.core.events import Beat, Checkpoint, End, Episode, Eval, Event, Line, Queued, Start, encode
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.spec import Json, RunId, RunSpec

ENVS = (("CartPole-v1", "CP", 195.0), ("Acrobot-v1", "AB", -100.0), ("LunarLander-v3", "LL", 200.0))
ARCHS: tuple[Json, ...] = ([64], [256, 256], [512])
STEPS = 50  # of an episode


def make_runs(root: Path, runs: int, *, episodes: int = 200, seeds: int = 10) -> list[RunSpec]:
    """Make runs of `runs / seeds` experiments in three environments; most finished, some failed."""
    defaults: dict[str, Json] = {key.name: key.default for key in SETTINGS}
    bodies = [_body(random.Random(seed), episodes) for seed in range(seeds)]
    specs = []
    for at in range(math.ceil(runs / seeds)):
        env, short, solved = ENVS[at % len(ENVS)]
        settings = {
            **defaults,
            "total_timesteps": episodes * STEPS,
            "net_arch": ARCHS[at // 3 % 3],
            "gamma": 0.9 + at % 97 / 1000,
            "learning_rate": 1e-5 * (1 + at),
        }
        name = f"{short}_{at:05}"
        for seed in range(min(seeds, runs - at * seeds)):
            spec = RunSpec(
                RunId(name, seed),
                env,
                settings,
                baseline=f"{short}_{at % 3:05}",
                changes={"gamma": (0.99, settings["gamma"])},
                solved=solved,
            )
            paths = RootPaths(root).run(spec)
            paths.folder.mkdir(parents=True)
            paths.spec.write_text(spec.to_json())
            _write(paths, bodies[seed], episodes, at * seeds + seed)
            specs.append(spec)
    return specs


def _body(draw: random.Random, episodes: int) -> bytes:
    """Training, as the lines of a log from number 3 on; equal for all experiments, as it is dear."""
    return b"".join(encode(Line(n, t, event)) for n, (t, event) in enumerate(_training(draw, episodes), 3))


def _training(draw: random.Random, episodes: int) -> Iterator[tuple[float, Event]]:
    for episode in range(1, episodes + 1):
        rise = 1 / (1 + math.exp(4 - 8 * episode / episodes))
        t = episode / 10
        yield t, Episode(episode, STEPS * episode, round(-100 + 320 * rise + draw.gauss(0, 20), 3), STEPS)
        if episode % 10 == 0:
            yield t, Beat(STEPS * episode, 12 * episode, t, 3 * 10**8, 500.0, 1 / episode, 0.05)
        if episode % 50 == 0:
            yield t, Eval(STEPS * episode, (200 * rise,) * 5, (50,) * 5)
            yield t, Checkpoint(STEPS * episode, episode, 10**6, 0.01)


def _write(paths: RunPaths, body: bytes, episodes: int, number: int) -> None:
    began = WALL - 86_400 * (number % 60)
    start = Start(began, 1, 1000 + number, "here", "boot", (number % 8,), "", {"torch": "2.13"})
    outcome, reason = {7: ("failed", "ValueError: loss is NaN"), 13: ("stopped", "stopped by request")}.get(
        number % 50, ("finished", "")
    )
    count = 2 + body.count(b"\n")
    end = _end(count + 1, episodes / 10, began + episodes / 10, outcome, STEPS * episodes, reason)
    head = encode(Line(1, 0.0, Queued(began, "launched"))) + encode(Line(2, 0.0, start))
    paths.events(1).write_bytes(head + body + end)
    paths.attempt.write_text(json.dumps({"attempt": 1, "host": "here", "boot": "boot"}))
    paths.lock.write_text("pid 1")


def _end(n: int, t: float, at: float, outcome: str, step: int, reason: str) -> bytes:
    text = json.dumps(
        {"n": n, "t": t, "e": End.kind, "at": at, "outcome": outcome, "step": step, "reason": reason},
        separators=(",", ":"),
    )[:-1].encode()
    return b'%s,"c":"%08x"}\n' % (text, zlib.crc32(text))
