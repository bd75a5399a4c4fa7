"""Widgets that draw their own lines: the chart and the live table.

Rule: a widget shows what it is given. `chart` needs numpy, so it is imported only by a chart that has already
painted its first frame.
"""
