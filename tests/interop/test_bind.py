"""Names of clients in a real BIND's zones: what the lease file says, in both styles, signed by every algorithm."""

import re
import shutil
from pathlib import Path

import pytest

from fixtures.network import Server, wait_for
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


@pytest.mark.peer("named", "dig")
@pytest.mark.timeout(600)
def test_names_that_a_stopped_bind_has_missed_come_when_it_is_back(site):
    """The page says: at once when it answers anything; that it is asked again within a minute is test_owed.py's."""
    bind, server, clients = site("standard")
    before = [client for client in range(20) if subnet_of(client) != SHORT]
    clients.ask(*steps("obtain", before))
    wait_for("the first names", lambda: len(bind.names()[0]) == len(before), 120)
    bind.stop()
    meanwhile = [client for client in range(100, 120) if subnet_of(client) != SHORT]
    clients.ask(*steps("obtain", meanwhile))
    clients.ask(*steps("renew", before[5:8], "renamed{}"))
    clients.ask(*steps("release", before[:5]))
    # Every attempt of each of them has failed: it is owed then.
    wait_for("the additions to fail", lambda: server.seen("Unable to add forward map from", len(meanwhile)), 240)
    wait_for("the removals to fail", lambda: server.seen("Can't remove reverse map on", 8), 240)
    bind.start()
    first = [200 + number for number in range(SUBNETS) if subnet_of(200 + number) != SHORT]
    clients.ask(*steps("obtain", first))
    whole = len(before) - 5 + len(meanwhile) + len(first)
    wait_for("all names", lambda: len(bind.names()[0]) == whole and agrees(bind, server), 240)
    assert {f"renamed{one}.{zone_of(subnet_of(one))}" for one in before[5:8]} <= set(bind.names()[0])
