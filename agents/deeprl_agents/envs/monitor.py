"""Episode returns in Stable-Baselines3's monitor.csv, byte for byte its format, safe to resume.

Rule: after a resume each step counts once: rows of older attempts beyond the checkpoint are cut away.
"""

import json
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from stable_baselines3.common.monitor import Monitor

from deeprl_agents.durable import Patience, replace
from deeprl_agents.envs.seeded import Seeded
from deeprl_tui.core.layout import RunPaths

HEADER_LINES = 2


class EpisodeMonitor(Monitor[Any, Any]):
    """SB3's Monitor with its own file, and a call at the end of each episode with the raw return.

    A step of CartPole takes 9 us and each wrapper adds to it, so this one does Seeded's part of a step too.
    """

    def __init__(
        self,
        env: Seeded,
        paths: RunPaths,
        attempt: int,
        env_id: str,
        *,
        on_episode: Callable[[float, int], None],
        patience: Patience,
    ) -> None:
        super().__init__(env)
        self._seeded, self._inner_step = env, env.env.step
        self._on_episode = on_episode
        self._patience = patience
        path = paths.monitor(attempt)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._size = 0
        self._write(f"#{json.dumps({'t_start': self.t_start, 'env_id': env_id})}\nr,l,t\r\n")

    def step(self, action: Any) -> Any:
        """Take a step; at the end of an episode, write its row."""
        self._seeded.actions.append(int(action))
        result = self._inner_step(action)
        self.rewards.append(float(result[1]))
        if result[2] or result[3]:
            self._end_episode(result[4])
        return result

    def _end_episode(self, info: dict[str, Any]) -> None:
        self.needs_reset = True
        total, length = sum(self.rewards), len(self.rewards)
        self.total_steps += length
        row = {"r": round(total, 6), "l": length, "t": round(time.time() - self.t_start, 6)}
        info["episode"] = row
        self._write(f"{row['r']},{row['l']},{row['t']}\r\n")
        self._on_episode(total, length)

    def replay(self, actions: Sequence[int]) -> tuple[Any, list[float]] | None:
        """Take steps of an unfinished episode again: the last observation and the rewards."""
        result = self._seeded.replay(actions)
        if result is not None:
            self.rewards.extend(result[1])
        return result

    def sync(self) -> None:
        """Make the rows durable."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Close the file and the env."""
        super().close()
        os.close(self._fd)

    def _write(self, text: str) -> None:
        data = text.encode()

        def write() -> None:
            os.ftruncate(self._fd, self._size)
            if os.write(self._fd, data) < len(data):
                raise OSError(28, "No space left on device")

        self._patience(write)
        self._size += len(data)


def trim(paths: RunPaths, attempt: int, episodes: int) -> None:
    """Keep the rows of the first `episodes` episodes in the files of the attempts before this one."""
    for older in range(1, attempt):
        path = paths.monitor(older)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        lines = data.splitlines(keepends=True)
        head, rows = lines[:HEADER_LINES], lines[HEADER_LINES:]
        whole = [row for row in rows if row.endswith(b"\n")]
        kept = b"".join(head + whole[:episodes])
        episodes -= min(episodes, len(whole))
        if len(head) < HEADER_LINES or not head[-1].endswith(b"\n"):
            path.unlink()  # torn before its first row
        elif kept != data:
            replace(path, [kept])
