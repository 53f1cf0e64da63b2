"""A lease file that was cut anywhere: what its whole records said is loaded, and nothing else.

A crash, a full disk or a copy taken meanwhile cuts a file behind any octet, and what is appended later follows
without a line's end between.
"""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpd.engine.lease.database import Database
from dhcpd.engine.lease.file.reader import load_lease_file
from dhcpd.engine.lease.file.record import RecordWriter
from dhcpd.engine.model.lease import ACTIVE, FREE, RELEASED, Lease
from tests.engine.lease.configurations import configuration, number

NOW = 1_795_467_390
CONFIGURATION = configuration([("10.0.0.10", "10.0.0.14")], classes=(("gold", 2),))
# As servers write them, and as hands do; each with something in it that looks like an end or a beginning.
OTHERS = (
    b'host one {\n  dynamic;\n  hardware ethernet 02:00:00:00:00:99;\n        supersede domain-name = "}";\n}\n',
    b"host two {\n  dynamic;\n  deleted;\n}\n",
    b'group g1 {\n  dynamic;\n        supersede domain-name = "gg";\n}\n',
    b'class "spawned" {\n  dynamic;\n  match hardware;\n}\n\n',
    b'server-duid "\\000\\001ab";\n\n',
    b"authoring-byte-order little-endian;\n\n",
    b"lease 10.0.0.11 { binding state active;\n  uid 1:2:3; }\n",
    b'lease 10.0.0.12 {\n  binding state active;\n  on expiry {\n    if (1 = 1) {\n      set x = "}";\n    }\n  }\n}\n',
)
NASTY = st.sampled_from([b"}", b"{", b'"', b"\\", b"lease 10.0.0.13 {\n", b"\nhost x {", b"#", b";"])
TEXT = st.lists(NASTY | st.binary(min_size=1, max_size=6), max_size=4).map(b"".join)


@st.composite
def records(draw: st.DrawFn) -> bytes:
    pool = CONFIGURATION.pools[0]
    lease = Lease(number("10.0.0.10") + draw(st.integers(0, 4)), pool, pool.range_subnets[0])
    lease.starts, lease.ends, lease.cltt = NOW, NOW + draw(st.integers(-99, 99)), NOW
    lease.state, lease.next_state = draw(st.sampled_from(((ACTIVE, FREE), (FREE, FREE), (RELEASED, FREE))))
    lease.hardware = draw(st.binary(max_size=7))
    lease.uid = draw(TEXT)
    lease.hostname = draw(st.none() | st.just(b"lease 10.0.0.13 { }"))
    if variables := draw(st.dictionaries(st.sampled_from(("a", "lease", "host")), TEXT, max_size=2)):
        lease.rarely().variables = dict(variables)
    if circuit := draw(TEXT):
        lease.rarely().agent_options = ((1, circuit),)
    return RecordWriter(CONFIGURATION).record(lease, NOW)


def loaded(text: bytes) -> bytes:
    """All that a file of this text says, to be compared."""
    made = configuration([("10.0.0.10", "10.0.0.14")], classes=(("gold", 2),))
    database = Database(made)
    load_lease_file([text], database, made, lambda _level, _line: None, "leases", NOW)
    return repr(sorted(database.snapshot().items())).encode()


@given(items=st.lists(records() | st.sampled_from(OTHERS), min_size=1, max_size=5), after=records())
@settings(max_examples=6, deadline=None)
def test_what_was_whole_is_loaded_wherever_the_file_is_cut(items: list[bytes], after: bytes) -> None:
    said = cache(loaded)
    text, whole = b"".join(items), b""
    for item in items:
        body = item.rstrip()
        for length in range(len(body)):
            assert loaded(whole + body[:length]) == said(whole)
            assert loaded(whole + body[:length] + after) == said(whole + after)
        whole += item
    assert loaded(text) == said(whole)
