"""Keys, zones, failover peers and the server's DUID. Checked as ISC checks, and kept.

See docs/behaviour/configuration.md#special-statements, docs/behaviour/configuration.md#keys-and-zones,
docs/behaviour/configuration.md#failover-peers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR
from ...model.syntax import FailoverPeer, Key, ServerDuid, Zone
from .cursor import FatalError, Lost, atoi
from .keywords import IDENTIFIERS, NUMBER, STRING
from .parse_values import Values

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from .symbols import Symbols

# The load is shared by a hash of 256 values (RFC 3074): one bit of the map for each, or so many for the primary.
_SPLIT_MAX: Final = 256
_SECONDARY_SHARES: Final = "secondary may not define load balance settings."
_HBA_BYTES: Final = 32
_ALGORITHMS: Final = frozenset({"hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"})
# The suffix of HMAC-MD5's name in DNS, which ISC gives to every algorithm that is written without a dot.
_SUFFIX: Final = ".SIG-ALG.REG.INT."
_PEER_NUMBERS: Final = frozenset({
    "port", "max-response-delay", "max-unacked-updates", "mclt", "split", "auto-partner-down", "max-lease-misbalance",
    "max-lease-ownership", "min-balance", "max-balance",
})  # fmt: skip
# Only these have a meaning of their own behind `peer`; before any other setting the word is read and changes nothing.
_PEER_WORDS: Final = frozenset({"peer address", "peer port", "peer max-response-delay", "peer max-unacked-updates"})
_DUID_HARDWARE: Final = frozenset({"ethernet", "token-ring", "fddi"})
# The word is `seconds`, but ISC's complaint asks for `secs`.
_LOAD_WORDS: Final = (("balance", "expecting 'balance'"), ("max", "expecting 'max'"), ("seconds", "expecting 'secs'"))


class Keys(Values):
    """Reads the blocks that name other servers."""

    symbols: Symbols

    # key

    def key_block(self) -> Key:
        """`key NAME {...} [;]`: the word is read. Raises Lost.

        A secret with bits left over is a mistake, but no reason for the key not to exist.
        """
        place = self.place()
        name = self._quoted_or_dotted("expecting key name.")
        if not self.accept("{"):
            self.lexer.next()
            raise self.lost("expecting left brace", skip=False)
        algorithm: str | None = None
        secret: bytes | None = None
        before = self.warnings
        while self.lexer.peek() in ("algorithm", "secret"):
            if self.lexer.next() == "algorithm":
                algorithm = self._algorithm(name, algorithm)
            else:
                secret = self._secret(name, secret)
            if not self._block_semicolon():
                raise Lost
        self._right_brace()
        # Behind a secret with bits left over ISC leaves the semicolon to who reads on.
        if self.warnings == before:
            self.accept(";")
        if algorithm is None or secret is None:
            self.warn(f"key {name}: algorithm or secret missing")
            raise Lost
        if algorithm.lower().removesuffix(_SUFFIX.lower()) not in _ALGORITHMS:
            self.lines.append((ERROR, f"Unable to create tsec structure for {name}"))
        self.symbols.keys.add(name.lower())
        return Key(place, name.lower(), algorithm, secret)

    def _block_semicolon(self) -> bool:
        if self.lexer.next() == ";":
            return True
        self.warn("semicolon expected.")
        self.skip_block()
        return False

    def _right_brace(self) -> None:
        if self.lexer.next() != "}":
            self.warn("expecting right brace.")
            self.skip_block()
            raise Lost

    def _quoted_or_dotted(self, missing: str) -> str:
        if self.lexer.peek() == STRING:
            self.lexer.next()
            return self.text()
        name = self.dotted_name()
        if name is None:
            self.warn(missing)
            self.skip_block()
            raise Lost
        return name

    def _algorithm(self, name: str, known: str | None) -> str:
        if known is not None:
            self.warn(f"key {name}: too many algorithms")
            self.skip_block()
            raise Lost
        word = self.dotted_name()
        if word is None:
            self.warn("expecting key algorithm name.")
            self.skip_block()
            raise Lost
        if "." not in word:
            return word + _SUFFIX
        return word if word.endswith(".") else word + "."

    def _secret(self, name: str, known: bytes | None) -> bytes:
        if known is not None:
            self.warn(f"key {name}: too many secrets")
            self.skip_block()
            raise Lost
        found = self.base64_value()
        if found is None:
            self.skip_block()
            raise Lost
        return found

    # zone

    def zone_block(self) -> Zone:
        """`zone DOMAIN {...}`: the word is read. Raises Lost."""
        place = self.place()
        name = self.dotted_name()
        if name is None:
            raise self.lost("expecting hostname.")
        name = name if name.endswith(".") else name + "."
        if self.lexer.next() != "{":
            raise self.lost("expecting left brace")
        addresses: dict[str, tuple[int | str, ...]] = {}
        addresses6: dict[str, tuple[bytes, ...]] = {}
        key: str | None = None
        while (kind := self.lexer.peek()) in ("primary", "secondary", "primary6", "secondary6", "key"):
            if kind in addresses or kind in addresses6:
                raise self._lost_twice(f"more than one {kind}.")
            self.lexer.next()
            if kind == "key":
                key = self._zone_key(name, key)
            elif kind.endswith("6"):
                addresses6[kind] = self._addresses6()
            else:
                addresses[kind] = self._addresses()
        if self.lexer.next() != "}":
            raise self.lost("expecting right brace.")
        return Zone(
            place,
            name,
            addresses.get("primary", ()),
            addresses.get("secondary", ()),
            addresses6.get("primary6", ()),
            addresses6.get("secondary6", ()),
            key,
        )

    def _zone_key(self, zone: str, known: str | None) -> str | None:
        """A key's name, in lower case; None for a key that is unknown: reported."""
        if known is not None:
            raise FatalError(f"Multiple key definitions for zone {zone}.")
        if self.lexer.peek() == STRING:
            self.lexer.next()
            name = self.text()
        else:
            found = self.dotted_name()
            if found is None:
                raise self._lost_twice("expecting key name.")
            name = found
        is_known = name.lower() in self.symbols.keys
        if not is_known:
            self.warn(f"unknown key {name}")
        if self.lexer.next() != ";":
            raise self._lost_twice("semicolon expected.")
        return name.lower() if is_known else None

    def _addresses(self) -> tuple[int | str, ...]:
        made: list[int | str] = []
        while True:
            found = self.address_or_name()
            if found is None:
                raise self._lost_twice("expecting IP addr or hostname.")
            made.append(found)
            if not self.accept(","):
                break
        self._expect_semicolon()
        return tuple(made)

    def _expect_semicolon(self) -> None:
        if self.lexer.next() != ";":
            raise self._lost_twice("expecting semicolon.")

    def _addresses6(self) -> tuple[bytes, ...]:
        made: list[bytes] = []
        while True:
            try:
                made.append(self.ip6_address())
            except Lost:
                raise self._lost_twice("expecting IPv6 addr.") from None
            if not self.accept(","):
                break
        self._expect_semicolon()
        return tuple(made)

    # failover

    def failover_name(self) -> str:
        """`peer NAME` behind the word `failover`. Raises Lost."""
        if self.lexer.next() != "peer":
            raise self.lost('expecting "peer"')
        kind = self.lexer.next()
        if kind != STRING and kind not in IDENTIFIERS:
            raise self.lost_unless_semicolon("expecting failover peer name.")
        return self.text()

    def failover_block(self, name: str) -> FailoverPeer:
        """The definition of a peer: its opening brace is read. Raises Lost.

        An error ends the definition; behind some of them ISC still wants a semicolon.
        """
        place = self.place()
        if name in self.symbols.peers:
            raise self._lost_block(f"redeclaration of failover peer {name}")
        settings: list[tuple[str, object]] = []
        while (kind := self.lexer.next()) != "}":
            words = kind if kind != "peer" else f"peer {self.lexer.next()}"
            if words.startswith("peer ") and words not in _PEER_WORDS:
                words = words.removeprefix("peer ")
            value = self._setting(words, secondary=("secondary", None) in settings)
            if words != "split" or value is not None:
                settings.append((words, value))
            self._check_balance(words, settings)
            if self.lexer.next() != ";":
                raise self._lost_block("semicolon expected.")
        self._check_peer(dict(settings))
        self.symbols.peers.add(name)
        return FailoverPeer(place, name, tuple(settings))

    def _check_balance(self, words: str, settings: list[tuple[str, object]]) -> None:
        """A secondary does not say how the load is shared."""
        shares = any(word in ("split", "hba") for word, _value in settings)
        if words in ("split", "hba", "secondary") and shares and ("secondary", None) in settings:
            self.warn(_SECONDARY_SHARES)

    def _lost_twice(self, text: str) -> Lost:
        """A mistake in a zone: ISC skips a statement where it finds it, and one more where it reads zones."""
        self.warn(text)
        self.skip()
        self.skip()
        return Lost()

    def _lost_block(self, text: str) -> Lost:
        self.warn(text)
        self.skip_block(1)
        return Lost()

    def _setting(self, words: str, *, secondary: bool) -> object:
        kind = words.removeprefix("peer ")
        if kind in ("primary", "secondary"):
            return None
        if kind == "address":
            found = self.address_or_name()
            if found is None:
                self.skip_block(1)
                raise Lost
            return found
        if kind == "hba":
            return self._hash_buckets()
        if kind == "load":
            return self._load_balance()
        if kind in _PEER_NUMBERS:
            return self._peer_number(kind, secondary=secondary)
        raise self._lost_block("invalid statement in peer declaration")

    def _peer_number(self, kind: str, *, secondary: bool) -> int | None:
        if self.lexer.next() != NUMBER:
            if kind == "port":
                self._not_said("expecting number")
                return None
            raise self._lost_block("expecting number" if kind == "split" else "expecting number.")
        value = atoi(self.lexer.text)
        if kind == "split" and not 0 <= value <= _SPLIT_MAX:
            if secondary:
                self.warn(_SECONDARY_SHARES)
            self.warn("split must be between 0 and 256, inclusive")
            return None
        return value

    def _not_said(self, text: str) -> None:
        """A mistake behind which ISC skips to the end of the block, and goes on reading it all the same."""
        self.warn(text)
        self.skip_block(1)

    def _hash_buckets(self) -> bytes:
        found = self.numbers(":", 16, _HBA_BYTES)
        if found is None:
            self.skip_block(1)
            raise Lost
        return found

    def _load_balance(self) -> int | None:
        for word, text in _LOAD_WORDS:
            if self.lexer.next() != word:
                self._not_said(text)
                return None
        if self.lexer.next() != NUMBER:
            self._not_said("expecting number")
            return None
        return atoi(self.lexer.text)

    def _check_peer(self, settings: dict[str, object]) -> None:
        """What must stand in a definition, by the server's part in the pair."""
        if "peer address" not in settings:
            self.warn("peer address may not be omitted")
        if "secondary" in settings:
            return
        if "split" not in settings and "hba" not in settings:
            self.warn("primary failover server must have hba or split.")
        elif "mclt" not in settings:
            self.warn("primary failover server must have mclt.")

    # the server's DUID

    def server_duid(self) -> ServerDuid:
        """`llt [HARDWARE TIME OCTETS]`, `ll [HARDWARE OCTETS]`, `en NUMBER STRING` or `NUMBER STRING`, and `;`."""
        place = self.place()
        kind = self.lexer.next()
        words = [self.text()]
        if kind in ("llt", "ll"):
            if self.lexer.peek() != ";":
                words += self._duid_of_hardware(timed=kind == "llt")
        elif kind in ("en", NUMBER):
            if kind == "en":
                words.append(self._duid_token({NUMBER}, "enterprise number expected"))
            words.append(self._duid_token({STRING}, "identifier expected"))
        else:
            raise self.lost("DUID type of LLT, EN, or LL expected")
        self.expect(";", "semicolon expected")
        return ServerDuid(place, tuple(words))

    def _duid_of_hardware(self, *, timed: bool) -> list[str]:
        words = [self._duid_token(_DUID_HARDWARE, "hardware type expected")]
        if timed:
            words.append(self._duid_token({NUMBER}, "timestamp expected"))
        words.append(":".join(f"{octet:x}" for octet in self.hex_octets(claimed=True)))
        return words

    def _duid_token(self, kinds: AbstractSet[str], missing: str) -> str:
        if self.lexer.next() not in kinds:
            raise self.lost(missing)
        return f'"{self.text()}"' if self.lexer.kind == STRING else self.text()
