"""From the first event to `Server starting service.`: the start-up dialogue with the engine (docs/architecture.md).

Answers each step that the engine asks for, one after the other and standing still while it lasts: ISC dhcpd's order is
kept, since users know it. Ends with a run that is ready to serve, or by RunEnded. Whether a configuration is good,
and which interfaces are served, is the engine's to say.

See docs/behaviour/start.md#the-start-in-order.
"""

from __future__ import annotations

import gc
import os
from collections import deque
from typing import TYPE_CHECKING, Any

from . import boot
from .cli import ADMIN_WORDS
from .disk.lease_file import LeaseFile, LeaseFileInUse, StorageError
from .engine.model import notices
from .network.interfaces import read_links
from .network.sockets import OpenError
from .process import pidfile
from .process.privileges import PrivilegeError
from .run import RunEnded
from .trace.effects import (
    ERROR,
    Answers,
    CommandAnswer,
    ConfigurationRefused,
    DnsOpen,
    DnsSend,
    Execute,
    Exit,
    Fatal,
    Listen,
    Log,
    Lookup,
    Ping,
    ReverseLookup,
    RewriteBegin,
    RewriteEnd,
    RewritePart,
    Send,
    Serving,
    Settings,
    Store,
    StreamClose,
    StreamListen,
    StreamListenEnd,
    StreamOpen,
    StreamSend,
    Wake,
)
from .trace.events import (
    End,
    ListenFailed,
    Listening,
    Remark,
    RewriteContinue,
    RewriteInstalled,
    StorageFailed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .run import Run
    from .trace.effects import Effect
    from .trace.events import Boot, Event, Link


class Start:
    """One start. `banner` repeats the banner in syslog when the log facility changes."""

    def __init__(self, run: Run, banner: Callable[[], None]) -> None:
        self._run = run
        self._banner = banner
        self._answers: deque[Event] = deque()
        self._links: tuple[Link, ...] = ()
        self._served: tuple[str, ...] | None = None
        self.doing: dict[type[Effect], Callable[[Any], None]] = {
            Log: self._log,
            Settings: self._settle,
            Store: self._store,
            RewriteBegin: self._rewrite_begin,
            RewritePart: self._rewrite_part,
            RewriteEnd: self._rewrite_end,
            Lookup: self._look_up,
            ReverseLookup: self._look_up,
            Execute: self._execute,
            Listen: self._listen,
            Wake: self._wake,
            Exit: self._exit,
            Fatal: self._fatal,
            DnsOpen: run.dns.open,
            DnsSend: run.dns.send,
            StreamListen: run.streams.listen,
            StreamListenEnd: run.streams.end_listening,
            StreamOpen: run.streams.call,
            StreamClose: run.streams.close_one,
            Serving: self._be_ready,
            Answers: self._note,
            # What only a serving engine asks for.
            Send: self._too_early,
            Ping: self._too_early,
            StreamSend: self._too_early,
            ConfigurationRefused: self._too_early,
            CommandAnswer: self._too_early,
        }

    def run(self, first: Boot) -> None:
        """Start; raises RunEnded where the run ends before it serves."""
        try:
            self._read_configuration(first)
            self._read_lease_file()
            self._find_interfaces()
            self._open_sockets()
        except RunEnded:
            self._end()
            raise

    def _end(self) -> None:
        """A run that never served has an end all the same."""
        run = self._run
        if run.lease_file is not None:
            run.lease_file.close()
        run.door.pass_in([End(*boot.now(), reason="start")])
        run.door.close()

    def _feed(self, event: Event) -> None:
        """Pass one event in and do what it asks for; then the answers to that, until there are no more."""
        answers = self._answers
        answers.append(event)
        while answers:
            for effects in self._run.door.pass_in([answers.popleft()]):
                for effect in effects:
                    self.doing[type(effect)](effect)
            for told in (*self._run.streams.told(), *self._run.dns.told()):
                self._answer(told)

    def _answer(self, event: Event) -> None:
        """An event without time: stamp it, and let it follow."""
        wall_us, mono_us = boot.now()
        self._answers.append(event._replace(wall_us=wall_us, mono_us=mono_us))

    # The steps

    def _read_configuration(self, first: Boot) -> None:
        run = self._run
        self._feed(first)
        if not run.line.testing:
            try:
                run.sockets.open_icmp()
            except OpenError as failed:
                self._feed(ListenFailed(*boot.now(), failed.what, failed.name, failed.error))
        for event in boot.configuration(run.paths.configuration):
            self._feed(event)

    def _read_lease_file(self) -> None:
        """Read, then open for append, then rewrite. What cannot be opened shows when the first record comes."""
        run, settings = self._run, self._settings()
        # What the reading of the configuration left goes now; no collection is to walk over leases, which stay.
        gc.collect()
        for event in boot.lease_file(boot.text_as_octets(settings.lease_file)):
            self._feed(event)
        gc.freeze()
        while run.machine.rewriting:
            self._feed(RewriteContinue(*boot.now()))
        if settings.test == "T":
            raise RunEnded(0)

    def _find_interfaces(self) -> None:
        """The engine chooses when it has every host name's addresses: networks may be declared by name."""
        error = ""
        try:
            self._links = read_links()
        except OSError as problem:
            error = problem.strerror or str(problem)
        for event in self._run.background.wait_for_all():
            self._answer(event)
        while self._answers:
            self._feed(self._answers.popleft())
        self._feed(boot.interfaces(self._links, error))

    def _open_sockets(self) -> None:
        run, settings = self._run, self._settings()
        assert self._served is not None, "the engine asks for sockets or ends the run"
        served = [link for name in self._served for link in self._links if link.name == name]
        try:
            run.sockets.open(served, settings.local_address, settings.local_port)
        except OpenError as failed:
            self._feed(ListenFailed(*boot.now(), failed.what, failed.name, failed.error))
            raise RunEnded(1) from failed
        if run.sockets.plain:
            run.logger.line(*notices.NO_RAW_SOCKETS())
        self._feed(Listening(*boot.now(), plain_udp=run.sockets.plain))

    def _write_pid_file(self, path: str) -> None:
        if "--no-pid" in self._run.line:
            return
        try:
            pidfile.write(path)
            self._run.pid_file = os.path.abspath(path)  # noqa: PTH100 - a name, not a path
        except OSError as error:
            text = f"Can't create PID file {path}: {error.strerror or error}."
            self._run.logger.line(ERROR, text)
            self._answer(Remark(0, 0, ERROR, text))

    def _settings(self) -> Settings:
        settings = self._run.settings
        assert settings is not None, "the engine settles the configuration or ends the run"
        return settings

    # What effects ask for

    def _log(self, effect: Log) -> None:
        self._run.logger.line(effect.level, effect.text)

    def _note(self, effect: Answers) -> None:
        """For who reads the tape: nothing is to be done."""

    def _too_early(self, effect: Effect) -> None:
        raise AssertionError(f"{type(effect).__name__} before the server serves")

    def _be_ready(self, _effect: Serving) -> None:
        """The last steps before ISC's last line: pid file, privileges, standard error falls silent, parent let go."""
        run, line = self._run, self._run.line
        self._write_pid_file(self._settings().pid_file)
        self._open_admin()
        if run.recorder is not None and (run.privileges.uid or run.privileges.gid):
            run.recorder.give_to(run.privileges.uid or -1, run.privileges.gid or -1)
        try:
            run.privileges.drop()
        except PrivilegeError as error:
            raise run.fatal(str(error)) from error
        if not ("-d" in line or "--log-json" in line):
            run.logger.to_stderr = False
        run.daemon.release()
        run.manager.ready(boot.now()[1], run.serving_status())

    def _open_admin(self) -> None:
        """Listen for operators, with the rights that the program began with; who asked for it gets it, or no server."""
        wanted = [word for word in ADMIN_WORDS if word in self._run.line.values]
        if wanted:
            from .admin.opening import OpeningFailed, open_admin  # noqa: PLC0415 - who has no socket needs no HTTP

            try:
                self._run.admin = open_admin(self._run)
            except OpeningFailed as failed:
                raise self._run.fatal(str(failed)) from failed

    def _settle(self, effect: Settings) -> None:
        run = self._run
        run.settings = effect
        if effect.log_facility >= 0:
            run.logger.facility = effect.log_facility
            self._banner()
        try:
            run.privileges.change_root()
        except PrivilegeError as error:
            raise run.fatal(str(error)) from error
        if effect.test or "--no-pid" in run.line:
            return
        if pidfile.server_is_running(effect.pid_file):
            raise run.fatal(pidfile.ALREADY_RUNNING)

    def _file(self) -> LeaseFile:
        """The lease file, opened when it is first needed, as ISC opens it behind the reading."""
        run, settings = self._run, self._settings()
        if run.lease_file is None:
            try:
                run.lease_file = LeaseFile(
                    settings.lease_file,
                    owner=run.privileges.file_owner,
                    discard=settings.test == "T",
                    durable=settings.sync,
                    exclusive=True,
                )
            except LeaseFileInUse as error:
                raise run.fatal(_in_use(error)) from error
            except StorageError as error:
                raise run.fatal(f"Can't open {settings.lease_file} for append.") from error
        return run.lease_file

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except StorageError as error:
            self._answer(StorageFailed(0, 0, error.operation, error.path, error.reason))

    def _store(self, effect: Store) -> None:
        file = self._file()
        self._attempt(lambda: file.append(effect.data))

    def _rewrite_begin(self, effect: RewriteBegin) -> None:
        file = self._file()
        self._attempt(lambda: file.begin_rewrite(effect.suffix))

    def _rewrite_part(self, effect: RewritePart) -> None:
        file = self._file()
        self._attempt(lambda: file.rewrite_part(effect.data))

    def _rewrite_end(self, effect: RewriteEnd) -> None:
        file = self._file()

        def end() -> None:
            if file.end_rewrite(effect.install):
                self._answer(RewriteInstalled(0, 0))

        self._attempt(end)

    def _look_up(self, effect: Lookup | ReverseLookup) -> None:
        self._run.background.run(effect)

    def _execute(self, effect: Execute) -> None:
        """ISC stands still for a program, at the start as later; here it costs nothing to do the same."""
        self._run.background.run(effect)
        for event in self._run.background.wait_for_all():
            self._answer(event)

    def _listen(self, effect: Listen) -> None:
        self._served = self._run.served = effect.interfaces

    def _wake(self, effect: Wake) -> None:
        self._run.wake_us = effect.at_us

    def _exit(self, effect: Exit) -> None:
        self._run.logger.flush()
        raise RunEnded(effect.status)

    def _fatal(self, effect: Fatal) -> None:
        raise self._run.fatal(effect.text)


def _in_use(error: LeaseFileInUse) -> str:
    """What is said of a lease file that another server has."""
    who = f"process {error.pid}" if error.pid else "another process"
    return notices.LEASE_FILE_IN_USE(path=error.path, who=who).text
