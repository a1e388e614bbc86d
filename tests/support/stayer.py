"""The launch that stays, and nothing else: begin, shield, look up, supervise, finish.

HIDE=TEXT in the environment makes its output go through redactors for that secret, SERVED=FILE
makes it write that file at the child's end.
"""

import os
import sys

from scalekit_exec import launch
from scalekit_exec.errors import ScalekitExecError
from scalekit_exec.redaction import Redactor


def main(argv: list[str]) -> int:
    launch.begin()
    environ = launch.caller_environment()
    launch.shield()
    hide, served = environ.pop("HIDE", ""), environ.pop("SERVED", "")
    try:
        redactors = None
        if hide:
            redactors = (Redactor([os.fsencode(hide)]), Redactor([os.fsencode(hide)]))
        path = launch.find(argv[0], environ)
        stopped = (lambda: os.close(os.open(served, os.O_CREAT | os.O_WRONLY))) if served else None
        return launch.finish(
            launch.supervise(path, argv, environ, redactors=redactors, stopped=stopped)
        )
    except ScalekitExecError as error:
        print(f"error[{error.code}]: {error.message}\n  hint: {error.hint}", file=sys.stderr)
        return error.exit_status


sys.exit(main(sys.argv[1:]))
