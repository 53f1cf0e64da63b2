"""The shell says and sends what ISC's did in recorded sessions, octet for octet.

tests/engine/omapi/vectors.json holds the messages of ISC's server and shell, sessions/ what the shell read and printed.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from dhcpd.dhcpctl.client import raise_for
from dhcpd.dhcpctl.errors import CannotConnect
from dhcpd.dhcpctl.session import Session, State
from dhcpd.omshell.__main__ import lines_of
from dhcpd.omshell.shell import Shell

HERE = Path(__file__).parent
MESSAGES = json.loads((HERE.parents[1] / "engine/omapi/vectors.json").read_text("utf-8"))["messages"]
SESSIONS = sorted(path.stem for path in (HERE / "sessions").glob("*.in"))


class Recorded:
    """A connection whose server is the recording: it must be asked what ISC's shell asked, and answers as ISC's did."""

    def __init__(self, messages, key) -> None:
        self.messages = messages
        asked = [one for one in messages if one["from"] == "client" and one["kind"] == "message"]
        self.session = Session(key, asked[0]["id"] if asked else 1)
        self.exchange()
        if self.session.failure is not None:
            raise CannotConnect(self.session.failure)

    @property
    def lost(self) -> bool:
        return self.session.state is State.LOST

    def exchange(self) -> None:
        while output := self.session.take_output():
            sent = b""
            while len(sent) < len(output):
                assert self.messages, f"ISC's shell did not send {output.hex()}"
                one = self.messages.pop(0)
                if one["from"] == "client":
                    sent += bytes.fromhex(one["raw"])
                else:
                    self.session.receive(bytes.fromhex(one["raw"]))
            assert output == sent
            while self.messages and self.messages[0]["from"] == "server":
                self.session.receive(bytes.fromhex(self.messages.pop(0)["raw"]))

    def finish(self, request) -> None:
        self.exchange()
        if request.code is None:  # the recording says nothing more: the server had gone
            assert not self.messages
            self.session.receive(b"")
        raise_for(request)

    def open(self, about, *, create=False, exclusive=False):
        self.finish(self.session.open(about, create=create, exclusive=exclusive))

    def update(self, about):
        self.finish(self.session.update(about))

    def refresh(self, about):
        self.finish(self.session.refresh(about))

    def remove(self, about):
        self.finish(self.session.remove(about))

    def close(self):
        self.session.lose()


@pytest.mark.parametrize("name", SESSIONS)
def test_a_recorded_session_again(name):
    connections = iter(sorted({one["connection"] for one in MESSAGES if one["session"] == name}))
    left = []

    def connect(host, port, key):
        number = next(connections)
        messages = [one for one in MESSAGES if (one["session"], one["connection"]) == (name, number)]
        left.append(messages)
        return Recorded(messages, key)

    said, complained = io.StringIO(), io.StringIO()
    shell = Shell(connect, said.write, complained.write)
    said.write(shell.prompt())
    for line in lines_of(io.BytesIO((HERE / f"sessions/{name}.in").read_bytes())):
        shell.do(line)
        said.write(shell.prompt())
    expected = HERE / f"sessions/{name}.stderr"
    assert said.getvalue() == (HERE / f"sessions/{name}.stdout").read_text("latin-1")
    assert complained.getvalue() == (expected.read_text("latin-1") if expected.exists() else "")
    assert not any(left)
