"""Other machines: how commands reach them, and where what arrives from them is kept.

Rule: the system's ssh is the only client; the remote command line is a constant, so nothing is ever quoted.
"""
