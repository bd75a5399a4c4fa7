"""The headless process of a host: it starts pinned workers for queued runs and watches them.

`decide` is pure, `loop` carries out what it says; `workers` is the only importer of multiprocess.
"""
