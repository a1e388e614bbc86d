"""Run every function `check_*` of the modules `check_*.py` beside this file, all in one process.

Runs in Windows' Python (tests/windows/run), where starting pytest would cost more than the checks.
A new module, say `check_command.py` for the whole command, needs no entry anywhere. A check takes
a folder of its own, which is the working folder while it runs.
"""

import importlib
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
    passed = failed = 0
    for file in sorted(HERE.glob("check_*.py")):
        module = importlib.import_module(file.stem)
        for name, check in vars(module).items():
            if not name.startswith("check_"):
                continue
            begun = time.monotonic()
            try:
                with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                    os.chdir(folder)
                    try:
                        check(Path(folder))
                    finally:
                        os.chdir(HERE)
            except Exception:  # noqa: BLE001 - the next check shall still run
                failed += 1
                print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
            else:
                passed += 1
                print(f"ok     {name} ({time.monotonic() - begun:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
