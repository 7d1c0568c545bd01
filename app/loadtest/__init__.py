"""Load on a server, and what its callers would see of it: how fast, how many, how often not.

A request is timed from when it was due, so a server that stalls is not spared what would have come meanwhile.
"""
