"""Names of clients in a real BIND's zones: what the lease file says, in both styles, signed by every algorithm."""

import contextlib
import re
import shutil
import time
from pathlib import Path

import pytest

from dhcpd.engine.ddns.owed import PAUSES_S
from fixtures.network import Network, Server, wait_for
from tests.interop.bind import ALGORITHMS, Bind, Clients, dhcpd_conf, guards_of, promised, zone_of

CLIENTS = 200
SUBNETS = len(ALGORITHMS)
SHORT = SUBNETS


def subnet_of(client):
    return client % SUBNETS + 1


def steps(kind, clients, name="host{}"):
    return [(kind, client, subnet_of(client), name.format(client)) for client in clients]


def agrees(bind, server):
    """Whether the zones hold the names of the lease file with their guards, and no others."""
    return bind.names() == promised(server.leases) and bind.guards() == guards_of(server.leases)


@pytest.fixture
def site(network):
    def make(style):
        bind = Bind(network).start()
        server = Server(network, dhcpd_conf(style)).start()
        return bind, server, Clients(network)

    return make


@pytest.mark.peer("named", "dig")
@pytest.mark.parametrize("style", ["interim", "standard"])
def test_the_zones_are_what_the_lease_file_says(site, style):
    bind, server, clients = site(style)
    given = clients.ask(*steps("obtain", range(CLIENTS)))
    lasting = [client for client in range(CLIENTS) if subnet_of(client) != SHORT]
    wanted = {f"host{one}.{zone_of(subnet_of(one))}" for one in lasting}
    wait_for("all names", lambda: wanted <= set(bind.names()[0]), 120)
    clients.ask(*steps("renew", lasting[:100]))
    # A new name: the old one goes, the new one comes.
    clients.ask(*steps("renew", lasting[:10], "renamed{}"))
    # Somebody else's name: the address is given, the name is not.
    clients.ask(*[("obtain", 1000 + client, subnet_of(client), f"host{client}") for client in lasting[20:30]])
    clients.ask(*steps("release", lasting[40:60]))
    # To the next subnet, with a name in its zone: the lease that is left is the client's still.
    moved = {client: subnet_of(client) % (SUBNETS - 1) + 1 for client in lasting[60:70]}
    given |= clients.ask(*[("obtain", client, subnet, f"host{client}") for client, subnet in moved.items()])

    def settled():
        names, pointers = bind.names()
        gone = [f"host{one}.{zone_of(subnet_of(one))}" for one in (*lasting[:10], *lasting[40:60])]
        expired = [name for name in names if name.endswith(zone_of(SHORT))]
        return not expired and not set(gone) & set(names) and len(names) == len(pointers) and agrees(bind, server)

    wait_for("the names to settle", settled, 120)
    names, _ = bind.names()
    assert {f"renamed{one}.{zone_of(subnet_of(one))}" for one in lasting[:10]} <= set(names)
    for one in lasting[20:30]:
        assert names[f"host{one}.{zone_of(subnet_of(one))}"] == given[one]
    for client, subnet in moved.items():
        assert names[f"host{client}.{zone_of(subnet)}"] == given[client]
    assert len(names) == len(lasting) - 20 + len(moved)


PAGE = Path(__file__).resolve().parents[2] / "docs" / "names-for-leases.md"
BLOCKS = dict(re.findall(r"^```\n# ([\w.-]+)[^\n]*\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))
ASKED = re.findall(r"^\$ (dig .*)\n(.*)$", PAGE.read_text(), re.MULTILINE)


@pytest.mark.peer("named", "dig", "dhclient")
def test_the_worked_example_of_the_page_works(network, tmp_path):
    folder = tmp_path / "named"
    folder.mkdir()
    common = f'options {{ directory "{folder}"; pid-file none; listen-on {{ 127.0.0.1; }}; }}; controls {{ }};\n'
    (folder / "named.conf").write_text(common + BLOCKS["named.conf"])
    (folder / "example.org.zone").write_text(BLOCKS["example.org.zone"])
    (folder / "reverse.zone").write_text("".join(BLOCKS["example.org.zone"].splitlines(keepends=True)[:-1]))
    named = shutil.which("named", path="/usr/sbin:/usr/bin")
    network.start("server", [named, "-g", "-c", str(folder / "named.conf")], tmp_path / "named.log")
    wait_for("named", lambda: "all zones loaded" in (tmp_path / "named.log").read_text())
    network.ip("server", "addr flush dev eth0")
    network.ip("server", "addr add 192.0.2.1/24 dev eth0")
    Server(network, "ping-check false;" + BLOCKS["dhcpd.conf"]).start()
    (tmp_path / "dhclient.conf").write_text('send host-name "laptop";')
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    words = ["-cf", "dhclient.conf", "-sf", "script", "-lf", "client.leases", "-pf", "client.pid"]
    files = [word if word.startswith("-") else str(tmp_path / word) for word in words]
    network.start("client", ["dhclient", "-d", "-4", *files, "eth0"])

    def told(question):
        return network.call("server", question.split()).stdout.strip()

    assert len(ASKED) == 2
    for question, answer in ASKED:
        wait_for(question, lambda question=question, answer=answer: told(question) == answer)


STOPPED_S = 60
# The page's pause, and what 200 updates, a slice of the machine's time and a look at seven zones may take.
WHOLE_AGAIN_S = PAUSES_S[0] + 30


class Outage:
    """A site whose BIND is stopped for a minute, in which clients come, renew, move, leave and expire."""

    def __init__(self, folder, stack, style):
        folder.mkdir()
        network = stack.enter_context(Network(folder))
        self.bind = Bind(network).start()
        self.server = Server(network, dhcpd_conf(style)).start()
        self.clients = Clients(network)
        self.given, self.left = {}, {}
        self.stopped = self.back = self.whole = 0.0

    def obtain(self, clients, subnet=subnet_of):
        self.given |= self.clients.ask(*[("obtain", one, subnet(one), f"host{one}") for one in clients])

    def before(self):
        self.obtain(range(CLIENTS // 2))

    def away(self):
        """Names that come, change and go while nobody can tell DNS of it."""
        self.bind.stop()
        self.stopped = time.monotonic()
        self.obtain(range(CLIENTS // 2, CLIENTS))
        self.clients.ask(*steps("renew", RENAMED, "renamed{}"))
        self.clients.ask(*steps("release", RELEASED))
        self.left = dict(self.given)
        self.obtain(MOVED, next_subnet)
        self.clients.ask(*[("obtain", 1000 + one, subnet_of(one), f"host{one}") for one in RIVALS])

    def again(self):
        self.bind.start()
        self.back = time.monotonic()

    def is_whole(self):
        """Whether the zones are the lease file, and both what the clients did; when that was is kept."""
        names, pointers = self.bind.names()
        if not self.whole and names == self.wanted() and len(pointers) == len(names) and agrees(self.bind, self.server):
            self.whole = time.monotonic()
        return bool(self.whole)

    def wanted(self):
        names = {f"host{one}.{zone_of(subnet_of(one))}": self.given[one] for one in UNTOUCHED}
        # The lease that a client has left behind by moving is its own still.
        names |= {f"host{one}.{zone_of(subnet_of(one))}": self.left[one] for one in MOVED}
        names |= {f"host{one}.{zone_of(next_subnet(one))}": self.given[one] for one in MOVED}
        return names | {f"renamed{one}.{zone_of(subnet_of(one))}": self.given[one] for one in RENAMED}


LASTING = [client for client in range(CLIENTS) if subnet_of(client) != SHORT]
RENAMED, RELEASED, MOVED, RIVALS = LASTING[:10], LASTING[10:30], LASTING[30:40], LASTING[40:50]
UNTOUCHED = LASTING[40:]


def next_subnet(client):
    return subnet_of(client) % (SUBNETS - 1) + 1


@pytest.mark.peer("named", "dig")
@pytest.mark.timeout(600)
def test_the_zones_are_whole_a_minute_after_a_minute_without_bind(tmp_path):
    """Both styles at once: what the page says of a name server that was away."""
    with contextlib.ExitStack() as stack:
        outages = [Outage(tmp_path / style, stack, style) for style in ("interim", "standard")]
        for outage in outages:
            outage.before()
        known = {f"host{one}.{zone_of(subnet_of(one))}" for one in LASTING if one < CLIENTS // 2}
        for outage in outages:
            wait_for("the first names", lambda outage=outage: known <= set(outage.bind.names()[0]), 120)
        for outage in outages:
            outage.away()
        for outage in outages:
            time.sleep(max(0.0, outage.stopped + STOPPED_S - time.monotonic()))
            assert outage.server.seen("Unable to add forward map from")
            outage.again()
        wait_for("whole zones", lambda: False not in [outage.is_whole() for outage in outages], 2 * WHOLE_AGAIN_S)
        for outage in outages:
            print(f"whole {outage.whole - outage.back:.1f} s after {outage.back - outage.stopped:.1f} s without")
            assert outage.whole - outage.back <= WHOLE_AGAIN_S


@pytest.mark.peer("named", "dig", "dhcpd")
@pytest.mark.parametrize(("before", "now"), [("interim", "interim"), ("standard", "standard"), ("interim", "standard")])
def test_names_that_isc_dhcpd_has_made_are_taken_over(network, before, now):
    bind = Bind(network).start()
    server = Server(network, dhcpd_conf(before))
    files = ["-cf", str(server.configuration), "-lf", str(server.leases), "-pf", str(network.folder / "isc.pid")]
    isc = network.start("server", ["/usr/sbin/dhcpd", "-4", "-f", "-d", *files, "eth0"], network.folder / "isc.log")
    wait_for("ISC dhcpd", lambda: "Server starting service." in (network.folder / "isc.log").read_text())
    clients = Clients(network)
    mine = [client for client in range(30) if subnet_of(client) != SHORT]
    clients.ask(*steps("obtain", mine))
    wait_for("all names", lambda: len(bind.names()[1]) == len(mine), 120)
    isc.terminate()
    isc.wait(30)
    server.configuration.write_text(dhcpd_conf(now))
    server.start()
    clients.ask(*steps("renew", mine[:5]), *steps("renew", mine[5:10], "renamed{}"), *steps("release", mine[10:15]))
    kept = [f"host{one}.{zone_of(subnet_of(one))}" for one in (*mine[:5], *mine[15:])]
    wanted = {*kept, *(f"renamed{one}.{zone_of(subnet_of(one))}" for one in mine[5:10])}
    wait_for("the names to settle", lambda: set(bind.names()[0]) == wanted and agrees(bind, server), 120)
