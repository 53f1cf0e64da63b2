"""A configuration, or a few, for every word of the language: docs/language.md names them, test_language.py runs them.

`CASES` is id -> texts. Options and parameters log their own octets, expressions their value, statements stand in every
kind of block; what ISC's `dhcpd -t` said of each is in recorded/language.json (tools/record_language.py).
"""

from __future__ import annotations

from dhcpd.engine.conf.options import ENUMERATIONS, OWN_PARAMETERS, default_registry
from dhcpd.engine.conf.reading.parse_values import fields_of

_SAMPLES = {
    "I": "10.1.2.3", "6": "2001:db8::1", "t": '"text"', "X": '"octets"', "E": "1:2:3", "d": "example.org",
    "D": '"a.example.org", "b.example.org"', "l": "-5", "L": "70000", "T": "3600", "s": "-300", "S": "300", "b": "-5",
    "B": "5", "f": "true", "U": "agent", "k": "nokey", "Z": "",
}  # fmt: skip
_SUBNET = "subnet 10.0.0.0 netmask 255.255.255.0 {\n%s\n}\n"
CONTEXTS = {
    "global": "%s\n",
    "shared-network": "shared-network net {\nsubnet 10.0.0.0 netmask 255.255.255.0 { }\n%s\n}\n",
    "subnet": _SUBNET,
    "group": "group {\n%s\n}\n",
    "pool": _SUBNET % "pool { range 10.0.0.10 10.0.0.20;\n%s\n}",
    "class": 'class "a" {\n%s\n}\n',
    "subclass": 'class "a" { match hardware; }\nsubclass "a" 1:2:3 {\n%s\n}\n',
    "host": "host h {\n%s\n}\n",
    "if": "if known {\n%s\n}\n",
}  # fmt: skip
# A statement begins with the word that it has in the parser's tables.
STATEMENTS = {
    "include": 'include "missing.conf";',
    "option": 'option domain-name "a";',
    "host": "host inner { }",
    "group": "group { }",
    "shared-network": "shared-network other { subnet 10.9.0.0 netmask 255.255.0.0 { } }",
    "subnet": "subnet 10.8.0.0 netmask 255.255.0.0 { }",
    "class": 'class "b" { match if known; }',
    "vendor-class": 'vendor-class "b" { }',
    "user-class": 'user-class "b" { }',
    "subclass": 'subclass "a" "x";',
    "pool": "pool { range 10.0.0.40; }",
    "range": "range 10.0.0.50 10.0.0.60;",
    "hardware": "hardware ethernet 2:0:0:0:0:1;",
    "fixed-address": "fixed-address 10.0.0.7, localhost;",
    "authoritative": "authoritative;",
    "not": "not authoritative;",
    "failover": 'failover peer "p" { secondary; peer address 10.0.0.2; }',
    "server-identifier": "server-identifier 10.0.0.1;",
    "server-duid": 'server-duid en 9 "abc";',
    "lease-id-format": "lease-id-format hex;",
    "subnet6": "subnet6 2001:db8::/64 { }",
    "range6": "range6 2001:db8::1 2001:db8::2;",
    "prefix6": "prefix6 2001:db8:: 2001:db8:1:: /56;",
    "pool6": "pool6 { }",
    "fixed-address6": "fixed-address6 2001:db8::5, 2001:db8::6;",
    "fixed-prefix6": "fixed-prefix6 2001:db8::/56;",
    "%": "% skipped;",
    "dynamic": "dynamic;",
    "deleted": "deleted;",
    "match": "match hardware;",
    "spawn": "spawn with hardware;",
    "lease": "lease limit 4;",
    "interface": "interface eth0;",
    "allow": "allow unknown-clients;",
    "deny": "deny unknown-clients;",
    "ignore": "ignore bootp;",
    "no": "no failover peer",
    "uid": 'uid "abc";',
    "host-identifier": 'host-identifier option host-name "abc";',
    "if": "if known { } elsif static { } else { }",
    "switch": 'switch (option host-name) { case "a": break; }',
    "case": 'case "a":',
    "default": 'default domain-name "a";',
    "set": "set var = 1:2;",
    "define": 'define func (arg) { return "a"; }',
    "unset": "unset var;",
    "eval": 'eval concat("a", "b");',
    "return": 'return "a";',
    "break": "break;",
    "log": 'log(info, "a");',
    "add": 'add "a";',
    "execute": 'execute("true", "a");',
    "on": "on commit or release { set var = 1; }",
    "parse-vendor-option": "parse-vendor-option;",
    "db-time-format": "db-time-format local;",
    "key": "key k { algorithm hmac-md5; secret c2VjcmV0; }",
    "zone": "zone example.org. { primary 127.0.0.1; }",
    "supersede": 'supersede domain-name "a";',
    "send": 'send domain-name "a";',
    "append": 'append domain-name "a";',
    "prepend": 'prepend domain-name "a";',
}
PERMITS = (
    "known-clients", "unknown-clients", "known clients", "unknown clients", "all clients", "authenticated clients",
    "unauthenticated clients", "dynamic bootp clients", 'members of "a"', "after epoch 1700000000",
)  # fmt: skip
FLAGS = (
    "bootp", "booting", "dynamic-bootp", "unknown-clients", "duplicates", "declines", "client-updates", "leasequery",
)  # fmt: skip
DATA = {
    "substring": 'substring("abcdef", 1, 3)', "suffix": 'suffix("abcdef", 2)', "lcase": 'lcase("ABc")',
    "ucase": 'ucase("abC")', "packet": "packet(0, 4)", "binary-to-ascii": 'binary-to-ascii(10, 8, ".", 1:2:ff)',
    "reverse": "reverse(1, 61:62:63)", "v6relay": 'v6relay(0, "a")', "concat": 'concat("a", "b", "c")',
    "pick": 'pick(null, "b")', "pick-first-value": 'pick-first-value(null, "b")', "hardware": "hardware",
    "leased-address": "leased-address", "host-decl-name": "host-decl-name", "filename": "filename",
    "server-name": "server-name", "null": "null", "option": "option host-name",
    "config-option": "config-option domain-name", "encode-int": "encode-int(1633837924, 32)",
    "gethostname": "substring(gethostname(), 0, 0)", "gethostbyname": 'pick("first", gethostbyname("localhost"))',
    "(": '("a")',
}  # fmt: skip
BOOLEAN = {
    "=": '"a" = "a"', "!=": '"a" != "a"', "~=": '"abc" ~= "^a"', "~~": '"ABC" ~~ "^a"', "and": "known and static",
    "or": "static or not static", "not": "not static", "exists": "exists host-name", "known": "known",
    "static": "static", "check": 'check "x"', "defined": "defined(var)",
}  # fmt: skip
NUMERIC = {
    "extract-int": "extract-int(0:0:1:0, 32)", "lease-time": "lease-time", "client-state": "client-state",
    "+": "1 + 2", "*": "2 * 3", "/": "7 / 2", "%": "7 % 4", "&": "6 & 3", "|": "6 | 1", "^": "6 ^ 3",
} | {
    word: word
    for word in (
        "formerr", "noerror", "notimp", "servfail", "nxdomain", "refused", "yxdomain", "yxrrset", "nxrrset", "notauth",
        "notzone", "booting", "reboot", "select", "request", "bound", "renew", "rebind",
    )
}  # fmt: skip
TYPES = {
    "boolean": "true", "integer": "-5", "signed": "-300", "unsigned": "300", "ip-address": "10.0.0.1",
    "ip6-address": "2001:db8::1", "domain-name": "example.org", "domain-list": '"a.b", "c.b"', "compressed":
    '"a.b", "c.b"', "text": '"a"', "string": "1:2:3", "zerolen": "", "encapsulate": "1:2:3",
    "array": "10.0.0.1, 10.0.0.2", "record": '5 "a"', "array of record": "10.0.0.1 true, 10.0.0.2 false",
}  # fmt: skip
_WRITTEN = {
    "integer": "integer 8", "signed": "signed integer 16", "unsigned": "unsigned integer 16",
    "compressed": "domain-list compressed", "encapsulate": "encapsulate own", "array": "array of ip-address",
    "record": "{ unsigned integer 8, text }", "array of record": "array of { ip-address, boolean }",
}  # fmt: skip
PEER = {
    "primary": "primary; mclt 60; split 128", "secondary": "secondary", "address": "address 10.0.0.1",
    "peer address": "peer address 10.0.0.9", "port": "port 647", "peer port": "peer port 847",
    "max-response-delay": "max-response-delay 30", "max-unacked-updates": "max-unacked-updates 10",
    "peer max-response-delay": "peer max-response-delay 30",
    "peer max-unacked-updates": "peer max-unacked-updates 10",
    "mclt": "mclt 600", "split": "primary; mclt 60; split 257", "hba": "primary; mclt 60; hba 1:2:3",
    "load balance max seconds": "load balance max seconds 3", "auto-partner-down": "auto-partner-down 60",
    "max-lease-misbalance": "max-lease-misbalance 10", "max-lease-ownership": "max-lease-ownership 5",
    "min-balance": "min-balance 30", "max-balance": "max-balance 600",
}  # fmt: skip
ZONE = {
    "primary": "primary 127.0.0.1, localhost;", "secondary": "secondary 127.0.0.1;", "primary6": "primary6 ::1;",
    "secondary6": "secondary6 ::1;", "key": "key nokey;",
}  # fmt: skip
KEY = {"algorithm": "algorithm hmac-sha256; secret aaaa;", "secret": "algorithm hmac-md5; secret a;"}


def _value(format_: str) -> str:
    fields, repeats = fields_of(format_)
    one = " ".join(_sample(field) for field in fields)
    return f"{one}, {one}" if repeats else one


def _sample(field) -> str:
    one = max(ENUMERATIONS[field.name][1]) if field.letter == "N" else _SAMPLES[field.letter]
    return f"{one}, {one}" if field.array else one


def _shown(name: str) -> str:
    return f'log(info, concat("is ", binary-to-ascii(16, 8, ":", config-option {name})));\n'


def _options() -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for space in default_registry().spaces.values():
        for option in space.by_name.values():
            name = f"{space.name}.{option.name}"
            if option.name in OWN_PARAMETERS:
                continue
            value = _value(option.format)
            if space.name == "server":
                word = "option server." if option.name == "authoritative" else ""
                head = "key nokey { algorithm hmac-md5; secret aaaa; }\n" if option.name == "omapi-key" else ""
                made[f"parameter {option.name}"] = [f"{head}{word}{option.name} {value};\n" + _shown(name)]
            else:
                made[f"option {name}"] = [f"option {name} {value};\n" + _shown(name)]
    return made


def _settings() -> dict[str, list[str]]:
    peer = 'failover peer "p" { %s; }\n' + _SUBNET % 'pool { failover peer "p"; range 10.0.0.9; }'
    made = {f"failover {word}": [peer % text, peer % f"{text}; secondary"] for word, text in PEER.items()}
    made |= {f"failover {word}": [*made[f"failover {word}"], peer % f"{text}; secondary; peer address 10.0.0.3"]
             for word, text in PEER.items() if word != "peer address"}  # fmt: skip
    made |= {f"zone {word}": [f"zone example.org {{ {text} }}\n"] for word, text in ZONE.items()}
    made |= {f"key {word}": [f"key k {{ {text} }};\nomapi-key k;\n"] for word, text in KEY.items()}
    return made


# Where ours differs on purpose (docs/differences.md).
LEFT_OUT = {("dynamic", "group"), ("deleted", "group")}


def _cases() -> dict[str, list[str]]:
    made = _options() | _settings()
    for word, text in STATEMENTS.items():
        made[f"statement {word}"] = [
            context % text for name, context in CONTEXTS.items() if (word, name) not in LEFT_OUT
        ]
    for permit in PERMITS:
        made[f"permit {permit}"] = [CONTEXTS["pool"] % f"{word} {permit};" for word in ("allow", "deny", "ignore")]
    for flag in FLAGS:
        made[f"flag {flag}"] = [f"{word} {flag};\n" for word in ("allow", "deny", "ignore")]
    for word, text in DATA.items():
        made[f"data {word}"] = [f'option domain-name "set";\nlog(info, concat("is ", {text}));\n']
    for word, text in BOOLEAN.items():
        made[f"boolean {word}"] = [f'if {text} {{ log("true"); }} else {{ log("false"); }}\n']
    for word, text in NUMERIC.items():
        made[f"number {word}"] = [f'log(info, binary-to-ascii(10, 32, "", encode-int({text}, 32)));\n']
    for word, value in TYPES.items():
        text = f"option space own;\noption mine code 200 = {_WRITTEN.get(word, word)};\noption mine {value};\n"
        made[f"type {word}"] = [text + _shown("mine")]
    settings = ("code width 2", "length width 2", "hash size 5", "code width 3", "length width 0")
    made["type space"] = [f"option space own {words};\n" for words in settings]
    return made


CASES = _cases()
