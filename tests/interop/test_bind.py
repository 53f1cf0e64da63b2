"""Names of clients in a real BIND's zones: what the lease file says, in both styles, signed by every algorithm."""

import pytest

from fixtures.network import Server, wait_for
from tests.interop.bind import ALGORITHMS, Bind, Clients, dhcpd_conf, promised, zone_of

CLIENTS = 200
SUBNETS = len(ALGORITHMS)
SHORT = SUBNETS


def subnet_of(client):
    return client % SUBNETS + 1


def steps(kind, clients, name="host{}"):
    return [(kind, client, subnet_of(client), name.format(client)) for client in clients]


def agrees(bind, server):
    """Whether the zones hold the names of the lease file, and no others."""
    return bind.names() == promised(server.leases)


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
    assert len(names) == len(lasting) - 20
