"""Deep Q-learning as a subclass of Stable-Baselines3's DQN."""
