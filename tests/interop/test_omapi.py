"""Tools that are welded to ISC dhcpd's OMAPI, unmodified, against this server.

pypureomapi is the library of PyPI. The scripts of omshell are what these projects feed to it, as their public
sources and documents show it, with the values of one host filled in:

- Foreman's smart proxy, modules/dhcp_isc (`omcmd` of its provider for ISC):
  https://github.com/theforeman/smart-proxy/tree/develop/modules/dhcp_isc
- xCAT, `makedhcp`: https://xcat-docs.readthedocs.io/en/stable/guides/admin-guides/references/man8/makedhcp.8.html
- MAAS 1.x, provisioningserver/dhcp/omshell.py: https://github.com/maas/maas
- Ansible, the module omapi_host (on pypureomapi): https://docs.ansible.com/ansible/latest/collections/community/general/omapi_host_module.html
- Cobbler in its early versions, cobbler/modules/manage_isc.py (`write_dhcp_lease` and `remove_dhcp_lease`), which
  knows no key: https://github.com/cobbler/cobbler. Later ones write dhcpd.conf and restart the server.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys

import pytest

from dhcpd import dhcpctl
from dhcpd.trace.effects import StreamListenEnd
from tests.dhcpd.dhcpctl.loopback import ADDRESS, Loopback
from tests.engine.omapi.shell import CONFIGURATION
from tests.replay.engine_runs import yiaddr

pypureomapi = pytest.importorskip("pypureomapi")

SECRET = "AAECAwQFBgcICQoLDA0ODw=="
MAC = "02:00:00:00:09:01"
OURS = [sys.executable, "-m", "dhcpd.omshell"]


@pytest.fixture
def server():
    with Loopback() as made:
        yield made


@pytest.fixture
def omapi(server):
    made = pypureomapi.Omapi(ADDRESS, server.port, b"omapi_key", SECRET.encode(), timeout=60)
    yield made
    made.close()


def test_pypureomapi_makes_finds_and_removes_hosts(omapi):
    omapi.add_host("10.0.200.60", MAC)
    with pytest.raises(pypureomapi.OmapiError, match="add failed"):
        omapi.add_host("10.0.200.60", MAC)
    found = omapi.lookup_host_host(MAC)
    assert (found["ip"], found["mac"]) == ("10.0.200.60", MAC)
    assert omapi.lookup_ip_host(MAC) == "10.0.200.60"
    omapi.add_host_without_ip("02:00:00:00:09:02")
    omapi.add_host_supersede_name("10.0.200.61", "02:00:00:00:09:03", "pyhost")
    omapi.add_host_supersede("10.0.200.62", "02:00:00:00:09:04", "pyhost2", "h2", "10.0.0.1", "d.example")
    assert omapi.lookup_host("pyhost") == {"ip": "10.0.200.61", "mac": "02:00:00:00:09:03", "hostname": "pyhost"}
    assert omapi.lookup_by_host(name="pyhost2")["name"] == b"pyhost2"
    omapi.del_host(MAC)
    with pytest.raises(pypureomapi.OmapiErrorNotFound):
        omapi.del_host(MAC)
    with pytest.raises(pypureomapi.OmapiErrorNotFound):
        omapi.lookup_host_by_ip("10.0.200.61")


def test_pypureomapi_and_groups(omapi):
    omapi.add_group("pygroup", 'option domain-name "py.example";')
    omapi.add_host_with_group("10.0.200.63", "02:00:00:00:09:05", "pygroup")
    omapi.add_host_supersede_name("10.0.200.64", "02:00:00:00:09:06", "grouped")
    # The library takes the answer for a failure, with ISC dhcpd too; the change is made.
    with pytest.raises(pypureomapi.OmapiError, match="changing group"):
        omapi.change_group("grouped", "pygroup")


def test_pypureomapi_and_leases(server, omapi):
    address = server.exchange(1)
    dotted = ".".join(str(octet) for octet in address.to_bytes(4, "big"))
    lease = omapi.lookup_by_lease(ip=dotted)
    mac = lease["hardware-address"]
    assert (lease["state"], lease["ip-address"], lease["flags"]) == (2, dotted, b"\0")
    assert omapi.lookup_mac(dotted) == mac
    assert omapi.lookup_ip(mac) == dotted
    with pytest.raises(pypureomapi.OmapiErrorAttributeNotFound):
        omapi.lookup_hostname(dotted)
    with pytest.raises(pypureomapi.OmapiErrorNotFound):
        omapi.lookup_mac("192.0.2.1")
    with pytest.raises(pypureomapi.OmapiErrorNotFound):
        omapi.lookup_failoverstate("fo", "local-state")


RANGE = b"range 10.0.1.0 10.0.1.31;"
SHARED = CONFIGURATION.replace(RANGE, b'pool { failover peer "fo"; ' + RANGE + b" }")
FAILOVER = b'failover peer "fo" { primary; mclt 1800; split 128; address 10.0.0.1; peer address 10.0.0.2; }\n' + SHARED
STARTUP = 1


def test_pypureomapi_and_failover():
    with Loopback(FAILOVER) as server:
        omapi = pypureomapi.Omapi(ADDRESS, server.port, b"omapi_key", SECRET.encode(), timeout=60)
        assert omapi.lookup_failoverstate("fo", "local-state") == struct.pack("!L", STARTUP)
        assert omapi.lookup_by_failoverstate(name="fo")["mclt"] == struct.pack("!L", 1800)
        omapi.close()


def test_pypureomapi_and_names_of_leases(server, omapi):
    address = yiaddr(server.packet(1, 1, b"\x0c\x05alpha"))
    dotted = ".".join(str(octet) for octet in address.to_bytes(4, "big"))
    assert omapi.lookup_hostname(dotted) == "alpha"
    omapi.add_host_without_ip(omapi.lookup_mac(dotted))
    # A host is found by the address of its lease; this one has no address of its own that the library could show.
    with pytest.raises(pypureomapi.OmapiErrorAttributeNotFound):
        omapi.lookup_host_by_ip(dotted)


def test_ansible_makes_and_removes_a_host(omapi):
    """The calls of community.general's omapi_host, in its order; the module itself would bring all of Ansible.

    It cannot change a host, whatever the server: it takes the name for another, since it looks for text among octets.
    """
    mac = pypureomapi.pack_mac(MAC)

    def find():
        asked = pypureomapi.OmapiMessage.open(b"host")
        asked.obj += [(b"hardware-address", mac), (b"hardware-type", struct.pack("!I", 1))]
        return omapi.query_server(asked)

    assert find().opcode == pypureomapi.OMAPI_OP_STATUS
    wanted = pypureomapi.OmapiMessage.open(b"host")
    wanted.message += [(b"create", struct.pack("!I", 1)), (b"exclusive", struct.pack("!I", 1))]
    statements = b'ddns-hostname "server01"; filename "pxelinux.0"; next-server 1.1.1.1; '
    wanted.obj += [(b"hardware-address", mac), (b"hardware-type", struct.pack("!I", 1)), (b"name", b"server01"),
                   (b"ip-address", pypureomapi.pack_ip("10.0.200.65")), (b"statements", statements)]  # fmt: skip
    assert omapi.query_server(wanted).opcode == pypureomapi.OMAPI_OP_UPDATE
    found = dict(find().obj)
    assert (pypureomapi.unpack_ip(found[b"ip-address"]), found[b"name"]) == ("10.0.200.65", b"server01")
    omapi.del_host(MAC)
    with pytest.raises(pypureomapi.OmapiErrorNotFound):
        omapi.del_host(MAC)


def test_pypureomapi_asks_by_messages(omapi):
    asked = pypureomapi.OmapiMessage.open(b"host")
    asked.update_object({b"name": b"configured"})
    answer = omapi.query_server(asked)
    assert answer.opcode == pypureomapi.OMAPI_OP_UPDATE
    assert dict(answer.obj)[b"hardware-type"] == struct.pack("!L", 1)
    omapi.check_connected()


def test_pypureomapi_speaks_by_messages_of_its_own(server, omapi):
    """Its lower floor, as programs use it that ask for more than its calls have."""
    routes = pypureomapi.encode_classless_static_routes([("10.9.0.0/16", "10.0.0.1")])
    asked = pypureomapi.OmapiMessage.open(b"host")
    asked.message += [(b"create", struct.pack("!I", 1)), (b"exclusive", struct.pack("!I", 1))]
    statements = f"supersede unknown-249 = {routes};".encode()
    asked.update_object({b"name": b"low", b"hardware-address": pypureomapi.pack_mac(MAC), b"hardware-type": b"\0\0\0\1",
                         b"statements": statements})  # fmt: skip
    omapi.send_message(asked)
    made = omapi.receive_response(asked)
    assert made.is_response(asked)
    assert made.verify(omapi.protocol.authenticators)
    assert "update" in made.dump()
    assert "update" in made.dump_oneline()
    change = pypureomapi.OmapiMessage.update(made.handle)
    change.update_object({b"ip-address": pypureomapi.pack_ip("10.0.200.66")})
    # Two that are on their way at once are answered in their order.
    look = pypureomapi.OmapiMessage(opcode=pypureomapi.OMAPI_OP_REFRESH, handle=made.handle, tid=-1)
    omapi.send_message(change)
    omapi.send_message(look)
    assert dict(omapi.receive_response(change).message)[b"result"] == bytes(4)
    assert dict(omapi.receive_response(look).obj)[b"ip-address"] == pypureomapi.pack_ip("10.0.200.66")
    assert b"supersede unknown-249 = 10:0a:09:0a:00:00:01;" in server.stored()
    gone = omapi.query_server(pypureomapi.OmapiMessage.delete(made.handle))
    assert (gone.opcode, dict(gone.message)[b"result"]) == (pypureomapi.OMAPI_OP_STATUS, bytes(4))
    assert omapi.query_server(look).opcode == pypureomapi.OMAPI_OP_STATUS
    # An unsigned request is refused, in an answer that is not signed either.
    unsigned = pypureomapi.OmapiMessage.open(b"host")
    omapi.send_message(unsigned, sign=False)
    assert omapi.receive_response(unsigned, insecure=True).opcode == pypureomapi.OMAPI_OP_STATUS


def test_pypureomapi_without_a_key():
    with Loopback(CONFIGURATION.replace(b"omapi-key omapi_key;", b"")) as server:
        omapi = pypureomapi.Omapi(ADDRESS, server.port, timeout=60)
        omapi.add_host("10.0.200.67", MAC)
        assert omapi.lookup_ip_host(MAC) == "10.0.200.67"
        omapi.del_host(MAC)
        omapi.close()


@pytest.mark.parametrize(("name", "secret"), [(b"omapi_key", "AAAA"), (b"nokey", SECRET)])
def test_pypureomapi_with_a_wrong_key_is_told_so(server, name, secret):
    with pytest.raises(pypureomapi.OmapiError):
        pypureomapi.Omapi(ADDRESS, server.port, name, secret.encode(), timeout=60).add_host("10.0.200.68", MAC)
    assert b"10.0.200.68" not in server.stored()


def test_pypureomapi_shuts_the_server_down():
    with Loopback() as server:
        omapi = pypureomapi.Omapi(ADDRESS, server.port, b"omapi_key", SECRET.encode(), timeout=60)
        omapi.signal_shutdown()
        omapi.close()
    assert [one for _event, effects in server.pairs for one in effects if isinstance(one, StreamListenEnd)]


HEAD = 'server 127.0.0.1\nport {port}\nkey omapi_key "' + SECRET + '"\nconnect\n'
FOREMAN_ADD = HEAD + """new host
set name = "web01.example.org"
set ip-address = 10.0.200.70
set hardware-address = 02:00:00:00:09:01
set hardware-type = 1
set statements = "filename = \\"pxelinux.0\\"; next-server = 0a:00:00:01; option host-name = \\"web01.example.org\\";"
create
close
"""
FOREMAN_REMOVE = HEAD + """new host
set hardware-address = 02:00:00:00:09:01
open
remove
"""
XCAT_ADD = 'key omapi_key "' + SECRET + """\"
port {port}
connect
new host
set name = "node01"
open
remove
close
new host
set name = "node01"
set hardware-address = 02:00:00:00:09:01
set hardware-type = 1
set ip-address = 10.0.200.70
set statements = "ddns-hostname \\"node01\\";send host-name \\"node01\\";"
create
close
"""
XCAT_REMOVE = 'key omapi_key "' + SECRET + """\"
port {port}
connect
new host
set name = "node01"
open
remove
close
"""
MAAS_ADD = HEAD + """new host
set ip-address = 10.0.200.70
set hardware-address = 02:00:00:00:09:01
set hardware-type = 1
set name = "10.0.200.70"
create
"""
MAAS_REMOVE = HEAD + """new host
set name = "10.0.200.70"
open
remove
"""

# Without a key: its server has no `omapi-key`.
COBBLER_ADD = """port {port}
connect
new host
set name = "node01"
set ip-address = 10.0.200.70
set hardware-address = 02:00:00:00:09:01
set hardware-type = 1
create
"""
COBBLER_REMOVE = """port {port}
connect
new host
set name = "node01"
open
remove
"""


def said_by(command: list[str], script: str, port: int) -> str:
    asked = script.replace("{port}", str(port))
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("shell", ["ours", pytest.param("omshell", marks=pytest.mark.peer("omshell"))])
@pytest.mark.parametrize(
    ("add", "remove"),
    [(FOREMAN_ADD, FOREMAN_REMOVE), (XCAT_ADD, XCAT_REMOVE), (MAAS_ADD, MAAS_REMOVE)],
    ids=["foreman", "xcat", "maas"],
)
def test_scripts_that_tools_give_to_omshell(server, shell, add, remove):
    makes_and_removes(server, shell, add, remove, dhcpctl.key_from_base64("omapi_key", SECRET))


@pytest.mark.parametrize("shell", ["ours", pytest.param("omshell", marks=pytest.mark.peer("omshell"))])
def test_what_cobbler_gives_to_omshell(shell):
    with Loopback(CONFIGURATION.replace(b"omapi-key omapi_key;", b"")) as server:
        makes_and_removes(server, shell, COBBLER_ADD, COBBLER_REMOVE, None)


def makes_and_removes(server, shell, add, remove, key):
    command = OURS if shell == "ours" else [shutil.which("omshell", path="/usr/bin") or "omshell"]
    said_by(command, add, server.port)
    host = dhcpctl.Object("host", {"hardware-address": bytes.fromhex(MAC.replace(":", "")), "hardware-type": 1})
    with dhcpctl.connect(ADDRESS, server.port, key) as client:
        client.open(host)
        assert host.data("ip-address") == bytes([10, 0, 200, 70])
        said_by(command, remove, server.port)
        with pytest.raises(dhcpctl.Refused, match="not found"):
            client.refresh(host)
