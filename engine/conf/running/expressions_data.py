"""The data expressions, one function a kind, and the table of them.

Each takes the compiler and the expression and gives constant bytes, None for a constant null, or a closure. Log
lines are ISC's, word for word.

See docs/behaviour/configuration.md#data-expressions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from ....trace.effects import DEBUG, ERROR, INFO
from ...model import notices
from ...model.context import NO_OCTETS
from ...model.syntax import Expression, HostName
from ..reading.cursor import as_int
from .expressions import CallValue, Compiled, Compiler, Table, constantly, operands

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...model.context import Context

Data: TypeAlias = "Compiled[bytes]"

# Fields of the message (RFC 2131, figure 1).
_SNAME: Final = slice(44, 108)
_FILE: Final = slice(108, 236)
HLEN_MAX: Final = 16
_WORD: Final = 1 << 32
# ISC has digits for 16; of any other base it gives nothing.
_BASE_MAX: Final = 16
_OCTET_BITS: Final = 8
_OCTETS: Final = {_OCTET_BITS: 1, 16: 2, 32: 4}
_NUMERALS: Final = "0123456789abcdef"


# A value that grows from packet to packet (`set y = concat (x, x); set x = y;`) ends here instead of in all memory.
DATA_OCTETS_MAX: Final = 1 << 16


def _joined(context: Context, what: str, separator: bytes, parts: Sequence[bytes]) -> bytes | None:
    """`parts` with `separator` between them; null, with a line, where that is too long."""
    if sum(map(len, parts)) + len(separator) * max(0, len(parts) - 1) > DATA_OCTETS_MAX:
        context.host.log(*notices.VALUE_TOO_LONG(what=what, most=DATA_OCTETS_MAX))
        return None
    return separator.join(parts)


def _mapped(value: Data, function: Callable[[bytes], bytes]) -> Data:
    """`function` of a value, at once where that is constant."""
    if callable(value):
        evaluate = value

        def run(context: Context) -> bytes | None:
            found = evaluate(context)
            return None if found is None else function(found)

        return run
    return None if value is None else function(value)


def _literal(_compiler: Compiler, expression: Expression) -> Data:
    value = expression.octets
    # An empty literal is told from other empty values: the search of a regular expression in it is an error.
    return NO_OCTETS if value == b"" else value


def _null(_compiler: Compiler, _expression: Expression) -> Data:
    return None


def _assembled(compiler: Compiler, expression: Expression) -> Data:
    """A literal value with host names in it: empty as a whole where one has no address.

    See docs/behaviour/configuration.md#host-names-in-values.
    """
    parts = expression.parts
    for part in parts:
        if isinstance(part, HostName):
            compiler.meet_host_name(part.name)

    def run(context: Context) -> bytes:
        return _assemble(context, parts) or b""

    return run


def _assemble(context: Context, parts: tuple[bytes | HostName, ...]) -> bytes | None:
    made: list[bytes] = []
    for part in parts:
        if isinstance(part, HostName):
            addresses = context.host.addresses_of(part.name)
            if not addresses:
                return None
            made += [address.to_bytes(4, "big") for address in (addresses if part.every else addresses[:1])]
        else:
            made.append(part)
    return b"".join(made)


def _option(_compiler: Compiler, expression: Expression) -> Data:
    """The packet's option; for other spaces than dhcp what the packet was found to hold of them."""
    option = expression.option
    space, code = option.space, option.code
    if space == "dhcp":

        def run(context: Context) -> bytes | None:
            packet = context.packet
            return None if packet is None else packet.options.get(code)

        return run

    def run_space(context: Context) -> bytes | None:
        packet = context.packet
        return None if packet is None else packet.spaces.get(space, {}).get(code)

    return run_space


def _config_option(_compiler: Compiler, expression: Expression) -> Data:
    """The value in the reply as it is now; a function's call there is null within an expression."""
    return _reply_value(expression, whole=False)


def _whole_config_option(_compiler: Compiler, expression: Expression) -> Data:
    return _reply_value(expression, whole=True)


def _reply_value(expression: Expression, *, whole: bool) -> Callable[[Context], bytes | None]:
    """What `config-option` finds. `whole`: it is the whole value of an option, so that a call's value is used.

    An option asked for within its own value is null (ISC crashes).

    See docs/behaviour/configuration.md#numeric-expressions-and-calls.
    """
    option = expression.option
    space, code = option.space, option.code
    key = (space, code)

    def run(context: Context) -> bytes | None:
        reply = context.reply
        value = None if reply is None else reply.spaces.get(space, {}).get(code)
        if not callable(value):
            return value
        asking = context.asking
        if key in asking:
            return None
        context.asking = (*asking, key)
        found = value(context)
        context.asking = asking
        return None if isinstance(value, CallValue) and not whole else found

    return run


def _substring(compiler: Compiler, expression: Expression) -> Data:
    """Offsets behind the end give an empty value; negative numbers are huge."""
    parts = operands(expression)
    value, offset, length = compiler.data(parts[0]), compiler.number(parts[1]), compiler.number(parts[2])
    find_offset, find_length = constantly(offset), constantly(length)
    if isinstance(offset, int) and isinstance(length, int):
        start, end = offset, max(offset, offset + length)
        return _mapped(value, lambda found: found[start:end] if start < len(found) else NO_OCTETS)
    evaluate = constantly(value)

    def run(context: Context) -> bytes | None:
        found, first, count = evaluate(context), find_offset(context), find_length(context)
        if found is None or first is None or count is None:
            return None
        return found[first : first + count] if first < len(found) else NO_OCTETS

    return run


def _suffix(compiler: Compiler, expression: Expression) -> Data:
    parts = operands(expression)
    value, length = compiler.data(parts[0]), compiler.number(parts[1])
    evaluate, find_length = constantly(value), constantly(length)
    if isinstance(length, int):
        return _mapped(value, lambda found: found[max(0, len(found) - length) :])

    def run(context: Context) -> bytes | None:
        found, count = evaluate(context), find_length(context)
        return None if found is None or count is None else found[max(0, len(found) - count) :]

    return run


def concatenation(parts: list[Data]) -> Data:
    """All parts joined; null where one is. Every part is evaluated, as ISC does."""
    if all(isinstance(part, bytes) for part in parts):
        return b"".join([part for part in parts if isinstance(part, bytes)])
    closures = tuple(constantly(part) for part in parts)
    if len(closures) == 2:  # noqa: PLR2004 - the usual case, spelt out for speed
        left, right = closures

        def run_two(context: Context) -> bytes | None:
            first = left(context)
            second = right(context)
            if first is None or second is None:
                return None
            both = len(first) + len(second)
            return first + second if both <= DATA_OCTETS_MAX else _joined(context, "concat", b"", (first, second))

        return run_two

    def run(context: Context) -> bytes | None:
        found = [closure(context) for closure in closures]
        present = [value for value in found if value is not None]
        return _joined(context, "concat", b"", present) if len(present) == len(found) else None

    return run


def _concat(compiler: Compiler, expression: Expression) -> Data:
    return concatenation([compiler.data(part) for part in operands(expression)])


def _lower(compiler: Compiler, expression: Expression) -> Data:
    return _mapped(compiler.data(operands(expression)[0]), bytes.lower)


def _upper(compiler: Compiler, expression: Expression) -> Data:
    return _mapped(compiler.data(operands(expression)[0]), bytes.upper)


def _hardware(_compiler: Compiler, _expression: Expression) -> Data:
    """The packet's hardware type and address, else the lease's."""

    def run(context: Context) -> bytes | None:
        packet = context.packet
        if packet is None:
            if context.lease is None:
                context.host.log(ERROR, "data: hardware: no raw packet or lease is available")
                return None
            return context.lease.hardware
        if packet.hlen > HLEN_MAX:
            context.host.log(ERROR, f"data: hardware: invalid hlen ({packet.hlen})")
            # ISC logs an empty line behind it.
            context.host.log(ERROR, "")
            return None
        return packet.hardware

    return run


def _packet(compiler: Compiler, expression: Expression) -> Data:
    """Octets of the message from its op field on."""
    parts = operands(expression)
    find_offset, find_length = constantly(compiler.number(parts[0])), constantly(compiler.number(parts[1]))

    def run(context: Context) -> bytes | None:
        if context.packet is None:
            context.host.log(ERROR, "data: packet: raw packet not available")
            return None
        payload = context.packet.payload
        offset, length = find_offset(context), find_length(context)
        if offset is None or length is None or offset >= len(payload):
            return None
        return payload[offset : offset + length]

    return run


def _leased_address(_compiler: Compiler, _expression: Expression) -> Data:
    def run(context: Context) -> bytes | None:
        if context.lease is None:
            context.host.log(
                DEBUG,
                'data: "leased-address" configuration directive: there is no lease associated with this client.',
            )
            return None
        return context.lease.address.to_bytes(4, "big")

    return run


def _host_decl_name(_compiler: Compiler, _expression: Expression) -> Data:
    """The name of the host that the lease is tied to."""

    def run(context: Context) -> bytes | None:
        rare = None if context.lease is None else context.lease.rare
        if rare is None or rare.host is None:
            context.host.log(ERROR, "data: host_decl_name: not available")
            return None
        return rare.host.encode("utf-8", "surrogateescape")

    return run


def _header_text(field: slice) -> Callable[[Compiler, Expression], Data]:
    def run(context: Context) -> bytes | None:
        if context.packet is None:
            return None
        return context.packet.payload[field].split(b"\0", 1)[0] or None

    return lambda _compiler, _expression: run


def _numeral_count(number: int, base: int) -> int:
    """ISC's count of digits, with its 32-bit overflow (docs/behaviour/configuration.md#data-expressions)."""
    count, bound = 1, base
    while number >= bound:
        following = bound * base % _WORD
        count += 1
        if following <= bound:
            return count
        bound = following
    return count


def _numeral(number: int, base: int) -> str:
    """`number` in `base`, padded to ISC's count of digits; nothing in a base that has no digits."""
    if not 0 < base <= _BASE_MAX:
        return ""
    digits: list[str] = []
    for _ in range(_numeral_count(number, base)):
        digits.append(_NUMERALS[number % base])
        number //= base
    digits.reverse()
    return "".join(digits)


def _octets_to_ascii(base: int, separator: bytes, find_value: Callable[[Context], bytes | None]) -> Data:
    """`binary-to-ascii` of single octets, in a base and with a separator that are known: whose texts are made once."""
    texts = [_numeral(number, base).encode("ascii") for number in range(256)]

    def run(context: Context) -> bytes | None:
        value = find_value(context)
        return None if value is None else _joined(context, "binary-to-ascii", separator, [texts[one] for one in value])

    return run


def _binary_to_ascii(compiler: Compiler, expression: Expression) -> Data:
    parts = operands(expression)
    base_found, width_found = compiler.number(parts[0]), compiler.number(parts[1])
    separator_found, find_value = compiler.data(parts[2]), compiler.data_closure(parts[3])
    if isinstance(base_found, int) and width_found == _OCTET_BITS and isinstance(separator_found, bytes):
        return _octets_to_ascii(base_found, separator_found, find_value)
    find_base, find_width = constantly(base_found), constantly(width_found)
    find_separator = constantly(separator_found)

    def run(context: Context) -> bytes | None:
        base, width = find_base(context), find_width(context)
        separator, value = find_separator(context), find_value(context)
        if base is None or width is None or separator is None or value is None:
            return None
        octets = _OCTETS.get(width)
        if octets is None:
            context.host.log(INFO, f"binary_to_ascii: invalid width {as_int(width)}!")
            return None
        if len(value) % octets:
            line = f"binary-to-ascii: length of buffer {len(value)} not a multiple of width {octets}!"
            context.host.log(INFO, line)
            return None
        numbers = [int.from_bytes(value[at : at + octets], "big") for at in range(0, len(value), octets)]
        texts = [_numeral(number, base).encode("ascii") for number in numbers]
        return _joined(context, "binary-to-ascii", separator, texts)

    return run


def _reverse(compiler: Compiler, expression: Expression) -> Data:
    parts = operands(expression)
    find_width, find_value = constantly(compiler.number(parts[0])), compiler.data_closure(parts[1])

    def run(context: Context) -> bytes | None:
        width, value = find_width(context), find_value(context)
        if not width or value is None:
            return None
        if len(value) % width:
            context.host.log(INFO, f"reverse: length of buffer {len(value)} not a multiple of width {as_int(width)}!")
            return None
        return b"".join([value[at : at + width] for at in range(len(value) - width, -1, -width)])

    return run


def _encode_int(compiler: Compiler, expression: Expression) -> Data:
    number = compiler.number(operands(expression)[0])
    octets = _OCTETS[expression.number]
    mask = (1 << 8 * octets) - 1
    if callable(number):
        evaluate = number

        def run(context: Context) -> bytes | None:
            found = evaluate(context)
            return None if found is None else (found & mask).to_bytes(octets, "big")

        return run
    return None if number is None else (number & mask).to_bytes(octets, "big")


def _pick(compiler: Compiler, expression: Expression) -> Data:
    """The first that is not null, none evaluated behind it."""
    parts = [part for part in map(compiler.data, operands(expression)) if part is not None]
    if not parts or not callable(parts[0]):
        return parts[0] if parts else None
    closures = tuple(constantly(part) for part in parts)

    def run(context: Context) -> bytes | None:
        for closure in closures:
            found = closure(context)
            if found is not None:
                return found
        return None

    return run


def _gethostname(_compiler: Compiler, _expression: Expression) -> Data:
    return lambda context: context.host.host_name.encode("utf-8", "surrogateescape")


def _gethostbyname(compiler: Compiler, expression: Expression) -> Data:
    name = expression.name
    compiler.meet_host_name(name)
    parts = (HostName(name, every=True),)

    def run(context: Context) -> bytes:
        return _assemble(context, parts) or b""

    return run


def _v6relay(compiler: Compiler, expression: Expression) -> Data:
    """In DHCPv4 there are no relays around the message: number 0 is the message itself."""
    parts = operands(expression)
    find_number, find_value = constantly(compiler.number(parts[0])), compiler.data_closure(parts[1])
    return lambda context: find_value(context) if find_number(context) == 0 else None


WHOLE: Final[Table] = {"config-option": _whole_config_option}
DATA: Final[Table] = {
    "data": _literal,
    "assembled": _assembled,
    "option": _option,
    "config-option": _config_option,
    "substring": _substring,
    "suffix": _suffix,
    "concat": _concat,
    "lcase": _lower,
    "ucase": _upper,
    "hardware": _hardware,
    "packet": _packet,
    "leased-address": _leased_address,
    "host-decl-name": _host_decl_name,
    "filename": _header_text(_FILE),
    "server-name": _header_text(_SNAME),
    "binary-to-ascii": _binary_to_ascii,
    "reverse": _reverse,
    "encode-int": _encode_int,
    "pick-first-value": _pick,
    "gethostname": _gethostname,
    "gethostbyname": _gethostbyname,
    "v6relay": _v6relay,
    "null": _null,
}
