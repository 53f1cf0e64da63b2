"""Kea's configuration and leases as ours: each statement carried, or named with its place and reason."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.disk import opening
from dhcpd.engine.conf.building.compile import compile_configuration
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading.parser import parse
from dhcpd.kea.command import convert_kea
from dhcpd.kea.conditions import Unknown, convert
from dhcpd.kea.configuration import convert_configuration
from dhcpd.kea.leases import NotALeaseFile, convert_leases
from dhcpd.kea.reading import NotKeas, read

SUBNET = {"subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10 - 192.0.2.20"}]}
HEAD = (
    "default-lease-time 7200;\nmin-lease-time 7200;\nmax-lease-time 7200;\necho-client-id true;\nnot authoritative;\n"
)
CSV = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n"


def converted(**kea):
    """The statements behind what is always there, and the places that were left."""
    made = convert_configuration(kea)
    registry = default_registry()
    parsed = parse({"dhcpd.conf": made.text.encode()}, "dhcpd.conf", registry)
    assert not parsed.failed, (parsed.lines, made.text)
    compile_configuration(parsed.block, registry)
    return " ".join(made.text.replace(HEAD, "").split()), [one.place for one in made.left]


@pytest.mark.parametrize(("kea", "statements"), [
    ({"valid-lifetime": 100}, ("default-lease-time 100; min-lease-time 100; max-lease-time 100; echo-client-id true;"
     " not authoritative;")),
    ({"valid-lifetime": 9, "min-valid-lifetime": 5, "max-valid-lifetime": 20},
     "default-lease-time 9; min-lease-time 5; max-lease-time 20; echo-client-id true; not authoritative;"),
    ({"renew-timer": 10, "rebind-timer": 20}, "option dhcp-renewal-time 10; option dhcp-rebinding-time 20;"),
    ({"next-server": "192.0.2.1", "server-hostname": "hal", "boot-file-name": ""},
     'next-server 192.0.2.1; server-name "hal";'),
    ({"match-client-id": False}, "ignore-client-uids true;"),
    ({"option-data": [{"name": "routers", "data": "192.0.2.1, 192.0.2.2"}, {"code": 15, "data": "example.org"}]},
     'option routers 192.0.2.1, 192.0.2.2; option domain-name "example.org";'),
    ({"option-data": [{"name": "boot-file-name", "data": "a\\,b"}, {"name": "default-ip-ttl", "data": "0xf0"}]},
     'option bootfile-name "a,b"; option default-ip-ttl 240;'),
    ({"option-data": [{"name": "root-path", "csv-format": False, "data": "2f 61"}]}, 'option root-path = "/a";'),
    ({"option-data": [{"name": "domain-search", "data": "a.example, b.example"},
                      {"name": "static-routes", "data": "10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4"}]},
     ('option domain-search "a.example", "b.example";'
     " option static-routes 10.0.0.1 10.0.0.2, 10.0.0.3 10.0.0.4;")),
    ({"option-def": [{"name": "x", "code": 222, "type": "record", "record-types": "uint8, string"}],
      "option-data": [{"name": "x", "data": "1, two"}]},
     'option x code 222 = { unsigned integer 8, text }; option x 1 "two";'),
    ({"client-classes": [{"name": "a", "test": "option[60].text == 'A'"}, {"name": "b", "test": "not member('a')"}]},
     ('class "a" { match if option vendor-class-identifier = "A"; }'
     ' class "b" { match if not (option vendor-class-identifier = "A"); }')),
    ({"subnet4": [{**SUBNET, "client-class": "KNOWN"}]},
     "subnet 192.0.2.0 netmask 255.255.255.0 { pool { allow known-clients; range 192.0.2.10 192.0.2.20; } }"),
    ({"shared-networks": [{"name": "n", "subnet4": [SUBNET]}]},
     'shared-network "n" { subnet 192.0.2.0 netmask 255.255.255.0 { pool { range 192.0.2.10 192.0.2.20; } } }'),
    ({"reservations": [{"hw-address": "1:2:3:4:5:6", "ip-address": "192.0.2.5", "hostname": "a b"}]},
     'host a-b-1 { hardware ethernet 1:2:3:4:5:6; fixed-address 192.0.2.5; option host-name "a b"; }'),
    ({"reservations": [{"client-id": "'abc'", "ip-address": "192.0.2.5"}, {"circuit-id": "0x0102"}]},
     ('host kea-1-1 { option dhcp-client-identifier "abc"; fixed-address 192.0.2.5; }'
     " host kea-2-2 { host-identifier option agent.circuit-id 01:02; }")),
    ({"ddns-qualifying-suffix": "example.org."}, 'ddns-domainname "example.org";'),
    ({"loggers": [], "lease-database": {}, "comment": "x", "user-context": {}}, ""),
])  # fmt: skip
def test_what_is_carried(kea, statements):
    assert converted(**kea) == (statements, [])


@pytest.mark.parametrize(("kea", "places"), [
    ({"no-such-thing": 1}, ["no-such-thing"]),
    ({"hooks-libraries": []}, ["hooks-libraries"]),
    ({"option-data": [{"name": "nosuch", "data": "1"}]}, ["option-data[0]"]),
    ({"option-data": [{"name": "routers", "data": "x"}]}, ["option-data[0]"]),
    ({"option-def": [{"name": "x", "code": 222, "type": "psid"}]}, ["option-def[0]"]),
    ({"client-classes": [{"name": "a", "test": "pkt4.iface == 'x'"}]}, ["client-classes[0].test"]),
    ({"subnet4": [{**SUBNET, "relay": {"ip-addresses": []}}]}, ["subnet4[0].relay"]),
    ({"subnet4": [{"subnet": "nowhere"}]}, ["subnet4[0]"]),
    ({"subnet4": [{**SUBNET, "pools": [{"pool": "1-2"}]}]}, ["subnet4[0].pools[0]"]),
    ({"reservations": [{"flex-id": "x"}]}, ["reservations[0].flex-id", "reservations[0]"]),
    ({"reservations": [{"hw-address": "1:2:3:4:5:6", "ip-address": "nowhere"}]}, ["reservations[0].ip-address"]),
])  # fmt: skip
def test_what_is_left_is_named(kea, places):
    assert converted(**kea)[1] == places


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([
            "subnet4", "subnet", "pools", "pool", "option-data", "name", "code", "data", "space", "option-def", "type",
            "client-classes", "test", "reservations", "hw-address", "client-id", "ip-address", "shared-networks",
            "hostname",
        ]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


LISTS = ["subnet4", "option-data", "option-def", "client-classes", "reservations"]


@given(st.dictionaries(st.sampled_from(LISTS), JSON))
def test_nothing_is_a_traceback(kea):
    convert_configuration(kea)


@given(st.text(alphabet="optin[]60.hex='A'()&member substring,0 1andor not", max_size=40))
def test_no_condition_is_a_traceback(text):
    with contextlib.suppress(Unknown):
        convert(text, lambda _name: "x", {})


@pytest.mark.parametrize(("test", "isc"), [
    ("substring(option[60].hex,0,6) == 'Aastra'", 'substring (option x60, 0, 6) = "Aastra"'),
    ("pkt4.mac == 0x010203040506", 'substring (hardware, 1, 16) = "\\x01\\x02\\x03\\x04\\x05\\x06"'),
    ("option[host-name].exists and not (relay4[1].hex == 'a' or pkt4.giaddr != 192.0.2.1)",
     '(exists xhost-name) and (not ((option agent.circuit-id = "a") or (packet (24, 4) != "\\xc0\\x00\\x02\\x01")))'),
    ("member('ALL')", "(1 = 1)"),
])  # fmt: skip
def test_conditions(test, isc):
    assert convert(test, lambda name: f"x{name}", {}) == isc


def test_comments_and_commas_of_kea_s_json():
    text = '// a\n{ "Dhcp4": { # b\n "x": "//#", /* c\n */ "t1-percent": .5, "y": [1,], }, }'
    assert read(text) == {"x": "//#", "t1-percent": 0.5, "y": [1]}


@pytest.mark.parametrize(("text", "told"), [
    ("{\n\n]", "line 3: "), ('{ "Dhcp6": {} }', 'no "Dhcp4"'), ("[" * 100_000, "levels of brackets"),
    ('{\n "Dhcp4": <?include "/x"?> }', 'line 2: put the content of "/x"'), (json.dumps([]), 'no "Dhcp4"'),
])  # fmt: skip
def test_what_is_no_configuration_of_kea_s(text, told):
    with pytest.raises(NotKeas, match=told):
        read(text)


def test_the_last_row_about_an_address_counts():
    rows = [
        "192.0.2.5,02:00:00:00:00:01,,3600,1796000000,1,0,0,,0,",
        "192.0.2.6,,01:0a,3600,1796000000,1,0,0,pc.example.,0,",
        "192.0.2.5,02:00:00:00:00:01,,3600,1796003600,1,0,0,,0,", "192.0.2.7,,,3600,1796000000,1,0,0,,1,",
        "192.0.2.8,02:00:00:00:00:08,,3600,1796000000,1,0,0,,0,", "192.0.2.8,,,0,1796000000,1,0,0,,0,",
        "192.0.2.9,02:00:00:00:00:09,,4294967295,1796000000,1,0,0,,0,", "nowhere,,,1,1,1,0,0,,0,",
        "192.0.2.10,,,9,-5,1,0,0,,0,",
    ]  # fmt: skip
    made = convert_leases((CSV + "\n".join(rows)).splitlines())
    assert [one.place for one in made.left] == ["line 9", "line 10"]
    assert made.held == made.text.count("\nlease ") == 4
    assert "lease 192.0.2.5 {\n  starts 1 2026/11/30 00:53:20;\n  ends 1 2026/11/30 01:53:20;\n" in made.text
    assert '  uid "\\001\\012";\n  client-hostname "pc";\n' in made.text
    assert "ends never;" in made.text
    assert "binding state abandoned;" in made.text
    assert "192.0.2.8" not in made.text


def test_another_file_is_no_lease_file():
    with pytest.raises(NotALeaseFile):
        convert_leases(["lease 192.0.2.1 {"])


@pytest.mark.parametrize("which", ["configuration", "leases"])
def test_a_pipe_is_not_waited_for(tmp_path, which):
    os.mkfifo(tmp_path / "pipe")
    good = tmp_path / "kea.conf"
    good.write_text('{"Dhcp4": {}}')
    words = [str(tmp_path / "pipe")] if which == "configuration" else [str(good), str(tmp_path / "pipe")]
    result = CliRunner().invoke(convert_kea, [*words, "-o", str(tmp_path)])
    assert result.exit_code == 1
    assert "pipe: not a regular file" in result.output


@pytest.mark.parametrize("which", ["configuration", "leases"])
@pytest.mark.parametrize("came", [b"", b"<6>a line of the kernel\n", b"\0\xff\x80" * 1000])
def test_what_has_nothing_for_now_has_ended(tmp_path, monkeypatch, which, came):
    """As /proc/kmsg, which is a regular file by what the system says of it."""
    (tmp_path / "empty").touch()
    strange, writing = os.pipe2(os.O_NONBLOCK)
    os.write(writing, came)
    given = opening.read_only
    monkeypatch.setattr(opening, "read_only", lambda path, most: strange if path.name == "empty" else given(path, most))
    good = tmp_path / "kea.conf"
    good.write_text('{"Dhcp4": {}}')
    words = [str(tmp_path / "empty")] if which == "configuration" else [str(good), str(tmp_path / "empty")]
    result = CliRunner().invoke(convert_kea, [*words, "-o", str(tmp_path)])
    os.close(writing)
    assert result.exit_code == 1
    why = "is it the configuration of kea-dhcp4?" if which == "configuration" else "the first line should name"
    assert f"{tmp_path}/empty: " in result.output
    assert why in result.output


@pytest.mark.parametrize("leases", ["no lease file", "a hole"])
def test_nothing_is_written_where_one_file_cannot_be_read(tmp_path, leases):
    good = tmp_path / "kea.conf"
    good.write_text('{"Dhcp4": {}}')
    (tmp_path / "leases.csv").write_text("lease 192.0.2.1 {\n")
    if leases == "a hole":
        os.truncate(tmp_path / "leases.csv", 1 << 40)
    result = CliRunner().invoke(convert_kea, [str(good), str(tmp_path / "leases.csv"), "-o", str(tmp_path)])
    assert result.exit_code == 1
    assert f"{tmp_path}/leases.csv: " in result.output
    assert "is written" not in result.output
    assert not (tmp_path / "dhcpd.conf").exists()


def test_of_two_files_none_is_written_where_one_is_there_already(tmp_path):
    good = tmp_path / "kea.conf"
    good.write_text('{"Dhcp4": {}}')
    (tmp_path / "leases.csv").write_text(CSV)
    (tmp_path / "dhcpd.leases").write_text("# a server's\n")
    result = CliRunner().invoke(convert_kea, [str(good), str(tmp_path / "leases.csv"), "-o", str(tmp_path)])
    assert result.exit_code == 1
    assert "dhcpd.leases exists: move it away" in result.output
    assert (tmp_path / "dhcpd.leases").read_text() == "# a server's\n"
    assert not (tmp_path / "dhcpd.conf").exists()


@pytest.mark.parametrize("folder", ["/proc", "/dev/null", "disk"])
def test_a_folder_in_which_nothing_can_be_written_is_named(tmp_path, monkeypatch, folder):
    good = tmp_path / "kea.conf"
    good.write_text('{"Dhcp4": {}}')
    if folder == "disk":
        folder = tmp_path
        monkeypatch.setattr(pathlib.Path, "open", on_a_full_disk)
    result = CliRunner().invoke(convert_kea, [str(good), "-o", str(folder)])
    assert result.exit_code == 1
    assert f"{folder}/dhcpd.conf: " in result.output
    assert "name another folder with -o" in result.output
    assert not (tmp_path / "dhcpd.conf").exists()


def on_a_full_disk(path, _mode, **_how):
    path.touch(exist_ok=False)
    return os.fdopen(os.open("/dev/full", os.O_WRONLY), "w", encoding="ascii")
