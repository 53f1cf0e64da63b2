"""What the interop tests need: root, namespaces, and the peers."""

import os
import shutil

import pytest

from fixtures.network import Network

SUBNET = """
default-lease-time 600; max-lease-time 600;
authoritative;
ping-check false;
subnet 10.66.0.0 netmask 255.255.0.0 {{ {0} option routers 10.66.0.1; option domain-name "example.org"; }}
subnet 10.77.0.0 netmask 255.255.0.0 {{ {1} option routers 10.77.0.1; }}
"""


def pytest_configure(config):
    config.addinivalue_line("markers", "peer(program...): programs of others that the test talks to")


def pytest_runtest_setup(item):
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    for mark in item.iter_markers("peer"):
        for program in mark.args:
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed")


@pytest.fixture
def network(tmp_path):
    with Network(tmp_path) as made:
        yield made


@pytest.fixture
def relayed(tmp_path):
    with Network(tmp_path, relay=True) as made:
        yield made


@pytest.fixture
def configuration():
    return SUBNET.format("range 10.66.1.1 10.66.1.200;", "range 10.77.1.1 10.77.1.200;")
