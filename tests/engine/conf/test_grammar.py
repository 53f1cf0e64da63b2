"""Random configurations of the whole grammar are accepted; printed, they read back to the same tree."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from dhcpd.engine.conf.building.compile import compile_configuration
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading.parser import parse
from dhcpd.engine.conf.writing.printing import print_block
from tests.engine.conf.grammar import configurations

SETTINGS = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


def read(text: str):
    registry = default_registry()
    parsed = parse({"dhcpd.conf": text.encode("latin-1")}, "dhcpd.conf", registry)
    assert not parsed.failed, parsed.lines
    assert parsed.fatal is None
    return parsed.block, registry


@SETTINGS
@given(configurations(interfaces=True))
def test_what_is_printed_reads_back_to_the_same_tree(text):
    block, registry = read(text)
    printed = print_block(block)
    again, _registry = read(printed)
    assert again == block
    assert print_block(again) == printed
    compile_configuration(block, registry)
