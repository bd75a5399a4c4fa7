"""The screens: dashboard, one experiment, and the dialogs.

Rule: a screen asks pure functions what to say and gives it to widgets; slow things run in the background.
"""
