"""Keeps `TOKEN=$(python3 get_token.py gmail)` of the earlier scalekit-auth skill working."""

import sys

from scalekit_exec.entry import predecessor

if __name__ == "__main__":
    sys.exit(predecessor(__file__))
