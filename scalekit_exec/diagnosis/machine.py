"""Checks of the machine: versions, core dumps, the shell's completion."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

from scalekit_exec import __version__, packages
from scalekit_exec.diagnosis.check import OK, SKIPPED, WARNING, Check
from scalekit_exec.errors import shown
from scalekit_exec.files import displayed
from scalekit_exec.shells import detect, installation

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["completion", "core_dumps", "versions"]

_CORE_PATTERN = "/proc/sys/kernel/core_pattern"


def versions() -> Check:
    """Tell our version, Python's, the SDK's and the system's."""
    from importlib import metadata

    try:
        sdk = metadata.version("scalekit-sdk-python")
    except metadata.PackageNotFoundError:
        sdk = "missing"
    parts = (
        f"scalekit-exec {__version__}",
        f"Python {platform.python_version()}",
        f"scalekit-sdk-python {shown(sdk, 40)}",
        f"{platform.system()} {shown(platform.release(), 60)} {platform.machine()}",
    )
    if sdk == "missing":
        remedy = packages.install("scalekit-sdk-python")
        remedy += "\nonly the transport sdk, connections and the sandbox need it"
        return Check("versions", WARNING, ", ".join(parts), remedy)
    return Check("versions", OK, ", ".join(parts))


def core_dumps() -> Check:
    """Tell whether a child that crashes could leave its memory, tokens and all, on the disk.

    A launch sets the soft limit to 1 on Linux, since the kernel gives no core to a program in
    core_pattern then; 0 would not do, and with a hard limit of 0 it can be no more (core(5)).
    """
    name = "core dumps"
    if sys.platform == "win32":
        return Check(name, SKIPPED, "Windows has error reports instead")
    else:  # noqa: RET505 - so that a type checker for Windows knows that this is not for it
        import resource

        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        if sys.platform == "linux" and hard == 0 and _is_piped():
            return Check(
                name,
                WARNING,
                "a hard limit of 0 does not hold back a core_pattern that is a pipe",
                "ulimit -H -c 1 where launches are started, or sysctl kernel.core_pattern=core",
            )
        return Check(name, OK, "a launch turns them off for its command")


def _is_piped() -> bool:
    try:
        with open(_CORE_PATTERN, encoding="ascii", errors="replace") as file:
            return file.read(1) == "|"
    except OSError:
        return False


def completion(environ: Mapping[str, str], scripts: Mapping[str, str]) -> Check:
    """Tell whether the user's shell completes our words; `scripts` has today's, by shell.

    Without SHELL it is the shell that the user is in, as `completion --install` finds it.
    """
    name = "completion"
    program = environ.get("SHELL", "").replace("\\", "/").rsplit("/", 1)[-1]
    shell = detect.KNOWN.get(program, program)
    if not shell:
        above = detect.find(environ)
        shell = above.name if above.found else ""
    if shell not in scripts:
        told = f"for {shown(shell, 40)}" if shell else "while SHELL is not set and no shell is seen"
        return Check(name, SKIPPED, f"there is none {told}")
    remedy = f"scalekit-auth completion {shell} --install"
    path = installation.found(shell, environ)
    if path is None:
        return Check(name, WARNING, f"{shell} does not complete scalekit-exec yet", remedy)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            is_current = file.read() == scripts[shell]
    except OSError:
        is_current = False
    if not is_current:
        return Check(name, WARNING, f"{displayed(path)} is of another version", remedy)
    return Check(name, OK, f"{shell} has {displayed(path)}")
