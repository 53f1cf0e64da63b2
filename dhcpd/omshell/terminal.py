"""What a person at a terminal gets besides: editing, history, completion, and a longer `help`.

A terminal alone: what a script writes and reads is ISC's. Lines with a secret are kept out of the history.
"""

from __future__ import annotations

import readline
from typing import TYPE_CHECKING, Final

from .language import LINE_OCTETS_MAX
from .shell import for_people

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .shell import Shell

COMMANDS: Final = (
    "close", "connect", "create", "disconnect", "help", "key", "key-algorithm", "new", "open", "port", "refresh",
    "remove", "server", "set", "unset", "update",
)  # fmt: skip
TYPES: Final = ("class", "control", "failover-state", "group", "host", "interface", "lease", "subclass")
ATTRIBUTES: Final = {
    "lease": ("client-hostname", "dhcp-client-identifier", "ends", "flags", "hardware-address", "hardware-type",
              "ip-address", "state"),
    "host": ("dhcp-client-identifier", "group", "hardware-address", "hardware-type", "ip-address", "known", "name",
             "statements"),
    "group": ("name", "statements"),
    "class": ("match", "name"),
    "subclass": ("hashstring", "name"),
    "failover-state": ("local-state", "name"),
    "control": ("state",),
    "interface": ("name",),
}  # fmt: skip
ALGORITHMS: Final = ("hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
HINT: Final = """  close
  key-algorithm <algorithm name>
The Tab key completes commands, types and attributes; Ctrl-D ends.
Types: class, control, failover-state, group, host, interface, lease, subclass.
"""


def completions(shell: Shell, line: str, word: str) -> list[str]:
    """What `word`, the last of `line`, may become."""
    before = line[: len(line) - len(word)].split()
    if not before:
        choices: tuple[str, ...] = COMMANDS
    elif before == ["new"]:
        choices = TYPES
    elif before == ["key-algorithm"]:
        choices = ALGORITHMS
    elif before in (["set"], ["unset"]) and shell.about is not None:
        choices = tuple(sorted({*ATTRIBUTES.get(shell.about.type, ()), *shell.about}))
    else:
        choices = ()
    return [choice for choice in choices if choice.startswith(word)]


def lines_of_terminal(shell: Shell) -> Iterator[bytes]:
    """The lines that a person types, each behind the prompt; ends at the end of input."""
    readline.set_completer_delims(" \t")
    readline.set_completer(lambda word, n: _nth(completions(shell, readline.get_line_buffer(), word), n))
    readline.parse_and_bind("tab: complete")
    readline.set_auto_history(False)
    while True:
        try:
            line = input(for_people(shell.prompt()))
        except EOFError:
            return
        except KeyboardInterrupt:
            yield b"\n"
            continue
        if line.strip() and line.split()[0].lower() != "key":
            readline.add_history(line)
        yield from _pieces(line.encode("utf-8", "surrogateescape") + b"\n")


def _pieces(line: bytes) -> list[bytes]:
    return [line[at : at + LINE_OCTETS_MAX] for at in range(0, len(line), LINE_OCTETS_MAX)]


def _nth(found: list[str], n: int) -> str | None:
    return found[n] if n < len(found) else None
