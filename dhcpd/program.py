"""The program: from `argv` to an exit status, in ISC dhcpd's order and words.

Joins the parts: command line, fork, log, banner, tape, playback, start, loop. What is printed before the
configuration is read is printed here; everything after it is the engine's.

See docs/behaviour/start.md#the-start-in-order.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

from . import boot, cli, door
from .door import Door
from .engine import reloading
from .engine.machine import Machine
from .engine.model import notices
from .process import daemon, preload, privileges
from .process.build import VERSION
from .process.logging import Logger
from .process.signals import EARLY
from .run import Run, RunEnded
from .start import Start
from .trace import TapeWriteFailed, TapeWriter
from .trace.effects import DEBUG, ERROR, INFO, Fatal, Log
from .trace.events import End, LeaseFileEnd, LeaseFilePart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cli import CommandLine, Paths
    from .engine.model.configuration import Configuration
    from .recording.recorder import Recorder
    from .trace.events import Boot

BANNER: Final = (notices.VERSION(version=VERSION).text, notices.DOCUMENTATION().text)
_ABORTED_STATUS: Final = 134
CANNOT_PLAY: Final = 125
_REGRETTED: Final = 2


def main(argv: Sequence[str]) -> int:
    """Run with `argv`, the name of the program first; returns the exit status, or dies of the signal that ended it."""
    name, words = Path(argv[0]).name, argv[1:]
    daemon.open_standard_descriptors()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _, foreground = cli.first_pass(words)
    try:
        parent = daemon.Daemon() if foreground else daemon.Daemon.fork()
        return Program(name, words, parent).run()
    except RunEnded as ended:
        return ended.status


class Program:
    """One run."""

    def __init__(self, name: str, words: Sequence[str], parent: daemon.Daemon) -> None:
        self._name = name
        self._words = words
        self._parent = parent
        self._logger = Logger(name, json="--log-json" in words)

    def run(self) -> int:
        """Everything behind the fork; raises RunEnded."""
        line, paths = self._read_command_line()
        if "-q" in line:
            self._logger.to_stderr = False
        else:
            self._say_banner()
        if "-play" in line.values:
            gc.enable()
            return self._play(line, paths)
        recorder = self._open_recording(line)
        run = self._new_run(line, paths, recorder)
        try:
            self._check_family(line)
            # Until the server serves (memory.py): what the start makes stays, see __main__.py.
            gc.disable()
            if not line.testing or "-chroot" in line.values:
                preload.load_everything()
            # Modules stay, too: nobody is to look for garbage in them behind the reading of the configuration.
            gc.freeze()
            self._start(run)
            from .loop import Loop  # noqa: PLC0415 - a test of a configuration never comes here; loaded, see preload.py

            loop = Loop(run)
            loop.run()
        except RunEnded:
            raise
        except Exception as error:  # noqa: BLE001 - a defect of ours: everything that helps to find it, then the end
            return self._abort(error, recorder, engine_failed=run.door.engine_failed)
        return loop.status if loop.status is not None else _die_of(loop.signal)

    def _start(self, run: Run) -> None:
        # Who asks for a reload or a new segment too early is heard when the loop listens, and does not end the server.
        if not run.line.testing:
            signal.pthread_sigmask(signal.SIG_BLOCK, EARLY)
        try:
            Start(run, self._repeat_banner).run(self._boot(run.line, run.paths))
        except RunEnded as ended:
            if ended.status == 0:
                self._say_what_was_asked(run)
            raise

    def _say_what_was_asked(self, run: Run) -> None:
        """More about a configuration that has no mistakes; raises RunEnded where the status is not 0 for it."""
        line, machine = run.line, run.machine
        if "--dump-config" in line.values:
            self._dump(machine, line.values["--dump-config"])
        for file in line.against:
            self._say_what_a_reload_means(run, file)
        if "--peer" in line.values:
            self._say_whether_a_pair_fits(run, line.values["--peer"])
        if "--lint" in line:
            self._say_what_lint_finds(machine)

    def _say_what_a_reload_means(self, run: Run, name: str) -> None:
        """`-t --against FILE`: what the configuration, which has no mistakes, means for leases, or beside another."""
        from . import against  # noqa: PLC0415 - a server that serves does not need it

        parts: list[bytes] = []
        for event in boot.lease_file(os.fsencode(name)):
            if isinstance(event, LeaseFilePart):
                parts.append(event.content)
            elif isinstance(event, LeaseFileEnd) and event.error:
                raise self._fatal(f"Can't open lease database {name}: {event.error}")
        configuration = run.machine.configuration
        assert configuration is not None, "the test has found no mistake"
        if parts and against.is_configuration(parts[0]):
            found = [*against.changed(self._other_configuration(run, name), configuration)]
            said = "these would be served otherwise:" if found else "everybody would be served as by it."
            texts = [f"{name}: {said}", *(f"  {text}" for text in found)]
        else:
            texts = reloading.against(configuration, parts, name, boot.now()[0] // 1_000_000)
        for text in texts:
            self._logger.line(*notices.AGAINST(text=text))

    def _dump(self, machine: door.Machine, what: str) -> None:
        """`-t --dump-config WHAT`, on standard output: it is to be kept, compared and read by programs."""
        from . import effective  # noqa: PLC0415 - a server that serves does not need it

        assert machine.configuration is not None, "the test has found no mistake"
        try:
            found = effective.receivers(machine.configuration, what)
        except effective.NobodyOfThatName as error:
            raise self._fatal(notices.NOBODY_OF_THAT_NAME(what=what).text) from error
        sys.stdout.writelines(f"{text}\n" for text in effective.lines(found))
        sys.stdout.flush()

    def _say_what_lint_finds(self, machine: door.Machine) -> None:
        """`-t --lint`: what is accepted, and may be regretted; raises RunEnded where there is any."""
        from .lint import rules  # noqa: PLC0415 - a server that serves does not need it

        assert machine.configuration is not None, "the test has found no mistake"
        found = rules.look(machine.configuration)
        for text in rules.lines(found):
            self._logger.line(*(notices.LINT_FINDING if found else notices.LINT_CLEAN)(text=text))
        if found:
            raise RunEnded(_REGRETTED)

    def _say_whether_a_pair_fits(self, run: Run, path: str) -> None:
        """`-t --peer OTHER.conf`: whether the failover partner's file goes with this one; raises RunEnded where not."""
        from .engine.failover.rules.fitting import misfits  # noqa: PLC0415 - a server that serves does not need it

        ours, theirs = run.machine.configuration, self._other_configuration(run, path)
        assert ours is not None, "the test has found no mistake"
        found = misfits(ours, theirs)
        for one in found:
            where = f"failover peer {one.relationship}: " if one.relationship else ""
            notice = notices.PAIR_HARM if one.harms else notices.PAIR_WARNING
            self._logger.line(*notice(text=where + one.text))
        if any(one.harms for one in found):
            self._logger.line(*notices.PAIR_MISFIT(file=path))
            raise RunEnded(1)
        self._logger.line(*notices.PAIR_FITS(file=path))

    def _other_configuration(self, run: Run, path: str) -> Configuration:
        """Another configuration, tested as this one was; raises RunEnded where it has mistakes."""
        machine = Machine()
        for event in (self._boot(run.line, run.paths), *boot.configuration(path)):
            for effect in machine.apply(event):
                if isinstance(effect, Log) and effect.level == ERROR:
                    self._logger.line(ERROR, effect.text)
                elif isinstance(effect, Fatal):
                    raise self._fatal(f"{path}: {effect.text}")
        assert machine.configuration is not None, "a test has either a configuration or mistakes"
        return machine.configuration

    def _fatal(self, text: str) -> RunEnded:
        """The end of a start. Of a playback nobody can tell what it would have found: 1 would be a difference."""
        self._logger.fatal(text)
        return RunEnded(CANNOT_PLAY if "-play" in self._words else 1)

    def _read_command_line(self) -> tuple[CommandLine, Paths]:
        try:
            line = cli.second_pass(self._words)
            for note in line.notes:
                self._logger.line(DEBUG, note)
            return line, cli.find_paths(line, os.environ)
        except cli.CommandError as error:
            if error.usage:
                self._say_banner()
                self._logger.line(ERROR, error.text)
                raise self._usage_error() from error
            raise self._fatal(error.text) from error

    def _usage_error(self) -> RunEnded:
        *lines, last = cli.usage(self._name).split("\n")
        for text in lines:
            self._logger.line(ERROR, text)
        return self._fatal(last)

    def _say_banner(self) -> None:
        for text in BANNER:
            self._logger.line(INFO, text)

    def _repeat_banner(self) -> None:
        """The log facility changed: its readers want to know who speaks. Standard error knows already."""
        for text in BANNER:
            self._logger.syslog_only(INFO, text)

    def _play(self, line: CommandLine, paths: Paths) -> int:
        from .replay.command import playback  # noqa: PLC0415 - a server that serves does not need it

        if "-tf" in line.values:
            raise self._fatal(notices.PLAY_AND_RECORD().text)
        if not paths.lease_file_given:
            *lines, last = playback.refusal_lines()
            for text in lines:
                self._logger.line(ERROR, text)
            raise self._fatal(last)
        return playback.main(line.values["-play"], paths.lease_file, quiet="-q" in line)

    def _open_recording(self, line: CommandLine) -> Recorder | None:
        try:
            limits = cli.recording_limits(line)
        except cli.CommandError as error:
            raise self._fatal(error.text) from error
        path = line.values.get("-tf")
        if path is None:
            return None
        from .recording.recorder import Recorder  # noqa: PLC0415 - who does not record waits for none of it
        from .recording.segments import Segments  # noqa: PLC0415 - as above

        try:
            segments = Segments(path)
            older = segments.archive_found() if limits.segment_octets else None
            tape = TapeWriter.create(path, version=VERSION)
        except (OSError, TapeWriteFailed) as error:
            self._logger.line(ERROR, f"{path}: {error.strerror}" if isinstance(error, OSError) else str(error))
            raise self._fatal("Unable to begin trace: unexpected error") from error
        moved_to = tape.moved_to if older is None else segments.shown(older)
        if moved_to is not None:
            self._logger.line(*notices.TRACE_MOVED(path=path, moved_to=moved_to))
        return Recorder(tape, segments, limits, self._logger.line)

    def _new_run(self, line: CommandLine, paths: Paths, recorder: Recorder | None) -> Run:
        values = line.values
        try:
            who = privileges.look_up(values.get("-user"), values.get("-group"), values.get("-chroot"))
        except privileges.PrivilegeError as error:
            raise self._fatal(str(error)) from error
        machine = Machine()
        door = Door(machine, recorder, self._logger.line)
        run = Run(line, paths, self._logger, machine, door, self._parent, who, recorder=recorder)
        if any(word in values for word in cli.ADMIN_WORDS):
            from .admin.opening import count  # noqa: PLC0415 - who is not asked does not count, nor speak HTTP

            run.counters = count(machine, door)
        return run

    def _check_family(self, line: CommandLine) -> None:
        if "-6" in line and "-s" in line.values:
            raise self._fatal("You can only specify address to send replies to when running an IPv4 server.")
        if "-6" in line:
            raise self._fatal(notices.NO_DHCPV6().text)

    def _boot(self, line: CommandLine, paths: Paths) -> Boot:
        name = line.values.get("-s")
        return boot.boot(line, paths, self._port(line), None if name is None else boot.broadcast_address(name))

    def _port(self, line: CommandLine) -> int:
        if line.port is not None:
            return line.port
        text = os.environ.get("DHCPD_PORT")
        if text is None:
            return boot.default_port()
        try:
            port = cli.port_number(text)
        except cli.CommandError as error:
            raise self._fatal(error.text) from error
        self._logger.line(DEBUG, f"binding to environment-specified port {port}")
        return port

    def _abort(self, error: Exception, recorder: Recorder | None, *, engine_failed: bool) -> int:
        """The state may be half changed: nothing is served from it. The lease file is whole, and a restart reads it."""
        for text in traceback.format_exception(error):
            for one in text.rstrip().split("\n"):
                self._logger.line(*notices.TRACEBACK(line=one))
        if recorder is None:
            self._logger.fatal(notices.DEFECT_UNRECORDED().text)
            return _ABORTED_STATUS
        if not engine_failed:
            recorder.tell_crash(End(*boot.now(), reason=f"crash: {_summary(error)}"))
        path, seq = recorder.tell_failure()
        recorder.close()
        for said in _report_lines(path, seq, engine_failed=engine_failed):
            self._logger.line(*said)
        self._logger.fatal(notices.DEFECT().text)
        return _ABORTED_STATUS


def _summary(error: BaseException) -> str:
    """What failed, in a line."""
    return f"{type(error).__name__}: {error}"


def _report_lines(path: str, seq: int, *, engine_failed: bool) -> tuple[Log, ...]:
    """How a recorded failure is looked at and reported."""
    if not engine_failed:
        return notices.DEFECT_OF_PROGRAM(path=path, seq=seq), notices.DEFECT_NOT_SHOWN()
    return notices.DEFECT_OF_ENGINE(path=path, seq=seq), notices.DEFECT_SHOWN(path=path), notices.DEFECT_PRIVACY()


def _die_of(number: int) -> int:
    """End as who was killed by the signal, so that shells and scripts see what ISC's end shows them."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number
