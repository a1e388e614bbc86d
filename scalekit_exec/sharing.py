"""Who besides the user shares the rights that a file's group has: private groups, access lists."""

from __future__ import annotations

import os

__all__ = ["is_own_group", "others"]

# The kinds of an access control list's entries (include/uapi/linux/posix_acl.h).
_NAMED_USER, _GROUP, _NAMED_GROUP, _MASK = 0x02, 0x04, 0x08, 0x10


def others(path: str, group: int, right: int) -> str:
    """Name those who have a right (4 to read, 2 to write) where the mode gives it to the group.

    Empty where it is only the user. With an access control list the group's bits in the mode are
    its mask (acl(5)).
    """
    user = os.geteuid()
    listed = _listed(path)
    if not listed:
        return "" if is_own_group(group) else "others of its group"
    mask = next((may for tag, may, _ in listed if tag == _MASK), right)
    for tag, may, who in listed:
        if may & mask & right and (
            (tag == _NAMED_USER and who not in (user, 0))
            or (tag == _NAMED_GROUP and not is_own_group(who))
            or (tag == _GROUP and not is_own_group(group))
        ):
            named = tag != _GROUP
            return "others by its access control list" if named else "others of its group"
    return ""


def _listed(path: str) -> list[tuple[int, int, int]]:
    """Return tag, rights and id of each entry of a file's access control list, if it has one.

    Linux only; the form is that of include/uapi/linux/posix_acl_xattr.h.
    """
    try:
        data = os.getxattr(path, "system.posix_acl_access")
    except (AttributeError, OSError):
        return []
    entries = range(4, len(data) - 7, 8)
    return [
        (
            int.from_bytes(data[at : at + 2], "little"),
            int.from_bytes(data[at + 2 : at + 4], "little"),
            int.from_bytes(data[at + 4 : at + 8], "little"),
        )
        for at in entries
    ]


def is_own_group(group: int) -> bool:
    """Tell whether this is the user's private group, as most Linux systems give each user one.

    It must be their primary group, with no other member, by membership or by being primary.
    """
    import grp
    import pwd

    user = os.geteuid()
    try:
        account = pwd.getpwuid(user)
        members = grp.getgrgid(group).gr_mem
    except KeyError:
        return False
    return (
        account.pw_gid == group
        and set(members) <= {account.pw_name}
        and all(other.pw_uid == user for other in pwd.getpwall() if other.pw_gid == group)
    )
