"""Runs a command where 10.77.0.2 is this machine, a chosen round trip away.

    python -m bench.distance --rtt 25 -- COMMAND [ARG...]

In a network namespace of its own a TUN device leads nowhere but here. Every packet that comes out
of it is held for half the round trip, then put back with source and destination exchanged, so what
was sent to 10.77.0.2 arrives at this end from there. Checksums are sums, an exchange leaves them as
they are. The kernel's own TCP so lives through a real distance, without netem or root's tc. Needs
Linux, /dev/net/tun and root, or user namespaces where the device is open to all.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections import deque

HERE = "10.77.0.1"
THERE = "10.77.0.2"
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFFLAGS = 0x8916, 0x891C, 0x8914
IFF_UP, IFF_RUNNING = 0x1, 0x40
LARGEST = 65536


def enter_namespace() -> None:
    """Leave the machine's network for an empty one, keeping who we are; OSError if forbidden."""
    user, group = os.getuid(), os.getgid()
    flags = CLONE_NEWNET if user == 0 else CLONE_NEWNET | CLONE_NEWUSER
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "no network namespace can be had")
    if user != 0:
        entries = {"setgroups": "deny", "uid_map": f"{user} {user} 1"}
        entries["gid_map"] = f"{group} {group} 1"
        for name, text in entries.items():
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)


def open_tunnel() -> int:
    """Make the device, give it this end's address and put it up, and the loopback with it."""
    tunnel = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    name = b"far0"
    fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH22x", name, IFF_TUN | IFF_NO_PI))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:

        def set_address(request: int, address: str) -> None:
            place = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(control, request, struct.pack("16s16s8x", name, place))

        set_address(SIOCSIFADDR, HERE)
        set_address(SIOCSIFNETMASK, "255.255.255.0")
        for each in (b"lo", name):
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", each, IFF_UP | IFF_RUNNING))
    return tunnel


def carry(tunnel: int, one_way: float, child: int) -> None:
    """Hold packets and turn them round until the child has ended."""
    under_way: deque[tuple[float, bytes]] = deque()
    end = os.pidfd_open(child)
    while True:
        now = time.monotonic()
        while under_way and under_way[0][0] <= now:
            packet = under_way.popleft()[1]
            try:
                os.write(tunnel, packet)
            except OSError:  # a full queue loses packets, as a wire would
                continue
        patience = under_way[0][0] - now if under_way else None
        ready, _, _ = select.select([tunnel, end], [], [], patience)
        if end in ready:
            os.close(end)
            return
        if tunnel in ready:
            arrived = time.monotonic()
            for packet in iter(lambda: _take(tunnel), b""):
                if packet[0] >> 4 == 4:
                    turned = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
                    under_way.append((arrived + one_way, turned))


def _take(tunnel: int) -> bytes:
    try:
        return os.read(tunnel, LARGEST)
    except BlockingIOError:
        return b""


def main() -> int:
    """Run the command far from itself; return its status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rtt", type=float, required=True, metavar="MS")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    words = options.command[options.command[:1] == ["--"] :]
    try:
        enter_namespace()
        tunnel = open_tunnel()
    except OSError as error:
        print(f"no distance can be made here: {error.strerror}", file=sys.stderr)
        return 77
    child = subprocess.Popen(words)
    carry(tunnel, options.rtt / 2000, child.pid)
    return child.wait()


if __name__ == "__main__":
    sys.exit(main())
