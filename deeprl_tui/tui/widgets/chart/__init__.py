"""How a chart is computed and drawn: arrays in, a frame of characters out.

Rule: numpy is imported here and nowhere else in the dashboard, and nobody imports this package before the
first frame is on the screen.
"""
