"""The launch and nothing else: begin, look up, become the child. No map, no services.

SLOW=FILE in the environment makes it create that file and then wait, as a slow resolution would;
DIE=N makes it die of signal N.
"""

import os
import sys
import time

from scalekit_exec import launch
from scalekit_exec.errors import ScalekitExecError


def main(argv: list[str]) -> int:
    launch.begin()
    environ = launch.caller_environment()
    try:
        path = launch.find(argv[0], environ)
        launch.check(path, argv)
        if ready := environ.pop("SLOW", ""):
            os.close(os.open(ready, os.O_CREAT | os.O_WRONLY))
            time.sleep(30)
        if number := environ.pop("DIE", ""):
            print("dying")
            launch.die_by_signal(int(number))
        return launch.replace(path, argv, environ)
    except ScalekitExecError as error:
        if sys.stderr is not None:
            print(f"error[{error.code}]: {error.message}\n  hint: {error.hint}", file=sys.stderr)
        return error.exit_status


sys.exit(main(sys.argv[1:]))
