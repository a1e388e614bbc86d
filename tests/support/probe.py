"""A child that writes what it sees of itself, before it touches anything, to the file it is given.

The environment and the arguments come from /proc, since the interpreter changes its own copy.
"""

import json
import os
import resource
import sys

descriptors = {}
for name in os.listdir("/proc/self/fd"):
    try:
        descriptors[name] = os.readlink("/proc/self/fd/" + name)
    except OSError:  # the one that read the listing
        continue
with open("/proc/self/environ", "rb") as file:
    entries = file.read().split(b"\0")[:-1]
with open("/proc/self/cmdline", "rb") as file:
    words = file.read().split(b"\0")[:-1]
seen = {
    "pid": os.getpid(),
    "argv": [word.hex() for word in words],
    "environ": [
        [name.hex(), value.hex()] for name, _, value in (entry.partition(b"=") for entry in entries)
    ],
    "descriptors": descriptors,
    "core": resource.getrlimit(resource.RLIMIT_CORE),
}
with open(sys.argv[1], "w", encoding="ascii") as file:
    json.dump(seen, file)
