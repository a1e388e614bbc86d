"""The broker: a launch that stays hands fresh tokens to its child, on this machine only.

Nothing is imported here: a launch that looks for a broker needs the client, one that is a broker
the server, and one that has to do with neither nothing at all.
"""
