"""The training loop's safe points: evaluate, save, look for requests, beat. And the files at the end.

Rule: what happens here happens between rollouts, in an order that a resume repeats: evaluation, checkpoint.
"""

import io
import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from deeprl_agents import envs, snapshot
from deeprl_agents.build import policy_name
from deeprl_agents.checkpoint import ReplayLog, Saved, write_checkpoint
from deeprl_agents.dqn.dqn import DQN
from deeprl_agents.dqn.rollout import Quiet
from deeprl_agents.durable import Patience, replace
from deeprl_agents.envs.monitor import EpisodeMonitor
from deeprl_agents.evaluate import Evaluations, play
from deeprl_agents.report import Reporter
from deeprl_tui.core import events
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.spec import RunSpec

DIVERGED = "the loss is not finite: the weights have diverged; try a lower learning_rate or set max_grad_norm"


class Fenced(Exception):
    """A newer attempt of the run exists: write nothing more."""


class Leave(Exception):
    """Somebody asked, and the state is saved."""

    def __init__(self, ask: str) -> None:
        super().__init__(ask)
        self.ask = ask


LOOK_S = 0.05
"""How often to look for signals and the second's beat."""


class Training(Quiet):
    """Trains a model within its budget; called between rollouts, several times a second."""

    def __init__(
        self,
        *,
        paths: RunPaths,
        spec: RunSpec,
        model: DQN,
        env: envs.Seeded,
        monitor: EpisodeMonitor,
        store: ReplayLog,
        saved: Saved | None,
        report: Reporter,
        patience: Patience,
        interrupted: Callable[[int], str | None],
        at_each_rollout: bool,
        asked: Callable[[], str | None],
        check_newest: Callable[[], None],
        versions: dict[str, str],
    ) -> None:
        super().__init__()
        self._paths, self._spec, self._dqn, self._env, self._monitor = paths, spec, model, env, monitor
        self._store, self._report, self._patience, self._versions = store, report, patience, versions
        self._interrupted, self._asked, self._check_newest = interrupted, asked, check_newest
        self._at_each_rollout = at_each_rollout
        self._looked = (report.clock(), model.num_timesteps)
        self._pace = 1.0
        self._told: str | None = None
        self._loss = math.nan
        settings: Any = spec.settings
        self._save_freq, self._eval_freq = int(settings["save_freq"]), int(settings["eval_freq"])
        values = saved.values if saved else {"next_eval": self._eval_freq}
        self._resumed = saved is not None
        self._next_eval = int(values["next_eval"])
        self._next_save = _after(model.num_timesteps, self._save_freq)
        self._saved_at = model.num_timesteps if saved else -1
        self._evaluations = Evaluations(paths, model.num_timesteps if saved else -1)
        self._evaluation_env: envs.Seeded | None = None
        patience.leaving = lambda: self._asked() is not None

    @property
    def step(self) -> int:
        """Env steps of the run so far."""
        return self._dqn.num_timesteps

    def learn(self, total_timesteps: int) -> None:
        """Train to the end of the budget. Raises Leave when asked to."""
        self._dqn.learn(
            max(0, total_timesteps - self.step),
            callback=self,
            log_interval=None,
            reset_num_timesteps=not self._resumed,
        )
        self._evaluate_if_due()
        self._save()
        if self._told and self._eval_due:
            raise Leave(self._told)

    def finish(self, *, final: bool) -> None:
        """Write what SB3 and rl-zoo look for, if nothing more will come."""
        if final:
            self._write_model(self._paths.last_model(self._spec.env))
            self._write_zoo_files()
        if self._evaluation_env is not None:
            self._evaluation_env.close()

    def _on_training_start(self) -> None:
        self._hear(self._asked())

    def next_look(self) -> int:
        """Give the step of the next look: what is due, or as many steps as fit into LOOK_S."""
        if self._at_each_rollout:
            return self.step + 1
        now, step = self._report.clock(), self.step
        seconds, steps = now - self._looked[0], step - self._looked[1]
        self._looked = (now, step)
        if steps > 0:
            fitting = steps * LOOK_S / max(seconds, 1e-6)
            self._pace = min(max(fitting, 1.0), 2 * self._pace)  # a first chunk may have been all warm-up
        due = [step + int(self._pace), self._next_save]
        if self._eval_freq:
            due.append(self._next_eval)
        return max(step + 1, min(due))

    def _on_rollout_start(self) -> None:
        if self._report.beat_due:
            self._tick()
        if self._told is None:
            self._hear(self._interrupted(self.step))
        if self._told is None:
            self._evaluate_if_due()
        if self._told is not None:
            self._save()
            raise Leave(self._told)
        if self.step >= self._next_save:
            self._save()

    def _on_step(self) -> bool:
        if self._report.beat_due:
            self._tick()
        return True

    def _tick(self) -> None:
        """Once a second: beat, and look for a request."""
        self._beat()
        self._hear(self._asked())
        if self._patience.waits:
            self._patience.waits = 0
            self._report.tell(events.Warn("waited for disk space; nothing was lost"))

    def _hear(self, ask: str | None) -> None:
        """Remember the first request, and say that it was seen."""
        if self._told is None and ask:
            self._told = ask
            self._report.tell(events.StopAsked(ask), sync=True)

    def _beat(self, *, sync: bool = False) -> None:
        model = self._dqn
        if losses := model.take_losses():
            self._loss = float(np.mean(losses))
            if not math.isfinite(self._loss):
                self._report.warn_once(DIVERGED)
        self._report.beat(
            step=self.step,
            updates=model._n_updates,
            loss=self._loss,
            epsilon=model.exploration_rate if model.exploration == "epsilon" else math.nan,
            sync=sync,
        )

    @property
    def _eval_due(self) -> bool:
        return bool(self._eval_freq) and self.step >= self._next_eval

    def _evaluate_if_due(self) -> None:
        if not self._eval_due:
            return
        if self._evaluation_env is None:
            self._evaluation_env = envs.make(self._spec, training=False)
        settings: Any = self._spec.settings
        played = play(self._dqn, self._evaluation_env, settings["n_eval_episodes"], self._abandon)
        if played is None:
            return  # it is still due when the run goes on
        returns, lengths = played
        self._next_eval = _after(self.step, self._eval_freq)
        best = float(np.mean(returns)) > self._evaluations.best
        self._evaluations.add(self.step, returns, lengths)
        self._patience(self._evaluations.write)
        if best:
            self._write_model(self._paths.best_model)
        self._report.tell(events.Eval(self.step, tuple(returns), tuple(lengths), best))

    def _abandon(self) -> bool:
        if self._report.beat_due:
            self._tick()
        return self._told is not None

    def _save(self) -> None:
        """Make the state durable, unless it is; a worker that was replaced stops here."""
        self._check_newest()
        if self.step == self._saved_at:
            return
        began = self._report.clock()
        saved = snapshot.take(self._dqn, self._env, self._store.buffer)
        saved.values.update(
            t=began, next_eval=self._next_eval, versions=self._versions, updates=self._dqn._n_updates
        )
        self._patience(self._monitor.sync)
        self._beat(sync=True)  # the log first: a checkpoint must not be ahead of it after a power cut

        def write() -> int:
            said = self._store.append()
            size = write_checkpoint(self._paths, Saved({**saved.values, "buffer": said}, saved.arrays))
            self._store.commit(said)
            return size

        size = self._patience(write)
        self._saved_at = self.step
        self._next_save = _after(self.step, self._save_freq)
        seconds = self._report.clock() - began
        self._report.tell(
            events.Checkpoint(self.step, self._report.episodes, size, round(seconds, 4)), sync=True
        )

    def _write_model(self, path: Any) -> None:
        """Write a model that Stable-Baselines3 alone can load: it need not know our replay buffers."""
        data = io.BytesIO()
        self._dqn.save(data, exclude=["replay_buffer_class", "replay_buffer_kwargs"])
        self._patience(lambda: replace(path, [data.getvalue()]))

    def _write_zoo_files(self) -> None:
        """Write the settings where rl-zoo's enjoy looks for them; JSON is YAML."""
        spec = self._spec
        settings: Any = spec.settings
        config = {"policy": policy_name(settings), "n_timesteps": self.step, "normalize": False}
        names = ("gamma", "learning_rate", "buffer_size", "batch_size", "learning_starts", "train_freq")
        config |= {name: settings[name] for name in names}
        limit = settings["max_episode_steps"]
        options = None if limit is None else {"max_episode_steps": limit}
        arguments = {"algo": spec.algo, "env": spec.env, "seed": spec.id.seed, "env_kwargs": options}
        target = self._paths.zoo_config(spec.env)
        target.parent.mkdir(exist_ok=True)
        for path, content in ((target, config), (self._paths.zoo_args(spec.env), arguments)):
            text = json.dumps(content, indent=1).encode()
            self._patience(partial(replace, path, [text]))


def _after(step: int, every: int) -> int:
    return (step // every + 1) * every if every else 0
