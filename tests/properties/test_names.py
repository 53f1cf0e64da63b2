"""Whatever name servers do and clients want: in the end DNS is what the leases say, and empty when they are over.

DHCPD_PROPERTIES=N runs N random histories that are new each time, instead of the same few (docs/testing.md).
"""

from __future__ import annotations

import os

import dns.rcode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpd.disk.configuration import SourceFile
from dhcpd.engine.ddns.owed import PAUSES_S
from dhcpd.engine.model.lease import ACTIVE
from dhcpd.replay.world.host import Host
from dhcpd.replay.world.starting import Beginning, ethernet
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Fatal
from tests.engine.ddns.site import Site
from tests.engine.service.desk import DECLINE, dotted, mac, message, number

EXAMPLES = int(os.environ.get("DHCPD_PROPERTIES", "0"))
ALL_PAUSES_S = sum(PAUSES_S) + len(PAUSES_S) * 60
# A chain's four messages may fail one after the other, then all of them again at the first retry.
WRITTEN_S = PAUSES_S[0] + 2 * 60
# Leases outlive the longest history; so that they end in the middle, too, some are short.
LONG_S = 400_000
MORE = f"default-lease-time {LONG_S}; max-lease-time {LONG_S}; on release {{ log (info, ddns-fwd-name); }}"
CLIENTS = st.integers(1, 5)
NAMES = st.sampled_from([b"alpha", b"beta", b"gamma"])
STEPS = st.one_of(
    st.tuples(st.just("bind"), CLIENTS, NAMES, st.sampled_from([LONG_S, LONG_S, 100])),
    st.tuples(st.just("bind"), CLIENTS, NAMES, st.just(LONG_S)),
    st.tuples(st.just("release"), CLIENTS),
    st.tuples(st.just("decline"), CLIENTS),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 4, 13, 61, 150, 700])),
    st.tuples(st.just("dns"), st.sampled_from(["well", "silent", "deaf", "SERVFAIL", "REFUSED", "NOTAUTH", "slow"])),
    st.tuples(st.just("late")),
    st.tuples(st.just("twin")),
    st.tuples(st.just("restart")),
    st.tuples(st.just("reload"), st.sampled_from(["interim", "standard"])),
)


class Story(Site):
    """A site whose name server does what a history says; `late` holds answers that are under way."""

    def __init__(self, style: str) -> None:
        self.mode = "well"
        self.late: list[ev.DnsAnswer] = []
        self.holds: dict[int, str] = {}
        self.twin = None
        self.restarted = False
        super().__init__(MORE, style, subnet="10.77.0.100 10.77.0.104")

    def dns_send(self, effect) -> None:
        self.sent.append(("", effect))
        if self.mode == "silent":
            return
        self.dns.rcode = lambda _message: getattr(dns.rcode, self.mode, None) if self.mode.isupper() else None
        payload = self.dns.answer(effect.payload)
        if self.mode == "slow":
            self.late.append(ev.DnsAnswer(0, 0, effect.query, payload, ""))
        elif self.mode != "deaf":
            self.answer(ev.DnsAnswer(0, 0, effect.query, payload, ""))

    def told(self, event, effects) -> None:
        super().told(event, effects)
        assert not any(isinstance(one, Fatal) for one in effects)
        if self.twin is not None:
            assert self.twin.apply(event) == effects

    def take(self, what: str, *values) -> None:
        getattr(self, f"take_{what}")(*values)

    def take_bind(self, client: int, name: bytes, seconds: int) -> None:
        address = self.discover(mac(client), name=name, time=seconds)
        if address is not None and self.request(address, mac(client), name=name, time=seconds) == 5:
            self.holds[client] = address

    def take_release(self, client: int) -> None:
        if client in self.holds:
            self.release(self.holds.pop(client), mac(client))

    def take_decline(self, client: int) -> None:
        if client == 1 and client in self.holds:
            self.receive(message(DECLINE, mac(client), requested=self.holds.pop(client)))

    def take_wait(self, seconds: float) -> None:
        self.rest(seconds)

    def take_dns(self, mode: str) -> None:
        self.mode = mode

    def take_late(self) -> None:
        late, self.late = self.late, []
        for answer in late:
            self.tell(answer)

    def take_twin(self) -> None:
        self.twin = self.twin_machine()

    def take_restart(self) -> None:
        """A new process on the same lease file, which says what is owed since the first retry."""
        self.rest(WRITTEN_S)
        self.twin = None
        self.restarted = True
        self.late = []
        Host.__init__(self, self.now_us, self.disk)
        self.start(Beginning(
            [SourceFile("dhcpd.conf", self.text.encode(), "")], [bytes(self.disk.content)],
            [ethernet("eth0", 2, b"\x02" * 6, (number("10.77.0.1"), 24))], lease_file="dhcpd.leases", words=("-q",),
            host_name="host", seed=b"seed",
        ))  # fmt: skip
        assert self.machine.serving, self.logs

    def take_reload(self, style: str) -> None:
        self.text = self.text.replace("interim", style).replace("standard", style)
        self.tell(ev.ConfigurationFile(0, 0, "dhcpd.conf", self.text.encode(), ""))
        self.tell(ev.ConfigurationEnd(0, 0, "dhcpd.conf", reload=True))

    def wanted(self) -> list[str]:
        """Rows of DNS by the leases that are in use: whose name it is, stands in them."""
        found = []
        for lease in self.server.database.leases():
            names = {} if lease.rare is None else lease.rare.variables or {}
            where = dotted(lease.address)
            if names.get("ddns-fwd-name"):
                forward = names["ddns-fwd-name"].decode()
                found += [f"{forward}. A {where}", forward + (". DHCID" if names.get("ddns-dhcid") else ". TXT")]
                if names.get("ddns-rev-name"):
                    found.append(f"{names['ddns-rev-name'].decode()} PTR {forward}.")
        return sorted(found)

    def rows(self) -> list[str]:
        rows = [row.split() for row in self.dns.table()]
        return sorted(" ".join(row[:2] if row[1] in ("TXT", "DHCID") else row) for row in rows)


@given(st.sampled_from(["interim", "standard"]), st.lists(STEPS, min_size=3, max_size=25))
@settings(max_examples=EXAMPLES or 60, derandomize=not EXAMPLES, deadline=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
def test_names_are_what_leases_say_in_the_end(style: str, steps: list) -> None:
    story = Story(style)
    for step in steps:
        story.take(*step)
    story.mode = "well"
    story.take_late()
    story.rest(ALL_PAUSES_S)
    assert not len(story.ddns.updates.debts)
    assert story.rows() == story.wanted()
    for client, address in story.holds.items():
        lease = story.lease(address)
        if lease.state == ACTIVE and lease.hardware[1:] == mac(client) and not story.restarted:
            assert story.variables(address) or story.ddns.updates.refusals.of(number(address)), address
    story.rest(LONG_S)
    assert story.rows() == []
