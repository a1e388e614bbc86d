"""Keeps `TOKEN=$(python3 get_token.py gmail)` of the earlier scalekit-auth skill working."""

import sys

from scalekit_exec.predecessor import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], __file__))
