"""Figures to rows, rows to a table, the table to docs/performance.md."""

from __future__ import annotations

from pathlib import Path

from .disks import SYNC_MS

PAGE = Path(__file__).resolve().parent.parent / "docs/performance.md"
_BEGIN, _END = "<!-- table -->", "<!-- end of table -->"


def _pair(what: str) -> tuple[str, str]:
    return f"pairs/{what}/ours", f"pairs/{what}/theirs"


def _both(what: str, ours: str, theirs: str) -> tuple[str, str]:
    return f"{what}/{ours}", f"{what}/{theirs}"


PLAIN = "a plain configuration"
_OTHERS = (
    ("isc", "ISC dhcpd"), ("kea", "Kea memfile"), ("kea-mt", "Kea memfile with two threads"),
    ("ours", "itself without -tf"),
)  # fmt: skip
# What is held against what: (text, ours, theirs, unit). The ratio is ours to theirs.
_PAIRS = (
    *(
        (f"{what} with -tf, {size:,} addresses, against {name}", f"{kind}/{size}/ours-tf", f"{kind}/{size}/{key}", "/s")
        for kind, what in (("sustained", "sustained"), ("committed", "sustained, all written"), ("peak", "peak"))
        for size in (4096, 65_536, 262_144)
        for key, name in _OTHERS
    ),
    *(
        (
            f"processor an exchange at that rate with -tf, {size:,} addresses, against {name}",
            f"sustained cost/{size}/ours-tf",
            f"sustained cost/{size}/{key}",
            " us",
        )
        for size in (4096, 65_536, 262_144)
        for key, name in _OTHERS
    ),
    (
        "50 classes, 20 pools, 2,000 hosts: sustained with -tf, against itself with a plain configuration",
        "rich/4096/ours-tf",
        "rich-plain/4096/ours-tf",
        "/s",
    ),
    (
        "pure build: processor an exchange at its sustained rate with -tf, 4,096 addresses, against Kea memfile",
        "sustained cost/4096/ours-pure",
        "sustained cost/4096/kea",
        " us",
    ),
    (
        "pure build: sustained with -tf, 4,096 addresses, against Kea memfile",
        *_both("sustained/4096", "ours-pure", "kea"),
        "/s",
    ),
    *(
        (f"processor an exchange with -tf at 500/s, against {name}", *_both("idle", "ours-tf", key), " us")
        for key, name in _OTHERS
    ),
    (f"from the start to the first answer, {PLAIN}, against ISC dhcpd", *_both("starting/answer", "ours", "isc"), " s"),
    (f"from the start to the first answer with -tf, {PLAIN}", "starting/answer/ours-tf", "", " s"),
    (f"processor until then, {PLAIN}, against ISC dhcpd", *_both("starting/processor", "ours", "isc"), " s"),
    (
        f"processor of a test of the configuration (-t), {PLAIN}, against ISC dhcpd",
        *_both("starting/test", "ours", "isc"),
        " s",
    ),
    ("start with 50,000 leases, against ISC dhcpd", "start/50000/ours", "start/50000/isc", " s"),
    ("start with 250,000 leases", "start/250000/ours", "", " s"),
    ("memory a lease at 250,000", "memory/250000/ours", "", " octets"),
    ("start with 1,000,000 leases", "start/1000000/ours", "", " s"),
    ("memory a lease at 1,000,000", "memory/1000000/ours", "", " octets"),
    ("memory at most with 1,000,000 leases, their loading included", "most/1000000/ours", "", " MiB"),
    ("start with 100,000 host declarations", "hosts/ours", "", " s"),
    ("memory a host declaration", "hosts memory/ours", "", " octets"),
    ("a range of 16 million addresses starts in", "wide/ours", "", " s"),
    ("playback, verified, 65,536 addresses, against ISC's", "playback/65536/ours", "playback/65536/isc", "/s"),
    ("playback, verified, 256 addresses, against ISC's", "playback/256/ours", "playback/256/isc", "/s"),
    *(
        (
            f"playback, verified, {size:,} addresses, a second of processor time, against the other tree",
            *_both(f"playback processor/{size}", "ours", "theirs"),
            "/s",
        )
        for size in (65_536, 256)
    ),
    ("processor an exchange with -tf, against itself without", "processor/ours-tf", "processor/ours", " us"),
    ("processor an exchange that -tf adds, in batches of 64", "door/64/tape", "", " us"),
    ("processor an exchange that -tf adds, in batches of 4", "door/4/tape", "", " us"),
    *(
        (f"snapshot of {count:,} leases: {text}", f"snapshot/{count}/{name}", "", unit)
        for count in (250_000, 1_000_000)
        for text, name, unit in (
            ("processor of its child at most", "work", " s"),
            ("a packet waits at most, its batch of 32 included", "wait", " ms"),
            ("packets wait for the fork at most", "fork", " ms"),
            ("packets wait for it to be taken in at most", "taken", " ms"),
            ("a batch of 32 packets while it is made takes at most", "batch", " ms"),
            ("a batch of 32 packets in the second behind it takes at most", "behind", " ms"),
            ("a batch of 32 packets else takes at most", "idle", " ms"),
        )
    ),
    ("questions to a server with 250,000 leases: packets wait at most", "asking/wait", "", " ms"),
    ("a scrape a second, of a processor, against 3,000 exchanges/s", "asking/scrape", "asking/exchanges", " %"),
    ("dhcpd-admin watch, of a processor, against 3,000 exchanges/s", "asking/watch", "asking/exchanges", " %"),
    ("both, beside 3,000 exchanges/s: of a processor more", "asking/watched", "asking/exchanges", " %"),
    ("a reload with 5,000 leases: packets wait at most", "reload/5000", "", " ms"),
    ("a reload with 50,000 leases: packets wait at most", "reload/50000", "", " ms"),
    ("a reload with 250,000 leases: packets wait at most", "reload/250000", "", " ms"),
    *(
        row
        for times in (2, 4, 8)
        for row in (
            (f"completed at {times} times the peak, against the peak", f"overload/{times}/rate", "overload/peak", "/s"),
            (
                f"renewals lost at {times} times the peak, against DISCOVERs",
                f"overload/{times}/renewals_lost",
                f"overload/{times}/discovers_lost",
                " %",
            ),
            (f"the longest answer at {times} times the peak", f"overload/{times}/longest_ms", "", " ms"),
        )
    ),
    *(
        (
            f"a reload with {count:,} leases at 2,000 exchanges/s: the longest wait of a packet, against none",
            f"reload load/{count}",
            f"reload calm/{count}",
            " ms",
        )
        for count in (5_000, 50_000, 250_000)
    ),
    (
        "a reload with 100,000 hosts and 20,000 subnets at 500 exchanges/s: the longest wait of a packet, against none",
        "reload load/large",
        "reload calm/large",
        " ms",
    ),
    *(
        (f"OMAPI: {what}, against ISC dhcpd", f"omapi {name}/ours", f"omapi {name}/isc", unit)
        for what, name, unit in (
            ("hosts made over one connection, each answered before the next", "rate/1", "/s"),
            ("hosts made over 16 connections", "rate/16", "/s"),
            (f"the same over one, where a sync takes {SYNC_MS} ms longer", "slow disk rate/1", "/s"),
            (f"the same over 16, where a sync takes {SYNC_MS} ms longer", "slow disk rate/16", "/s"),
            ("of 1,000 exchanges/s meanwhile are lost", "meanwhile drops", " %"),
            ("a look-up with 500 hosts", "look first ms", " ms"),
            ("a look-up with 10,000 hosts", "look last ms", " ms"),
        )
    ),
    *(
        (f"dynamic DNS: {what}, against the same without", f"ddns/{name}/with", f"ddns/{name}/without", unit)
        for what, name, unit in (
            ("1,000 new clients/s, each with its two updates, are answered", "rate", "/s"),
            ("of them are lost at most", "drops", " %"),
            ("processor an exchange of theirs", "processor", " us"),
            ("sustained, clients that come again", "sustained", "/s"),
        )
    ),
    ("trace an exchange", "trace/ours", "", " octets"),
    (
        "verify in two processes, against one",
        "verify/events a minute/2",
        "verify/events a minute/1",
        " events a minute",
    ),
    (
        "verify in one process against the busier of two, by processor time",
        "verify/processor seconds/1",
        "verify/processor seconds/2",
        " s",
    ),
    *(
        (
            f"{what}, {large:,} against {large // 4:,}, processor time",
            f"loading/{key}/{large}",
            f"loading/{key}/{large // 4}",
            " s",
        )
        for what, key, large in (
            ("reading subnets with a pool each", "subnets", 20_000),
            ("reading the pools of a shared network", "pools", 20_000),
            ("reading leases in a layout of one's own", "leases", 16_000),
            ("restoring the leases of a snapshot", "restored", 250_000),
        )
    ),
    *(
        (
            f"a failover pair with -tf, 65,536 addresses: {what}, against a pair of ISC dhcpd",
            f"failover/{name}/ours-tf",
            f"failover/{name}/isc",
            "/s",
        )
        for what, name in (("sustained", "sustained"), ("peak", "peak"))
    ),
    (
        "a failover pair with 50,000 leases: a lost database is told anew in, against a pair of ISC dhcpd",
        "failover/resynchronised/ours-tf",
        "failover/resynchronised/isc",
        " s",
    ),
    ("processor an exchange without failover: asking nobody, of all", "failover/absent", "failover/exchange", " us"),
    ("processor an exchange of clients that renew, against the other tree", *_pair("renewed"), " us"),
    ("processor an exchange that is stored, against the other tree", *_pair("committed"), " us"),
    ("start with 50,000 leases, against the other tree", *_pair("start"), " s"),
    ("memory a lease, against the other tree", *_pair("memory"), " octets"),
    ("memory at most with 50,000 leases, against the other tree", *_pair("most"), " MiB"),
    *(
        (
            f"memory of {verb}, 240,000 packets, against 20,000",
            f"verify/{verb} MiB/long",
            f"verify/{verb} MiB/short",
            " MiB",
        )
        for verb in ("info", "show", "verify")
    ),
)

Row = tuple[str, str, str, str]
_COLUMNS = 4


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}{unit}" if value >= 20 else f"{value:.2f}{unit}"


def rows(figures: dict[str, float]) -> list[Row]:
    """(what, ours, theirs, ratio) for everything that was measured."""
    made: list[Row] = []
    for text, ours, theirs, unit in _PAIRS:
        mine, yours = figures.get(ours), figures.get(theirs)
        if mine is not None and (yours is not None or not theirs):
            ratio = f"{mine / yours:.2f}" if yours else ""
            made.append((text, _figure(mine, unit), _figure(yours, unit), ratio))
    return made


def table(made: list[Row]) -> str:
    """The rows as a table in Markdown."""
    head = ["| what | dhcpd | the other | ratio |", "| --- | ---: | ---: | ---: |"]
    return "\n".join(head + [f"| {' | '.join(row)} |" for row in made])


def write(made: list[Row], machine: str, parts: str = "") -> None:
    """Put the table into docs/performance.md between its markers.

    `parts` names what was measured, where that is not everything: the other rows stay, and a line tells them apart.
    """
    page = PAGE.read_text()
    before, _, rest = page.partition(_BEGIN)
    inside, _, after = rest.partition(_END)
    notes = [f"Measured on: {machine}, 2 cores."]
    if parts:
        kept = [line for line in inside.splitlines() if line.startswith("Measured on") and f"({parts})" not in line]
        notes = [*kept, f"Measured on ({parts}): {machine}, 2 cores."]
        made = _merged(inside, made)
    lines = "\n\n".join(notes)
    PAGE.write_text(f"{before}{_BEGIN}\n{lines}\n\n{table(made)}\n{_END}{after}")


def _merged(inside: str, made: list[Row]) -> list[Row]:
    """The rows of a table with those that were measured anew in their places."""
    found: dict[str, Row] = {}
    for line in inside.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == _COLUMNS:
            found[cells[0]] = (cells[0], cells[1], cells[2], cells[3])
    found |= {row[0]: row for row in made}
    return [found[text] for text, *_ in _PAIRS if text in found]
