"""One file that tells a recording to somebody with a browser and no network: `dhcpd-trace report`, and this library.

    with open_tape("today.trace") as tape:
        findings = collect(tape)
    page = render(findings)

`collect` reads the tape twice: once to count (survey.py), once to play it (playing.py), since only who has met every
client knows whose story is worth room. Memory grows with clients and buckets, and not with events. `render` makes the
page; what it leaves out for room, it says there (limits.py).
"""

from .findings import Findings, collect
from .page import render

__all__ = ["Findings", "collect", "render"]
