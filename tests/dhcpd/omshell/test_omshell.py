"""The program omshell: options, exit status, secrets from files, lines of any kind, and what a person gets."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.dhcpctl import Object
from dhcpd.omshell import terminal
from dhcpd.omshell.__main__ import _to, lines_of
from dhcpd.omshell.shell import Shell, for_people, shown
from tests.dhcpd.dhcpctl.loopback import Loopback

OMSHELL = [sys.executable, "-m", "dhcpd.omshell"]


def omshell(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*OMSHELL, *words], input=given, capture_output=True, text=True, check=False, timeout=60)


def told(*lines: bytes) -> tuple[str, str]:
    said, complained = io.StringIO(), io.StringIO()
    shell = Shell(lambda *_: pytest.fail("nothing to connect to"), said.write, complained.write)
    for line in lines:
        shell.do(line)
    return said.getvalue(), complained.getvalue()


def test_without_input_there_is_one_prompt():
    done = omshell()
    assert (done.returncode, done.stdout, done.stderr) == (0, "> ", "")


@pytest.mark.parametrize("words", [("x",), ("-x", "y"), ("-f",), ("-f", "a", "b")])
def test_words_that_are_none_are_answered_as_isc_does(words):
    done = omshell(*words)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "Usage: omshell\n")


def test_help_tells_the_options():
    done = omshell("--help")
    assert done.returncode == 0
    assert "--key-file" in done.stdout


def test_a_script_with_a_key_from_a_file_and_its_exit_status(tmp_path):
    (tmp_path / "key").write_text("key omapi_key { algorithm hmac-md5; secret AAECAwQFBgcICQoLDA0ODw==; };\n")
    with Loopback() as server:
        good = f'port {server.port}\nconnect\nnew host\nset name = "configured"\nopen\n'
        for script, status in [(good, 0), (good + "create\n", 1), (good + "nonsense\n", 1)]:
            (tmp_path / "script").write_text(script)
            done = omshell("--key-file", str(tmp_path / "key"), "-f", str(tmp_path / "script"))
            assert "hardware-address = 02:00:00:00:0f:01" in done.stdout
            assert done.returncode == status


@pytest.mark.parametrize("option", ["-f", "--key-file"])
@pytest.mark.parametrize(("kind", "why"), [
    ("pipe", "not a regular file"), ("/dev/zero", "not a regular file"), ("hole", "File too large"),
    (".", "Is a directory"),
])  # fmt: skip
def test_what_has_no_end_is_not_read(tmp_path, option, kind, why):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "hole").touch()
    os.truncate(tmp_path / "hole", 1 << 40)
    done = omshell(option, str(tmp_path / kind))
    assert (done.returncode, done.stderr) == (1, f"omshell: {tmp_path / kind}: {why}\n")


@pytest.mark.parametrize("words", [("-f", "/no/such/script"), ("--key-file", "/no/such/key")])
def test_a_file_that_is_not_there(words):
    done = omshell(*words)
    assert done.returncode == 1
    assert done.stderr == f"omshell: {words[1]}: No such file or directory\n"


def test_a_long_line_is_several_and_one_without_its_end_counts():
    lines = list(lines_of(io.BytesIO(b"#" * 1022 + b"ab\nhelp")))
    assert lines == [b"#" * 1022 + b"a", b"b\n", b"help"]
    assert told(b"help")[0].startswith("Commands:\n")


def test_what_isc_hangs_of_is_answered():
    assert told(b"key a")[1] == "<STDIN> line 2: invalid base64 character 10.\n\n^\n"
    assert told(b"key a AAAA") == ("", "")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"server 1.2.3", "usage: server <server>\n"),
        (b"server localhost.localdomain\n", "usage: server <server>\n"),
        (b"port 79a\n", "unknown service name: 79a\n"),
        (b"port abc x\n", "unknown service name: abc\n"),
        (b"key a AAAA;\n", "usage: key <name> <value>\n"),
        (b"key a = ;\n", ""),
        (b"unset a b\n", "no open object.\n"),
        (b"set 5 = 5\n", "usage: set <name> = <value>\n"),
        (b"set a = 1 2\n", "no open object.\n"),
        (b"open\0 x\n", "not connected.\n"),
        (b"open ;\n", "usage: ;\n"),
    ],
)
def test_corners_of_the_language(line, said):
    assert told(line) == (said, "")


@given(st.lists(st.binary(max_size=80) | st.from_regex(rb"(set a =|key a|server|port|new|unset) [ -~]{0,40}\n")))
def test_no_line_is_too_odd(lines):
    told(*[line for line in lines if b"connect" not in line.lower()])


def test_values_as_they_are_printed():
    assert [shown(value) for value in (None, -1, 1 << 31, 'a"b', b"ab", b"\x7f", b"", b"\1" * 342, b"a" * 2000)] == [
        "<null>", "-1", "-2147483648", '"a"b"', '"ab"', "7f", '""', "", '"' + "a" * 1022 + '"',
    ]  # fmt: skip


def test_completion_knows_commands_types_and_attributes():
    shell = Shell(lambda *_: pytest.fail("nothing to connect to"), str, str)
    assert terminal.completions(shell, "di", "di") == ["disconnect"]
    assert terminal.completions(shell, "new ho", "ho") == ["host"]
    assert terminal.completions(shell, "set har", "har") == []
    shell.about = Object("host", {"hard": 1})
    assert terminal.completions(shell, "set har", "har") == ["hard", "hardware-address", "hardware-type"]
    assert terminal.completions(shell, "key a b", "b") == []


def test_a_person_at_a_terminal(tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(OMSHELL, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    heard = b""
    for awaited, typed in [(b"> ", b"hel\t\n"), (b"Types:", b""), (b"> ", b"\x04")]:
        while awaited not in heard:
            heard += os.read(ours, 4096)
        heard = heard.split(awaited, 1)[1]
        os.write(ours, typed)
    assert process.wait(timeout=60) == 0
    os.close(ours)


def test_what_a_server_says_is_not_obeyed_by_a_terminal():
    ours, theirs = pty.openpty()
    evil = "a\x1b[2J\r\nforged\x9b1m\N{RIGHT-TO-LEFT OVERRIDE}"
    with os.fdopen(theirs, "wb", buffering=0) as stream:
        _to(stream)(f'{evil.encode().decode("latin-1")} = "x"\n')
    heard = os.read(ours, 4096).decode()
    os.close(ours)
    assert heard.replace("\r\n", "\n") == 'a\\x1b[2J\\x0d\nforged\\x9b1m\\u202e = "x"\n'
    said = io.BytesIO()
    _to(said)("a\x1b[2J")
    assert said.getvalue() == b"a\x1b[2J", "a script has the octets"


def test_the_prompt_is_not_obeyed_either():
    shell = Shell(lambda *_: pytest.fail("nothing to connect to"), lambda _: None, lambda _: None)
    shell.connected, shell.about = True, Object("host", {"a\x1b[2J": 1})
    assert "\x1b" not in for_people(shell.prompt())
