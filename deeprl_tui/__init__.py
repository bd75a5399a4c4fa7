"""Launch, watch and decide deep reinforcement learning experiments from a terminal."""

__version__ = "0.1.0"
