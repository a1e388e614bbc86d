"""Trusted reads and atomic writes, on real files, pipes, links and processes."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from scalekit_exec import files, sharing
from scalekit_exec.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

STRANGER = 42424
ROOT = os.geteuid() == 0


def written(path: Path, data: bytes = b"x = 1\n", mode: int = 0o644) -> str:
    path.write_bytes(data)
    path.chmod(mode)
    return str(path)


def refused(path: str, **options: bool) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        files.read_trusted(path, **options)  # type: ignore[arg-type]
    assert caught.value.code == "config-invalid"
    assert os.path.basename(path) in caught.value.message
    return caught.value


def seen_by_a_stranger(path: str) -> str:
    """Return the verdict of a user to whom this file is somebody else's, without becoming one."""
    return files._fault(os.stat(path), STRANGER, lambda _: "")


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    assert files.read_trusted(written(tmp_path / "scalekit.toml")) == b"x = 1\n"


def test_a_file_of_somebody_else_is_refused_with_its_owner_and_the_way_out(tmp_path: Path) -> None:
    path = written(tmp_path / "scalekit.toml")
    if ROOT:
        os.chown(path, STRANGER, -1)
        error = refused(path)
        assert f"owner {STRANGER}" in error.message
        assert "mode 0644" in error.message
        assert f"SCALEKIT_EXEC_CONFIG={path}" in error.hint
        assert files.read_named(path) == b"x = 1\n"
    else:
        assert seen_by_a_stranger(path) == "belongs to somebody else"


def test_a_file_of_root_is_nobodys_fault() -> None:
    roots = os.stat_result((0o100644, 0, 0, 1, 0, 0, 0, 0, 0, 0))
    assert files._fault(roots, STRANGER, lambda _: "") == ""


def test_a_file_that_everybody_may_write_is_refused_with_the_chmod_to_type(tmp_path: Path) -> None:
    path = written(tmp_path / "scalekit.toml", mode=0o666)
    error = refused(path)
    assert "mode 0666" in error.message
    assert f"chmod go-w {path}" in error.hint
    os.chmod(path, 0o644)
    assert files.read_trusted(path)


def test_the_hint_for_a_dot_env_names_its_own_variable(tmp_path: Path) -> None:
    path = written(tmp_path / ".env", mode=0o602)
    assert f"SCALEKIT_EXEC_ENV_FILE={path}" in refused(path).hint


def test_a_file_that_cannot_be_named_instead_has_no_such_hint(tmp_path: Path) -> None:
    path = written(tmp_path / "config.toml", mode=0o666)
    with pytest.raises(ConfigurationError) as caught:
        files.read_trusted(path, named_by="")
    assert "SCALEKIT_EXEC" not in caught.value.hint


USER, GROUP = 0x02, 0x08


def _with_acl(path: str, tag: int, rights: int, who: int, *, mask: int = 7, group: int = 0) -> None:
    """Give one more user or group rights by an access control list, in the kernel's own form."""
    own, of_group, mask_tag, other, nobody = 0x01, 0x04, 0x10, 0x20, 0xFFFFFFFF
    rows = [
        (own, 6, nobody),
        (tag, rights, who),
        (of_group, group, nobody),
        (mask_tag, mask, nobody),
    ]
    packed = [struct.pack("<HHI", *row) for row in (*sorted(rows), (other, 0, nobody))]
    os.setxattr(path, "system.posix_acl_access", struct.pack("<I", 2) + b"".join(packed))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has them in this form")
@pytest.mark.parametrize(
    ("entry", "mask", "written_by", "read"),
    [
        ((USER, 6, STRANGER), 7, True, True),
        ((GROUP, 6, STRANGER), 7, True, True),
        ((USER, 4, STRANGER), 7, False, True),
        ((USER, 6, STRANGER), 4, False, True),
        ((USER, 1, STRANGER), 7, False, False),
        ((USER, 7, os.getuid()), 7, False, False),
        ((USER, 7, 0), 7, False, False),
    ],
)
def test_a_list_counts_for_what_it_lets_others_do(
    tmp_path: Path, entry: tuple[int, int, int], mask: int, *, written_by: bool, read: bool
) -> None:
    path = written(tmp_path / "scalekit.toml", mode=0o600)
    assert not files.readable_by_others(path)
    _with_acl(path, *entry, mask=mask)
    assert os.stat(path).st_mode & 0o777 == 0o600 | mask << 3
    assert files.readable_by_others(path) is read
    if written_by:
        assert "may be written by others by its access control list" in refused(path).message
    else:
        assert files.read_trusted(path) == b"x = 1\n"
    assert files.read_named(path) == b"x = 1\n"


@pytest.mark.skipif(not ROOT, reason="only root can give a file to a group")
def test_beside_a_list_the_group_itself_still_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "scalekit.toml", mode=0o600)
    os.chown(path, -1, STRANGER)
    _with_acl(path, USER, 4, os.getuid(), group=6)
    assert "may be written by others of its group" in refused(path).message


def test_a_group_may_write_only_where_it_is_the_users_private_one(tmp_path: Path) -> None:
    path = written(tmp_path / "scalekit.toml", mode=0o664)
    status = os.stat(path)
    assert files._fault(status, status.st_uid, lambda _: "") == ""
    fault = files._fault(status, status.st_uid, lambda gid: f"others of {gid}")
    assert fault == f"may be written by others of {status.st_gid}"
    if ROOT:
        os.chown(path, -1, STRANGER)
        error = refused(path)
        assert f"group {STRANGER}" in error.message
        assert "mode 0664" in error.message


def test_a_group_that_nobody_has_or_that_others_are_in_is_not_the_users_own() -> None:
    import grp

    assert not sharing.is_own_group(STRANGER)
    shared = [group.gr_gid for group in grp.getgrall() if group.gr_gid != os.getgid()]
    assert not any(sharing.is_own_group(gid) for gid in shared)


def test_a_folder_that_everybody_may_write_spoils_the_file_in_it_unless_it_is_sticky(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    path = written(folder / "scalekit.toml")
    folder.chmod(0o777)
    error = refused(path)
    assert str(folder) in error.message
    assert "mode 0777" in error.message
    assert f"chmod go-w {folder}" in error.hint
    folder.chmod(0o1777)
    assert files.read_trusted(path)


def test_a_folder_of_somebody_else_spoils_the_file_in_it_even_if_it_is_sticky(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    path = written(folder / "scalekit.toml")
    if ROOT:
        os.chown(folder, STRANGER, -1)
        assert f"owner {STRANGER}" in refused(path).message
        folder.chmod(0o1777)
        assert "belongs to somebody else" in refused(path).message
    else:
        assert seen_by_a_stranger(str(folder)) == "belongs to somebody else"


def test_a_link_is_followed_and_its_target_and_the_targets_folder_are_checked(
    tmp_path: Path,
) -> None:
    loose = tmp_path / "loose"
    loose.mkdir()
    target = written(loose / "map.toml")
    link = tmp_path / "scalekit.toml"
    link.symlink_to(target)
    assert files.read_trusted(str(link)) == b"x = 1\n"
    loose.chmod(0o777)
    assert "loose" in refused(str(link)).message
    loose.chmod(0o755)
    os.chmod(target, 0o666)
    assert "mode 0666" in refused(str(link)).message


def test_a_link_that_somebody_else_made_is_refused(tmp_path: Path) -> None:
    target = written(tmp_path / "map.toml")
    link = tmp_path / "scalekit.toml"
    link.symlink_to(target)
    if ROOT:
        os.chown(link, STRANGER, -1, follow_symlinks=False)
        assert "a link that is not yours" in refused(str(link)).message
    else:
        assert not files._is_trusted(os.lstat(link), STRANGER)


@pytest.mark.parametrize("what", ["folder", "device", "pipe"])
def test_what_is_not_a_regular_file_is_refused_by_its_kind(tmp_path: Path, what: str) -> None:
    path = tmp_path / "scalekit.toml"
    if what == "folder":
        path.mkdir()
    elif what == "device":
        path.symlink_to("/dev/zero")
    else:
        os.mkfifo(path)
    assert f"is a {what}" in refused(str(path)).message


def test_a_file_that_is_not_there_is_the_callers_affair(tmp_path: Path) -> None:
    for read in (files.read_trusted, files.read_named):
        with pytest.raises(FileNotFoundError):
            read(str(tmp_path / "nothing"))


@pytest.mark.parametrize("path", ["{}/file/below", "{}/loop", "{}/nul\0"])
def test_a_path_that_leads_nowhere_is_one_plain_error(tmp_path: Path, path: str) -> None:
    written(tmp_path / "file")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        files.read_named(path.format(tmp_path))


def test_a_file_of_more_than_one_mebibyte_is_refused_whoever_named_it(tmp_path: Path) -> None:
    path = written(tmp_path / "scalekit.toml", b"#" * files.LARGEST)
    assert len(files.read_trusted(path)) == files.LARGEST
    written(tmp_path / "scalekit.toml", b"#" * (files.LARGEST + 1))
    assert "larger than 1 MiB" in refused(path).message
    with pytest.raises(ConfigurationError, match="larger than 1 MiB"):
        files.read_named("/dev/zero")
    with pytest.raises(ConfigurationError, match="a folder"):
        files.read_named(str(tmp_path))


def test_a_pipe_is_read_to_its_end_though_its_writer_comes_late(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    os.mkfifo(path, 0o600)
    script = "sleep 0.15; { printf 'A=1\\n'; sleep 0.15; printf 'B=2\\n'; } >\"$1\""
    with subprocess.Popen(["sh", "-c", script, "sh", str(path)]):
        assert files.read_trusted(str(path), fifo=True) == b"A=1\nB=2\n"


def test_a_pipe_that_nobody_writes_to_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    os.mkfifo(path, 0o600)
    descriptor = files._open(str(path))
    began = time.monotonic()
    with pytest.raises(ConfigurationError, match="nobody wrote to"):
        files._read(descriptor, str(path), 0.2)
    assert 0.2 < time.monotonic() - began < 2
    os.close(descriptor)


def test_a_pipe_whose_writer_says_nothing_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    os.mkfifo(path, 0o600)
    descriptor = files._open(str(path))
    writer = os.open(path, os.O_WRONLY)
    with pytest.raises(ConfigurationError, match="gave nothing more"):
        files._read(descriptor, str(path), 0.2)
    os.close(writer)
    os.close(descriptor)


def test_a_named_pipe_of_a_shell_is_read_as_a_file() -> None:
    ours, theirs = os.pipe()

    def write() -> None:
        os.write(theirs, b"A=1\n")
        os.close(theirs)

    writer = threading.Timer(0.1, write)
    writer.start()
    try:
        assert files.read_named(f"/dev/fd/{ours}") == b"A=1\n"
    finally:
        writer.join()
        os.close(ours)


def test_a_file_that_others_may_read_is_told_apart(tmp_path: Path) -> None:
    path = written(tmp_path / ".env", mode=0o600)
    assert not files.readable_by_others(path)
    os.chmod(path, 0o604)
    assert files.readable_by_others(path)
    os.chmod(path, 0o640)
    assert files.readable_by_others(path) == (not sharing.is_own_group(os.stat(path).st_gid))
    assert not files.readable_by_others(str(tmp_path / "nothing"))


def test_a_new_file_is_private_and_so_are_the_folders_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "config.toml"
    files.write_atomic(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_is_written_anew_keeps_its_mode_and_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "alone"
    folder.mkdir()
    path = written(folder / "scalekit.toml", mode=0o640)
    if ROOT:
        os.chown(path, STRANGER, STRANGER)
    before = os.stat(path)
    files.write_atomic(path, b"new")
    after = os.stat(path)
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )
    assert files.read_named(path) == b"new"
    assert os.listdir(folder) == ["scalekit.toml"]


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    target = written(tmp_path / "map.toml")
    link = tmp_path / "scalekit.toml"
    link.symlink_to("map.toml")
    files.write_atomic(str(link), b"new")
    assert link.is_symlink()
    assert files.read_named(target) == b"new"


def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    folder = tmp_path / "alone"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    with pytest.raises(ConfigurationError, match="it is a pipe"):
        files.write_atomic(str(folder / "pipe"), b"new")
    with pytest.raises(ConfigurationError, match="it is a folder"):
        files.write_atomic(str(folder), b"new")
    assert os.listdir(folder) == ["pipe"]


CUT_SHORT = """
import resource, signal, sys
from scalekit_exec import files
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
signal.signal(signal.SIGXFSZ, signal.{action})
files.write_atomic(sys.argv[1], b"n" * 5000)
"""


def write_with_room_for_a_thousand_bytes(
    path: str, action: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CUT_SHORT.format(action=action), path],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    )


def test_a_process_that_is_killed_while_it_writes_leaves_the_old_content(tmp_path: Path) -> None:
    path = written(tmp_path / "config.toml", b"o" * 3000)
    done = write_with_room_for_a_thousand_bytes(path, "SIG_DFL")
    assert done.returncode == -signal.SIGXFSZ
    assert files.read_named(path) == b"o" * 3000


def test_a_disk_that_is_full_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "alone"
    folder.mkdir()
    path = written(folder / "config.toml", b"o" * 3000)
    done = write_with_room_for_a_thousand_bytes(path, "SIG_IGN")
    assert done.returncode == 1
    assert f"cannot write {path}: {os.strerror(errno.EFBIG).lower()}" in done.stderr
    assert files.read_named(path) == b"o" * 3000
    assert os.listdir(folder) == ["config.toml"]


OVER_AND_OVER = """
import sys
from scalekit_exec import files
old, new = b"o" * 300000, b"n" * 200000
print("ready", flush=True)
while True:
    files.write_atomic(sys.argv[1], new)
    files.write_atomic(sys.argv[1], old)
"""


def test_whoever_reads_while_a_process_writes_and_is_killed_finds_one_whole_content(
    tmp_path: Path,
) -> None:
    path = written(tmp_path / "config.toml", b"o" * 300000)
    whole = {b"o" * 300000, b"n" * 200000}
    for _ in range(3):
        command = [sys.executable, "-c", OVER_AND_OVER, path]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            for _ in range(20):
                assert files.read_named(path) in whole
            writer.kill()
        assert files.read_named(path) in whole


def test_a_path_is_shown_from_home_on_and_with_nothing_that_a_terminal_obeys() -> None:
    home = os.environ["HOME"].rstrip("/")
    assert files.displayed(f"{home}/p/scalekit.toml") == "~/p/scalekit.toml"
    assert files.displayed(f"{home}x/scalekit.toml") == f"{home}x/scalekit.toml"
    assert files.displayed("/a\x1b[2J\u202e") == "/a\\x1b[2J\\u202e"
