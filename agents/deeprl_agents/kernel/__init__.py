"""The C kernel, its binding, and where to find it."""
