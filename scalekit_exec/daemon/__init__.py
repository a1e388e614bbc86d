"""The daemon: one process per user that keeps the way to Scalekit warm for the launches to come.

Nothing is imported here: a launch needs the client, which imports next to nothing, and the daemon
itself all the rest.
"""
