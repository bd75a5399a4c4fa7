"""Replay buffers and the trees they draw from."""
