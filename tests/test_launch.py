"""The parts of the launch that need no process: what the interpreter adds, what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

if sys.platform == "win32":
    pytest.skip("POSIX only", allow_module_level=True)

from scalekit_exec.launch import posix

COSTLY = {
    *("argparse", "dataclasses", "datetime", "enum", "json", "logging", "pathlib", "re"),
    *("shutil", "signal", "subprocess", "typing", "psutil", "scalekit", "grpc"),
}


@pytest.mark.parametrize(
    ("kept", "environ"),
    [
        (False, {"A": "1", "LC_CTYPE": "C.UTF-8"}),
        (False, {"LANG": "C", "LC_CTYPE": "UTF-8"}),
        (False, {"LANG": "POSIX", "LC_CTYPE": "C.utf8"}),
        (True, {"LC_CTYPE": "C.UTF-8", "_": "/bin/env"}),  # setenv appends; this was there before
        (True, {"LANG": "en_GB.UTF-8", "LC_CTYPE": "UTF-8"}),  # not a C locale without it
    ],
)
def test_without_proc_only_an_appended_ctype_in_a_c_locale_is_taken_for_ours(
    kept: object, environ: dict[str, str]
) -> None:
    posix._guess_ctype(environ)
    assert ("LC_CTYPE" in environ) is kept


def test_the_launch_imports_nothing_that_costs_time() -> None:
    code = (
        "import sys; before = set(sys.modules); from scalekit_exec import launch; launch.begin();"
        "launch.find('sh', launch.caller_environment()); print(*sys.modules.keys() - before)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True)
    assert not set(done.stdout.decode().split()) & COSTLY
