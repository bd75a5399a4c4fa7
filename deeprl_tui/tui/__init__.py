"""`deeprl-tui`, the dashboard: a window on the runs that starts nothing it must keep alive.

Rule: no I/O and no decisions here; what a screen says is made by pure functions and shown by widgets.
"""
