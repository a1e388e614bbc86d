"""The unmodified SDKs of Scalekit, Python's and Node's, against the sandbox, each in a process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sandboxes import SandboxHandle, running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENARIO = """
[[accounts]]
connection_name = "gmail"
identifier = "mess"
oauth_token = { access_token = "sandbox-T" }
"""

NODE_SDK = "@scalekit-sdk/node@2.11.0"
NODE_CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sandbox_node", "client.js")
# npm's own settings are in the real home, which the tests do not see.
REAL_ENVIRONMENT = dict(os.environ)
NODE_FOLDER = os.path.join(tempfile.gettempdir(), "scalekit-exec-" + NODE_SDK.replace("/", "-"))

PYTHON_CLIENT = """
import json, os
from scalekit import ScalekitClient
from scalekit.common.exceptions import ScalekitNotFoundException
client = ScalekitClient(
    os.environ["SCALEKIT_ENV_URL"],
    os.environ["SCALEKIT_CLIENT_ID"],
    os.environ["SCALEKIT_CLIENT_SECRET"],
)
actions = client.actions
account = actions.get_connected_account("gmail", "mess").connected_account
told = {
    "token": account.authorization_details["oauth_token"]["access_token"],
    "status": account.status,
    "link": actions.get_authorization_link(connection_name="gmail", identifier="mess").link,
}
listed = actions.list_connected_accounts(connection_name="gmail").connected_accounts
told["listed"] = [each.identifier for each in listed]
connections = client.connection.list_app_connections()[0].connections
told["connections"] = [each.key_id for each in connections]
made = actions.get_or_create_connected_account("gmail", "new").connected_account
told["made"] = made.status
try:
    actions.get_connected_account("gmail", "nobody")
except ScalekitNotFoundException as error:
    told["error"] = type(error).__name__
    told["code"] = error.error_code
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    with running_sandbox(SCENARIO) as handle:
        yield handle


def run(words: list[str], environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        words, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_pythons_sdk_works_as_it_is(sandbox: SandboxHandle) -> None:
    sandbox.reset()
    trust = {
        "REQUESTS_CA_BUNDLE": sandbox.ca_file,
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": sandbox.ca_file,
    }
    told = run([sys.executable, "-c", PYTHON_CLIENT], {**os.environ, **sandbox.environ(), **trust})
    assert told.pop("link").startswith(sandbox.url + "/")
    assert told == {
        "token": "sandbox-T",
        "status": "ACTIVE",
        "listed": ["mess"],
        "connections": ["gmail"],
        "made": "PENDING_AUTH",
        "error": "ScalekitNotFoundException",
        "code": "RESOURCE_NOT_FOUND",
    }
    transports = {each["operation"]: each["transport"] for each in sandbox.requests()}
    assert transports == {"token": "rest", "auth": "grpc", "link": "grpc", "other": "grpc"}


@pytest.fixture(scope="module")
def node_modules() -> str:
    """Install Node's SDK once, in a private folder that later runs find again."""
    npm = shutil.which("npm", path=REAL_ENVIRONMENT.get("PATH"))
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    os.makedirs(NODE_FOLDER, mode=0o700, exist_ok=True)
    if hasattr(os, "getuid"):
        assert os.stat(NODE_FOLDER).st_uid == os.getuid(), f"{NODE_FOLDER} is somebody else's"
    modules = os.path.join(NODE_FOLDER, "node_modules")
    if not os.path.exists(os.path.join(NODE_FOLDER, "complete")):
        words = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", NODE_SDK]
        done = subprocess.run(
            words,
            cwd=NODE_FOLDER,
            env=REAL_ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 and "CI" not in REAL_ENVIRONMENT:
            pytest.skip("npm cannot install Node's SDK here")
        assert done.returncode == 0, done.stderr
        with open(os.path.join(NODE_FOLDER, "complete"), "w", encoding="ascii"):
            pass
    return modules


@pytest.mark.timeout(300)
def test_nodes_sdk_works_as_it_is(sandbox: SandboxHandle, node_modules: str) -> None:
    sandbox.reset()
    more = {"NODE_EXTRA_CA_CERTS": sandbox.ca_file, "NODE_PATH": node_modules}
    told = run(["node", NODE_CLIENT], {**os.environ, **sandbox.environ(), **more})
    assert told.pop("link").startswith(sandbox.url + "/")
    assert told == {
        "token": "sandbox-T",
        "listed": ["mess"],
        "error": "ScalekitNotFoundException",
        "code": "RESOURCE_NOT_FOUND",
    }
    assert {each["transport"] for each in sandbox.requests()} == {"rest", "grpc"}
