"""Hosts and groups by what they are found by, and maps that stand over others: for dhcpd.conf and what comes later.

A `Layer` reads through to a frozen mapping and keeps what was entered or taken away since in one of its own, so that
what is declared at run time costs by its own number and never by that of dhcpd.conf. A list of hosts is a tuple,
replaced as a whole: who holds one is not disturbed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...model.configuration import Host
    from ...model.spaces import OptionDefinition

_K = TypeVar("_K")
_V = TypeVar("_V")
_EMPTY: Final[MappingProxyType[bytes, tuple[Host, ...]]] = MappingProxyType({})


class Layer(Generic[_K, _V]):
    """A mapping over a frozen one. `own` has what is new, and None for what was taken away."""

    __slots__ = ("below", "own")

    def __init__(self, below: Mapping[_K, _V]) -> None:
        """Nothing is different yet."""
        self.below = below
        self.own: dict[_K, _V | None] = {}

    def get(self, key: _K) -> _V | None:
        """What is in force for a key, None for nothing."""
        if key in self.own:
            return self.own[key]
        return self.below.get(key)

    def put(self, key: _K, value: _V) -> None:
        """Enter a value, behind all others."""
        self.own.pop(key, None)
        self.own[key] = value

    def take(self, key: _K) -> None:
        """Take a key away."""
        if key in self.below:
            self.own[key] = None
        else:
            self.own.pop(key, None)

    def items(self) -> Iterator[tuple[_K, _V]]:
        """What is in force: what stands below in its order, then what is new."""
        for key, value in self.below.items():
            if key not in self.own:
                yield key, value
        for key, own in self.own.items():
            if own is not None:
                yield key, own

    def __bool__(self) -> bool:
        """Whether anything is in force."""
        return any(True for _item in self.items())


HostLists = Layer[bytes, "tuple[Host, ...]"]


class Hosts:
    """Host declarations in force, by name, hardware address, client identifier and identifying option."""

    __slots__ = ("by_hardware", "by_name", "by_uid", "count", "identifiers")

    def __init__(
        self,
        by_name: Mapping[str, Host] = MappingProxyType({}),
        by_hardware: Mapping[bytes, tuple[Host, ...]] = _EMPTY,
        by_uid: Mapping[bytes, tuple[Host, ...]] = _EMPTY,
        identifiers: tuple[tuple[OptionDefinition, Mapping[bytes, tuple[Host, ...]]], ...] = (),
    ) -> None:
        """Those of a configuration; without arguments none."""
        self.by_name: Layer[str, Host] = Layer(by_name)
        self.by_hardware: HostLists = Layer(by_hardware)
        self.by_uid: HostLists = Layer(by_uid)
        self.identifiers: list[tuple[OptionDefinition, HostLists]] = [
            (option, Layer(values)) for option, values in identifiers
        ]
        self.count = len(by_name)

    def everyone(self) -> Iterator[Host]:
        """All hosts in force: those of the configuration in its order, then those that came at run time.

        Hosts may come and go while this is walked; one that comes meanwhile is met, or not.
        """
        own = self.by_name.own
        for name, host in self.by_name.below.items():
            if name not in own:
                yield host
        for late in list(own.values()):
            if late is not None:
                yield late

    def enter(self, host: Host) -> None:
        """Index a host, behind those that are found by the same; there must be none of its name."""
        self.by_name.put(host.name, host)
        self.count += 1
        for lists, key in self._places(host):
            lists.put(key, (*(lists.get(key) or ()), host))

    def remove(self, name: str) -> Host | None:
        """Forget a host; the one that was there, or None."""
        host = self.by_name.get(name)
        if host is None:
            return None
        self.by_name.take(name)
        self.count -= 1
        for lists, key in self._places(host):
            left = tuple([one for one in lists.get(key) or () if one is not host])
            if left:
                lists.put(key, left)
            else:
                lists.take(key)
        return host

    def _places(self, host: Host) -> Iterator[tuple[HostLists, bytes]]:
        """The lists that a host stands in, with the key."""
        if host.hardware:
            yield self.by_hardware, host.hardware
        if host.uid:
            yield self.by_uid, host.uid
        if host.identifier is not None:
            yield self._identifier_values(host.identifier[0]), host.identifier[1]

    def _identifier_values(self, option: OptionDefinition) -> HostLists:
        """The hosts by value of an option that identifies hosts; the option declared last is asked first."""
        for known, values in self.identifiers:
            if (known.space, known.code) == (option.space, option.code):
                return values
        made: HostLists = Layer(_EMPTY)
        self.identifiers.insert(0, (option, made))
        return made


def frozen(layer: Layer[_K, _V]) -> Mapping[_K, _V]:
    """What is in force, as a mapping that nobody can change."""
    return MappingProxyType(dict(layer.items()))
