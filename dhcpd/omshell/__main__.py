"""`python -m dhcpd.omshell` and the console script `omshell`: options, input, streams, exit status.

Without an option it is ISC's omshell: commands on standard input, exit status 0 at the end of input. With `-f` the
commands come from a file, and the exit status tells whether all of them succeeded.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO, Final

from ..dhcpctl.client import connect
from ..dhcpctl.keys import DEFAULT_ALGORITHM, BadKey, key_from_file
from ..disk import opening
from .language import LINE_OCTETS_MAX
from .shell import Shell, for_people

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..engine.omapi.signing import Key

USAGE: Final = "Usage: omshell"
HELP: Final = """Usage: omshell [--key-file FILE [--key NAME] [--key-algorithm NAME]] [-f SCRIPT]

Looks at the objects of a running dhcpd, and changes them. Without an option it is
ISC's omshell: commands on standard input, `help` lists them.

  -f SCRIPT             take the commands from a file; the exit status is 1 if one failed
  --key-file FILE       a file with the key: `key NAME { algorithm ...; secret ...; };`
                        as in dhcpd.conf, or the secret in base64 alone
  --key NAME            the key's name, where the file holds the secret alone
  --key-algorithm NAME  hmac-md5 (the default), -sha1, -sha224, -sha256, -sha384, -sha512
  -h, --help            this text
"""
# A million commands; what is so long is another file, or a hole.
SCRIPT_OCTETS_MAX: Final = 64 << 20
_VALUES: Final = frozenset({"-f", "--key-file", "--key", "--key-algorithm"})


class CommandError(ValueError):
    """The command line is not understood; ISC's answer to that is its usage."""


def main() -> int:
    """Run the shell with the process's arguments and streams; returns its exit status."""
    words = sys.argv[1:]
    if set(words) & {"-h", "--help"}:
        sys.stdout.write(HELP)
        return 0
    try:
        options = read_options(words)
        key = _key(options)
        script = options.get("-f")
        if script is not None:
            with open(opening.read_only(script, SCRIPT_OCTETS_MAX), "rb") as file:  # noqa: PTH123 - a descriptor
                return _run(key, file, status=True)
        return _run(key, sys.stdin.buffer, status=False)
    except CommandError:
        sys.stderr.write(f"{USAGE}\n")
    except BadKey as error:
        sys.stderr.write(f"omshell: {error.reason}\n")
    except OSError as error:
        sys.stderr.write(f"omshell: {error.filename}: {error.strerror}\n")
    return 1


def read_options(words: Sequence[str]) -> dict[str, str]:
    """The options and their values; raises CommandError for what is none."""
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        value = next(rest, None)
        if word not in _VALUES or value is None:
            raise CommandError(word)
        found[word] = value
    return found


def _key(options: dict[str, str]) -> Key | None:
    path = options.get("--key-file")
    if path is None:
        return None
    return key_from_file(path, options.get("--key", ""), options.get("--key-algorithm", DEFAULT_ALGORITHM))


def _run(key: Key | None, file: BinaryIO, *, status: bool) -> int:
    shell = Shell(connect, _to(sys.stdout.buffer), _to(sys.stderr.buffer), key)
    if not status and sys.stdin.isatty() and sys.stdout.isatty():
        _talk(shell)
    else:
        _read(shell, file)
    shell.close()
    return int(status and shell.failed > 0)


def _read(shell: Shell, file: BinaryIO) -> None:
    say = _to(sys.stdout.buffer)
    say(shell.prompt())
    for line in lines_of(file):
        shell.do(line)
        say(shell.prompt())


def _talk(shell: Shell) -> None:
    """Talk with a person at a terminal."""
    from . import terminal  # noqa: PLC0415 - a script does not wait for readline

    for line in terminal.lines_of_terminal(shell):
        shell.do(line)
        if line.split()[:1] in ([b"help"], [b"?"]):
            sys.stdout.write(terminal.HINT)
    sys.stdout.write("\n")


def _to(stream: BinaryIO) -> Callable[[str], None]:
    """What writes to a stream at once, so that two streams that meet in one place stay in order.

    A script reads octets as they are; on a terminal nothing that a server says may be obeyed.
    """
    person = stream.isatty()

    def write(text: str) -> None:
        stream.write(for_people(text).encode("utf-8", "replace") if person else text.encode("latin-1"))
        stream.flush()

    return write


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of the input with their line feeds, long ones in pieces, as ISC reads them."""
    while line := file.readline(LINE_OCTETS_MAX):
        yield line


if __name__ == "__main__":
    sys.exit(main())
