"""The protocol: what a run is, what it writes, and how that is read. Standard library only.

The worker and the tool share exactly this package.
"""
