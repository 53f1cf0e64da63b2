"""-user, -group and -chroot: looked up early, carried out late.

Root is given up when everything that needs it is open. Nothing here decides when that is.

See docs/behaviour/start.md#privileges-and-chroot.
"""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass


class PrivilegeError(Exception):
    """Privileges cannot be changed as asked; the message is ISC's fatal text."""


@dataclass(slots=True, frozen=True)
class Privileges:
    """Who to become: 0 for no change, as in ISC dhcpd. `chroot` is a directory or None."""

    uid: int = 0
    gid: int = 0
    chroot: str | None = None

    @property
    def file_owner(self) -> tuple[int, int] | None:
        """Who is given each new lease file: nobody, unless both a user and a group are set and we are root."""
        return (self.uid, self.gid) if self.uid and self.gid and os.geteuid() == 0 else None

    def change_root(self) -> None:
        """Make `chroot` the root directory; raises PrivilegeError."""
        if self.chroot is None:
            return
        try:
            os.chroot(self.chroot)
            os.chdir("/")
        except OSError as error:
            raise PrivilegeError(f'chroot("{self.chroot}"): {error.strerror}') from error

    def drop(self) -> None:
        """Become the group and the user; raises PrivilegeError."""
        step = ""
        try:
            if self.gid:
                step = "setgroups"
                os.setgroups([])
                step = f"setgid({self.gid})"
                os.setgid(self.gid)
            if self.uid:
                step = f"setuid({self.uid})"
                os.setuid(self.uid)
        except OSError as error:
            raise PrivilegeError(f"{step}: {error.strerror}") from error


def look_up(user: str | None, group: str | None, chroot: str | None) -> Privileges:
    """Find the numbers; raises PrivilegeError for who is not root, and for names that nobody has."""
    root = os.geteuid() == 0
    for asked, text in (
        (user, "you must be root to set user"),
        (group, "you must be root to set group"),
        (chroot, "you must be root to use chroot"),
    ):
        if asked is not None and not root:
            raise PrivilegeError(text)
    uid, gid = _user_numbers(user)
    return Privileges(uid, gid if group is None else _group_number(group), chroot)


def _user_numbers(user: str | None) -> tuple[int, int]:
    if user is None:
        return 0, 0
    try:
        entry = pwd.getpwnam(user)
    except KeyError as error:
        raise PrivilegeError(f"no such user: {user}") from error
    return entry.pw_uid, entry.pw_gid


def _group_number(group: str) -> int:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise PrivilegeError(f"no such group: {group}") from error
