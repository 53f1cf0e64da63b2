"""Every verb, taken from the table, on every file that somebody may give it: an answer or one clear line, never worse.

A verb that is new in VERBS fails here until CALLS says how it is asked. The files are whole recordings of several
beginnings, damaged ones, and files that are no recordings; what is demanded of all verbs alike stands in `demand`.
"""

from __future__ import annotations

import gzip
import os
import signal
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpd.engine.machine import Machine
from dhcpd.replay.command.cli import VERBS, cli
from dhcpd.trace import TapeWriter
from dhcpd.trace import events as ev
from dhcpd.trace.events import EVENT_IDS
from dhcpd.trace.format import FILE_HEADER, SEGMENT_HEADER_BYTES, file_header
from tests.replay.engine_runs import Run
from tests.replay.planting import PLAIN, plant, record_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
ANSWER_S_MAXIMUM: Final = 20
# No class that looks at parts of names, so that the clients can have pseudonyms.
CONFIGURATION: Final = b"""
authoritative; ping-check false; default-lease-time 600;
subnet 10.0.0.0 netmask 255.255.0.0 {
  option routers 10.0.0.1;
  range 10.0.1.0 10.0.8.255;
  on commit { execute("/bin/true", binary-to-ascii(10, 8, ".", leased-address)); }
}
host fixed { hardware ethernet 02:00:00:00:00:07; fixed-address 10.0.200.7; }
"""
ISC_TRACE: Final = ROOT / "fixtures/isc/01-one-dora.isc"
OUT: Final = "made"
CONF: Final = "asked.conf"

# How each verb is asked: the words behind the file's name. OUT is a new file, CONF a configuration that is there.
CALLS: Final[dict[str, tuple[str, ...]]] = {
    "info": ("--full",),
    "show": ("--full",),
    "stats": (),
    "metrics": (),
    "at": ("20", "--leases"),
    "history": ("10.0.1.1",),
    "diff": ("10", "20"),
    "explain": ("--event", "20"),
    "whatif": ("-cf", CONF),
    "verify": ("--jobs", "1"),
    "bisect": ("-cf", CONF),
    "slice": ("--from", "12", "-o", OUT),
    "shrink": ("--until-differs", "--jobs", "1", "-o", OUT),
    "redact": ("-o", OUT),
    "simulate": (),
    "import-isc": ("-o", OUT),
    "import-pcap": ("-cf", CONF, "-o", OUT),
    "export": ("--pcapng", OUT),
    "report": ("-o", OUT),
    "pair": (str(ROOT / "fixtures/dhclient/trace.bin"),),
}
# What these take is no recording of ours.
IMPORTS: Final = {"import-isc", "import-pcap", "simulate"}
# A reader that cannot be at fault for what is missing.
DOCUMENTED: Final = {0, 1, 2, 125}


class TooSlow(Exception):
    """A verb did not come back."""


@pytest.fixture
def watchdog() -> Iterator[None]:
    """A verb that hangs fails its test, and not the whole suite."""

    def bark(_signal: int, _frame: object) -> None:
        raise TooSlow

    old = signal.signal(signal.SIGALRM, bark)
    signal.alarm(ANSWER_S_MAXIMUM)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, old)


# The files


def served(clients: int = 6, configuration: bytes = CONFIGURATION) -> Run:
    run = Run(configuration)
    run.xid = 0x51A77A10  # none that ends with 02: with the zeros behind it, it looks like client 0's hardware address
    run.serve(clients)
    return run


def whole(path: Path) -> None:
    """A recording with snapshots inside."""
    record_run(path, served(), snapshot_every=11)


def octets_of(path: Path) -> bytes:
    whole(path)
    return path.read_bytes()


def refused(path: Path) -> None:
    """The configuration had errors, so that the run never served."""
    machine = Machine()
    events = (
        ev.Boot(1, 0, "test", ("-cf", "x", "-lf", "y"), (), "host", 1, b"seed" * 4, 67, "little", 0),
        ev.ConfigurationFile(1, 0, "x", b"subnet 10.0.0.0 { nonsense; }\n", ""),
        ev.ConfigurationEnd(1, 0, "x", False),
        ev.End(1, 0, "fatal"),
    )
    written(path, 1, [(event, machine.apply(event)) for event in events])


def written(path: Path, first_seq: int, pairs: list, snapshot: object = None) -> None:
    with TapeWriter.create(path, version="0.0.test", host="test", created_us=1, first_seq=first_seq) as writer:
        if snapshot is not None:
            writer.write_snapshot(first_seq - 1, snapshot)
        for event, effects in pairs:
            writer.write_effects(writer.write_events([event]), [effects])


def later(path: Path, *, with_snapshot: bool = True) -> None:
    """What the flight recorder leaves: the tape begins at event 15, with the state before it or without."""
    run = served()
    machine = Machine()
    for event, _ in run.pairs[:14]:
        machine.apply(event)
    written(path, 15, run.pairs[14:], machine.snapshot() if with_snapshot else None)


def newer(path: Path) -> None:
    octets = octets_of(path)
    magic, version, *rest = FILE_HEADER.unpack_from(octets)
    path.write_bytes(FILE_HEADER.pack(magic, version + 1, *rest) + octets[FILE_HEADER.size :])


def newer_record(path: Path) -> None:
    """The last event but one is of a kind that this program has not, as its own table says."""

    class LaterRecord(NamedTuple):
        wall_us: int
        mono_us: int
        word: str

    pairs = served().pairs
    at = pairs[-1][0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EVENT_IDS, LaterRecord, 63)
        written(path, 1, [*pairs[:-1], (LaterRecord(at.wall_us, at.mono_us, "x"), ()), pairs[-1]])


def hostile(path: Path) -> None:
    """Lengths that no memory has."""
    octets = bytearray(octets_of(path))
    at = FILE_HEADER.size + SEGMENT_HEADER_BYTES
    octets[at : at + 8] = b"\xff" * 8
    path.write_bytes(octets)


def middle(path: Path) -> None:
    octets = bytearray(octets_of(path))
    at = len(octets) // 2
    octets[at : at + 40] = bytes(40)
    path.write_bytes(octets)


def unreadable(path: Path) -> None:
    """For root too."""
    path.symlink_to(path.name)


def listening(path: Path) -> None:
    os.mkfifo(path)


def socket_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


# name -> (how it is made, the exit statuses that the verbs of recordings may give for it, without judging verbs' 1).
FILES: Final[dict[str, tuple[Callable[[Path], object], set[int]]]] = {
    "whole": (whole, {0}),
    "begins-with-a-snapshot": (later, {0, 125}),
    "begins-later-without": (lambda path: later(path, with_snapshot=False), {0, 125}),
    "configuration-refused": (refused, {0, 125}),
    "no-events": (lambda path: written(path, 1, []), {0, 125}),
    "header-only": (lambda path: path.write_bytes(file_header()), {0, 2, 125}),
    "torn": (lambda path: path.write_bytes(octets_of(path)[:-700]), {0, 2}),
    "damaged-in-the-middle": (middle, {0, 2}),
    "hostile-lengths": (hostile, {0, 2, 125}),
    "newer": (newer, {125}),
    "newer-record": (newer_record, {0, 125}),
    "empty": (lambda path: path.write_bytes(b""), {2}),
    "text": (lambda path: path.write_bytes(CONFIGURATION), {2}),
    "program": (lambda path: path.write_bytes(Path(sys.executable).read_bytes()[:100_000]), {2}),
    "gzip": (lambda path: path.write_bytes(gzip.compress(CONFIGURATION)), {2}),
    "capture": (lambda path: path.write_bytes(capture()), {2}),
    "isc-trace": (lambda path: path.write_bytes(ISC_TRACE.read_bytes()), {2}),
    "directory": (lambda path: path.mkdir(), {2, 125}),
    "absent": (lambda path: None, {125}),
    "in-no-directory": (lambda path: path.write_bytes(b""), {125}),
    "unreadable": (unreadable, {125}),
    "named-pipe": (listening, {2, 125}),
    "socket": (socket_at, {2, 125}),
}


def capture() -> bytes:
    """A pcap file with nothing in it."""
    return b"\xd4\xc3\xb2\xa1\2\0\4\0" + bytes(8) + b"\xff\xff\0\0\1\0\0\0"


def ask(folder: Path, verb: str, trace: Path, *more: str) -> Result:
    """Ask the verb about the file, as from a command line whose directory is `folder`."""
    (folder / CONF).write_bytes(CONFIGURATION)
    words = [str(folder / word) if word in (OUT, CONF) else word for word in CALLS[verb]]
    return CliRunner().invoke(cli, [verb, str(trace), *words, *more])


def demand(result: Result, folder: Path, trace: Path) -> None:
    """What is the same for all: no traceback, a documented status, one line of complaint, nothing half made."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in DOCUMENTED
    assert "Traceback" not in result.output
    complaints = result.stderr.splitlines()
    assert len(complaints) <= 1, result.stderr
    assert all(line.startswith("dhcpd-trace: ") for line in complaints)
    assert result.exit_code == 0 or complaints or result.stdout
    left = {path.name for path in folder.iterdir()} - {CONF, OUT, trace.name}
    assert not left, f"left behind: {left}"
    made = folder / OUT
    if made.exists():
        assert made.stat().st_size
        assert made.stat().st_mode & 0o777 == 0o600


def test_each_verb_has_a_call() -> None:
    assert set(VERBS) <= set(CALLS), "say in CALLS how the new verb is asked"


@pytest.mark.usefixtures("watchdog")
@pytest.mark.parametrize(("verb", "name"), [
    (verb, name) for verb in VERBS for name in FILES if (verb, name) != ("import-pcap", "named-pipe")
])  # a capture may come through a pipe: it is waited for
def test_any_file_gets_an_answer_or_one_line(verb: str, name: str, tmp_path: Path) -> None:
    make, allowed = FILES[name]
    trace = tmp_path / "given"
    make(trace)
    result = ask(tmp_path, verb, trace / "x" if name == "in-no-directory" else trace)
    demand(result, tmp_path, trace)
    if verb in IMPORTS:
        assert result.exit_code or (verb, name) == ("import-isc", "isc-trace")
        return
    nothing = verb in {"shrink", "pair"} and result.exit_code == 125
    assert nothing or result.exit_code in allowed, (result.exit_code, result.output)
    if result.exit_code and verb != "report":  # which tells of what there is, and of the damage
        assert not (tmp_path / OUT).exists(), "a failure leaves nothing behind"


MAKERS: Final = [verb for verb in VERBS if OUT in CALLS.get(verb, ())]


def given_to(verb: str, folder: Path) -> Path:
    """A file that the verb makes something of."""
    trace = folder / "given"
    if verb == "shrink":
        plant(trace, 3, 10, 1, configuration=PLAIN)
    elif verb == "import-isc":
        trace.write_bytes(ISC_TRACE.read_bytes())
    elif verb == "import-pcap":
        whole(folder / "recorded")
        assert CliRunner().invoke(cli, ["export", str(folder / "recorded"), "--pcapng", str(trace)]).exit_code == 0
        (folder / "recorded").unlink()
    else:
        whole(trace)
    return trace


@pytest.mark.parametrize("verb", MAKERS)
def test_what_is_made_is_whole_private_and_over_nothing(verb: str, tmp_path: Path) -> None:
    trace = given_to(verb, tmp_path)
    (tmp_path / OUT).write_bytes(b"of yesterday")
    result = ask(tmp_path, verb, trace)
    assert result.exit_code == 0, result.output
    assert result.stderr == f"dhcpd-trace: the older {tmp_path / OUT} is {tmp_path / OUT}.1 now\n"
    assert (tmp_path / f"{OUT}.1").read_bytes() == b"of yesterday"
    (tmp_path / f"{OUT}.1").unlink()
    assert (tmp_path / OUT).exists()
    result.stderr_bytes = b""
    demand(result, tmp_path, trace)


@pytest.mark.parametrize("verb", MAKERS)
def test_the_recording_itself_is_never_written(verb: str, tmp_path: Path) -> None:
    trace = given_to(verb, tmp_path)
    before = trace.read_bytes()
    (tmp_path / OUT).symlink_to(trace)
    result = ask(tmp_path, verb, trace)
    assert result.exit_code == 125
    assert "the recording that is read; give the new file another name" in result.stderr
    assert trace.read_bytes() == before


@pytest.mark.parametrize("verb", MAKERS)
def test_a_place_that_cannot_be_written_is_named(verb: str, tmp_path: Path) -> None:
    trace = given_to(verb, tmp_path)
    (tmp_path / CONF).write_bytes(CONFIGURATION)
    nowhere = str(tmp_path / "none" / OUT)
    words = [nowhere if word == OUT else str(tmp_path / word) if word == CONF else word for word in CALLS[verb]]
    result = CliRunner().invoke(cli, [verb, str(trace), *words])
    assert result.exit_code == 125
    assert result.stderr == f"dhcpd-trace: cannot write {nowhere}: No such file or directory\n"
    demand(result, tmp_path, trace)


def test_who_could_not_write_what_is_told_apart(tmp_path: Path) -> None:
    """A file that is made, one that is read, and a lease file beside: the complaint names the right one."""
    for verb, trace, more, complaint in (
        ("import-isc", ISC_TRACE, ("--lease-file", "/none/x"), "cannot write /none/x: No such"),
        ("import-pcap", tmp_path, (), f"{tmp_path}: Is a directory"),
    ):
        result = ask(tmp_path, verb, trace, *more)
        assert result.exit_code == 125
        assert result.stderr.startswith(f"dhcpd-trace: {complaint}")
        assert not (tmp_path / OUT).exists()


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "verify"])
def test_interruption_is_no_verdict(verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """^C in the middle of it, here where the file is opened."""

    def interrupted(*_words: object, **_more: object) -> object:
        raise KeyboardInterrupt

    module = import_module(f"dhcpd.replay.verbs.{verb.replace('-', '_')}")
    for name in ("opened", "imported", "planned"):
        monkeypatch.setattr(module, name, interrupted, raising=False)
    result = ask(tmp_path, verb, given_to(verb, tmp_path))
    assert result.exit_code == 130
    assert result.output == ""
    assert not (tmp_path / OUT).exists()


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    whole(tmp_path / "given")
    program = str(Path(sys.executable).parent / "dhcpd-trace")
    client = "02:00:00:00:00:01"
    for words in ("show {} --full", "info {}", "at {} 20 --leases", "verify {} {}", f"explain {{}} --client {client}"):
        line = f"{program} {words.replace('{}', 'given')} | true; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.stderr == "", words
        assert done.stdout in ("141\n", "0\n"), words


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return octets_of(tmp_path_factory.mktemp("sound") / "trace")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    verb=st.sampled_from(sorted(set(VERBS) - IMPORTS)),
    hits=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=4),
    length=st.integers(0, 1 << 20),
    cut=st.booleans(),
)
@pytest.mark.usefixtures("watchdog")
def test_random_damage(
    sound: bytes,
    tmp_path_factory: pytest.TempPathFactory,
    verb: str,
    hits: list[tuple[int, int]],
    length: int,
    cut: bool,
) -> None:
    """A recording with snapshots inside, octets changed anywhere, cut anywhere, or nothing left."""
    octets = bytearray(sound)
    for at, value in hits:
        octets[at % len(octets)] = value
    folder = tmp_path_factory.mktemp("damaged")
    trace = folder / "given"
    trace.write_bytes(octets[: length % len(octets)] if cut else octets)
    signal.alarm(ANSWER_S_MAXIMUM)
    demand(ask(folder, verb, trace), folder, trace)
