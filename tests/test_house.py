"""The house rules that can be checked by looking: what the engine may import, sizes, docstrings, what is shipped."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from dhcpd.engine.model.lease import Lease, Rare

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("dhcpd", "engine", "trace", "replay", "disk")

# What the engine and the alphabet may use of the standard library and beyond. Anything else could bring in a clock,
# randomness, the environment, files or sockets, or an order that hangs on addresses
# (docs/architecture.md#the-four-laws).
ENGINE_MODULES = frozenset({
    "__future__", "abc", "array", "base64", "bisect", "calendar", "collections", "copy", "dataclasses", "enum",
    "functools", "hashlib", "heapq", "hmac", "ipaddress", "itertools", "math", "operator", "re", "string", "struct",
    "types", "typing", "zlib", "msgpack", "dns",
})  # fmt: skip
# Parts of dnspython that are sans-I/O; its resolver, query and key generation are not.
ENGINE_DNS = frozenset({
    "name", "rdata", "rdataclass", "rdatatype", "rdataset", "rrset", "message", "update", "tsig",
    "rcode", "opcode", "exception", "flags", "rdtypes", "renderer",
})  # fmt: skip
# dnspython draws an id, the order of records and the time of a signature by itself where it is not given them.
DNS_CONSTRUCTORS = frozenset({"Message", "QueryMessage", "UpdateMessage", "Update", "Renderer"})
DNS_NEVER = frozenset({
    "use_tsig", "add_tsig", "add_multi_tsig", "make_query", "make_response", "set_random_id", "processing_order",
})  # fmt: skip
DNS_SHUFFLING = frozenset({"message", "update", "renderer", "rrset", "rdataset"})
# Builtins through which the world, or the place of an object in memory, would show.
FORBIDDEN_CALLS = frozenset({"open", "print", "input", "id", "hash", "exec", "eval", "breakpoint", "__import__"})
# Names that hold builtins and modules where nobody looks.
BACK_DOORS = frozenset({"__builtins__", "__loader__", "__spec__"})

# What changes leases, and what makes them: of a file, of a snapshot, at the start. The database keeps the fields that
# its indexes go by.
LEASE_WRITERS = frozenset({
    "engine/lease/charges.py", "engine/lease/commit.py", "engine/lease/database.py", "engine/lease/embedded.py",
    "engine/lease/instantiate.py",
    "engine/lease/snapshot.py", "engine/lease/file/canonical.py", "engine/lease/file/record_reader.py",
})  # fmt: skip
# Objects of other classes, fields of which have the name of a lease's.
OTHERS_WITH_SUCH_FIELDS = frozenset({"self", "step", "context", "attachment", "endpoint"})

FUNCTION_LINES_MAXIMUM = 70
MODULE_LINES_MAXIMUM = 600
# The ratchet: what was larger before the rule was enforced may shrink and must not grow. Empty is the aim.
LARGER_FUNCTIONS: dict[str, int] = {}
LARGER_MODULES: dict[str, int] = {}


def modules(*folders: str) -> list[Path]:
    """The modules of these folders; dhcpd's links to the other folders are not followed."""
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            inside = path.relative_to(ROOT / folder).parts
            if folder != "dhcpd" or inside[0] not in FOLDERS:
                found.append(path)
    return found


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports_of(path: Path) -> list[tuple[int, str]]:
    """(line, absolute dotted name) of everything imported, `from x import y` as x.y."""
    package = ("dhcpd", *path.relative_to(ROOT).parts[:-1])
    if path.relative_to(ROOT).parts[0] == "dhcpd":
        package = path.relative_to(ROOT).parts[:-1]
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            name = ".".join((*base, *([node.module] if node.module else [])))
            found += [(node.lineno, f"{name}.{alias.name}") for alias in node.names]
    return found


def allowed_in_engine(name: str) -> bool:
    first, _, rest = name.partition(".")
    if first == "dhcpd":
        return rest.split(".")[0] in {"engine", "trace"}
    if first == "dns":
        return rest.split(".")[0] in ENGINE_DNS
    if first == "codecs":  # a decoder is a function; the module has an `open`, too
        return rest == "getdecoder"
    return first in ENGINE_MODULES


def test_the_engine_imports_nothing_that_reaches_the_world() -> None:
    guilty = [
        f"{named(path)}:{line}: imports {name}"
        for path in modules("engine")
        for line, name in imports_of(path)
        if not allowed_in_engine(name)
    ]
    assert not guilty, "\n".join(guilty)


def module_of(node: ast.expr, bound: dict[str, ModuleType]) -> ModuleType | None:
    """The module that an expression of names and dots comes to."""
    if isinstance(node, ast.Name):
        return bound.get(node.id)
    found = None
    if isinstance(node, ast.Attribute):
        found = getattr(module_of(node.value, bound), node.attr, None)
    return found if isinstance(found, ModuleType) else None


def detours(tree: ast.Module) -> list[tuple[int, str]]:
    """(line, what) of each way to the world that no import and no call shows: `calendar.datetime`, `read = open`."""
    found: list[tuple[int, str]] = []
    bound: dict[str, ModuleType] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                module, top = importlib.import_module(alias.name), alias.name.partition(".")[0]
                bound[alias.asname or top] = module if alias.asname else sys.modules[top]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            module = importlib.import_module(node.module)
            names = {alias.name: getattr(module, alias.name, None) for alias in node.names}
            found += [(node.lineno, name) for name, value in names.items() if anothers(value, f"{node.module}.{name}")]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            holder = module_of(node.value, bound)
            if holder and anothers(module_of(node, bound), f"{holder.__name__}.{node.attr}"):
                found.append((node.lineno, ast.unparse(node)))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in FORBIDDEN_CALLS | BACK_DOORS:
            found.append((node.lineno, node.id))
    return found


def anothers(value: object, name: str) -> bool:
    """Whether what a library has under `name` is a module that it only imports."""
    return isinstance(value, ModuleType) and value.__name__ != name


@pytest.mark.parametrize("source", [
    "from calendar import datetime", "import calendar\ncalendar.datetime.datetime.now()", "read = open",
    "from collections import _sys", "import dns.name\ndns.name.encodings", "found = map(id, leases)",
    "__builtins__['open']('x')",
])  # fmt: skip
def test_a_detour_to_the_world_is_seen(source: str) -> None:
    assert detours(ast.parse(source))


def test_the_engine_reaches_nothing_through_a_library_s_own_imports() -> None:
    guilty = [f"{named(path)}:{line}: {what}" for path in modules("engine") for line, what in detours(tree_of(path))]
    assert not guilty, "\n".join(guilty)


def test_the_alphabet_holds_no_behaviour() -> None:
    for name in ("events.py", "effects.py"):
        tree = tree_of(ROOT / "trace" / name)
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def set_iterations(tree: ast.Module) -> list[int]:
    """Lines that walk over a set written in place: its order would hang on hashes."""
    iterables = [node.iter for node in ast.walk(tree) if isinstance(node, ast.For | ast.comprehension)]
    order_takers = {"list", "tuple", "enumerate", "iter", "next", "map", "filter", "zip", "join"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in order_takers:
                iterables += node.args
        elif isinstance(node, ast.Starred):
            iterables.append(node.value)
    return [node.lineno for node in iterables if is_set(node)]


def is_set(node: ast.expr) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"set", "frozenset"}


def local_sets(function: ast.AST) -> set[str]:
    """Names that a function binds to a set."""
    names = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and is_set(node.value):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            annotation = ast.unparse(node.annotation)
            if annotation.startswith(("set[", "frozenset[")):
                names.add(node.target.id)
    return names


def walks_over(function: ast.AST, names: set[str]) -> list[int]:
    return [
        node.iter.lineno
        for node in ast.walk(function)
        if isinstance(node, ast.For | ast.comprehension) and isinstance(node.iter, ast.Name) and node.iter.id in names
    ]


def test_the_engine_never_walks_over_a_set() -> None:
    guilty = []
    for path in modules("engine"):
        tree = tree_of(path)
        lines = set_iterations(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                lines += walks_over(node, local_sets(node))
        guilty += [f"{named(path)}:{line}" for line in sorted(set(lines))]
    assert not guilty, "sets have no order that every run shares; sort them: " + ", ".join(guilty)


def test_the_engine_calls_nothing_that_shows_the_process() -> None:
    guilty = [
        f"{named(path)}:{node.lineno}: {node.func.id}()"
        for path in modules("engine")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS
    ]
    assert not guilty, "\n".join(guilty)


def dns_guesses(tree: ast.Module) -> list[int]:
    """Lines where dnspython would read a clock, or draw what is not given: an id, an order."""
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "dns":
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    dns = {part for name in names if name.split(".")[0] == "dns" for part in name.split(".")[1:]}
    if not dns:
        return []
    shuffles = bool(dns & DNS_SHUFFLING)
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call) and dns_guess(node, shuffles=shuffles)]


def dns_guess(call: ast.Call, *, shuffles: bool) -> bool:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if name in DNS_CONSTRUCTORS:
        return not call.args and "id" not in given
    if name == "from_wire":
        return "keyring" in given
    if name in ("to_wire", "add_rrset", "add_rdataset") and shuffles:
        shuffle = given.get("want_shuffle")
        return not (isinstance(shuffle, ast.Constant) and shuffle.value is False)
    return name in DNS_NEVER


def test_dnspython_is_given_its_numbers_its_order_and_its_time() -> None:
    guilty = [f"{named(path)}:{line}" for path in modules("engine") for line in dns_guesses(tree_of(path))]
    assert not guilty, "dnspython would draw a number or read a clock here: " + ", ".join(guilty)


@pytest.mark.parametrize(
    ("code", "guesses"),
    [
        ("import dns.message\ndns.message.Message()", True),
        ("from dns.update import UpdateMessage\nUpdateMessage(zone='example.org')", True),
        ("from dns.update import UpdateMessage\nUpdateMessage(zone='example.org', id=7)", False),
        ("import dns.update\nmade.use_tsig(keyring)", True),
        ("import dns.renderer\nr.add_tsig(name, secret, 300, 1, 0, b'', b'')", True),
        ("import dns.message\ndns.message.from_wire(data, keyring=keys)", True),
        ("import dns.message\ndns.message.from_wire(data)", False),
        ("import dns.message\nmade.to_wire()", True),
        ("import dns.message\nmade.to_wire(want_shuffle=False)", False),
        ("import dns.name\nname.to_wire()", False),
        ("import dns.tsig\ndns.tsig.sign(wire, key, rdata, now)", False),
        ("class Message: ...\nMessage()", False),
    ],
)
def test_what_dnspython_would_guess_is_found(code: str, guesses: bool) -> None:
    assert bool(dns_guesses(ast.parse(code))) is guesses


def test_the_engine_is_synchronous() -> None:
    kinds = ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith
    guilty = [named(path) for path in modules("engine") if any(isinstance(n, kinds) for n in ast.walk(tree_of(path)))]
    assert not guilty


@pytest.mark.parametrize("folder", ["engine", "trace", "replay", "disk"])
def test_nothing_below_imports_the_program(folder: str) -> None:
    below = {"engine", "trace", "replay", "disk"}
    guilty = [
        f"{named(path)}:{line}: imports {name}"
        for path in modules(folder)
        for line, name in imports_of(path)
        if name.split(".")[0] == "dhcpd" and name.split(".")[1] not in below
    ]
    assert not guilty, "\n".join(guilty)


def lease_writes(path: Path) -> list[str]:
    """Where a module assigns a field of a lease, or makes its `rare`."""
    fields = {*Lease.__slots__, *Rare.__slots__}
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del) and node.attr in fields:
            base = ast.unparse(node.value)
            if base not in OTHERS_WITH_SUCH_FIELDS:
                found.append(f"{named(path)}:{node.lineno}: {base}.{node.attr}")
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.endswith(".rarely") or (name == "setattr" and ast.unparse(node.args[0]) in ("lease", "rare")):
                found.append(f"{named(path)}:{node.lineno}: {name}()")
    return found


def test_leases_change_in_one_place() -> None:
    others = [path for path in modules("engine") if named(path).split("/")[1] not in {"conf", "wire", "model"}]
    guilty = [line for path in others if named(path) not in LEASE_WRITERS for line in lease_writes(path)]
    assert not guilty, "a lease is changed by engine/lease/commit.py: " + ", ".join(guilty)
    idle = [name for name in sorted(LEASE_WRITERS) if not lease_writes(ROOT / name)]
    assert not idle, f"these write no lease: {idle}"


def functions_of(path: Path) -> list[tuple[str, int]]:
    """(name, lines without the docstring) of every function and method."""
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            text = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            found.append((f"{named(path)}:{node.name}", (node.end_lineno or 0) - node.lineno + 1 - text))
    return found


def test_functions_are_short() -> None:
    sizes = dict(size for path in modules(*FOLDERS, "bench", "tests") for size in functions_of(path))
    check_ratchet(sizes, FUNCTION_LINES_MAXIMUM, LARGER_FUNCTIONS)


def test_modules_are_short() -> None:
    paths = modules(*FOLDERS, "bench")
    sizes = {named(path): len(path.read_text("utf-8").splitlines()) for path in paths}
    check_ratchet(sizes, MODULE_LINES_MAXIMUM, LARGER_MODULES)


def check_ratchet(sizes: dict[str, int], maximum: int, exceptions: dict[str, int]) -> None:
    too_long = {name: lines for name, lines in sizes.items() if lines > max(maximum, exceptions.get(name, 0))}
    assert not too_long, f"longer than {maximum} lines: {too_long}"
    slack = {name: sizes.get(name, 0) for name, lines in exceptions.items() if sizes.get(name, 0) < lines}
    assert not slack, f"these have shrunk: lower the exceptions in this file: {slack}"


def test_every_module_opens_with_what_it_is_for() -> None:
    guilty = [named(path) for path in modules(*FOLDERS) if len(ast.get_docstring(tree_of(path)) or "") < 40]
    assert not guilty, guilty


# A docstring has words of its own: who reads one in an editor, or in help(), does not have the module at hand.
ELSEWHERE = re.compile(r"(?i)\bsee the (module|class)\b|\bas the (module|class) says\b")


def test_no_docstring_sends_its_reader_elsewhere() -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    guilty = [
        f"{named(path)}: {getattr(node, 'name', 'the module')}"
        for path in modules(*FOLDERS)
        for node in ast.walk(tree_of(path))
        if isinstance(node, documented) and ELSEWHERE.search(ast.get_docstring(node) or "")
    ]
    assert not guilty, guilty


FOLDER_MODULES_MAXIMUM = 12
# A list by nature: one thin module a verb of dhcpd-trace.
LISTS = frozenset({"replay/verbs"})


def test_no_folder_is_crowded() -> None:
    """A folder's names must be read at a glance; `__init__.py` and `__main__.py` say nothing to a reader."""
    counts = Counter(named(path.parent) for path in modules(*FOLDERS) if not path.name.startswith("__"))
    crowded = {folder: n for folder, n in counts.items() if n > FOLDER_MODULES_MAXIMUM and folder not in LISTS}
    assert not crowded, f"more than {FOLDER_MODULES_MAXIMUM} modules: {crowded}"


# Circles of two modules, and why each is one thing in two files. A larger one is never right.
CIRCLES = {
    ("dhcpd.engine.model.configuration", "dhcpd.engine.model.context"):
        "compiled statements are functions of a context, and a context names the classes that it is in",
    ("dhcpd.engine.lease.database", "dhcpd.engine.lease.snapshot"):
        "the database as plain data, too long for one module",
    ("dhcpd.replay.simulate.faults", "dhcpd.replay.simulate.run"):
        "a run meets faults, and a fault is something done to a run",
}  # fmt: skip


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts if parts[0] == "dhcpd" else ("dhcpd", *parts))


def test_no_modules_import_each_other_in_circles() -> None:
    """Type-only imports count: who must read both modules to understand one does not care when they are imported."""
    paths = {dotted(path): path for path in modules(*FOLDERS)}
    graph: dict[str, set[str]] = {}
    for name, path in paths.items():
        wanted = {imported for _, imported in imports_of(path)}
        graph[name] = {one if one in paths else one.rpartition(".")[0] for one in wanted} & paths.keys() - {name}
    circles = {tuple(sorted(circle)) for circle in strongly_connected(graph) if len(circle) > 1}
    assert circles == CIRCLES.keys()


def strongly_connected(graph: dict[str, set[str]]) -> list[set[str]]:
    """Who reaches whom and back, by looking: small graphs, no cleverness."""
    reach = {name: reachable(graph, name) for name in graph}
    return [{other for other in reach[name] if name in reach[other]} | {name} for name in graph]


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += graph[name]
    return found


def test_nothing_is_left_to_do() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "X" * 3 + ":")
    guilty = [
        f"{named(path)}:{number}"
        for path in modules(*FOLDERS, "bench", "tests")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if any(word in line for word in words)
    ]
    assert not guilty, guilty


def test_each_ignored_rule_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    section = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.flake8-builtins]")]
    rules = [line for line in section.splitlines() if line.startswith('    "')]
    assert len(rules) > 10
    assert not [line for line in rules if "#" not in line or len(line.split("#", 1)[1].strip()) < 15]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in the wheel, built without the network from a copy of what a clone would hold."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("needs a git clone to know what belongs to the tree")
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if not name or not (path.is_symlink() or path.exists()):
            continue
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            target.symlink_to(path.readlink())
        else:
            target.write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-q", "-w", str(folder), "."]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return zipfile.ZipFile(next(folder.glob("dhcpd-*.whl"))).namelist()


def test_the_wheel_holds_every_module_and_no_test(wheel: list[str]) -> None:
    shipped = ["git", "ls-files", "*.py", "replay/report/templates/*"]
    listed = subprocess.run(shipped, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "replay/report/templates/report.html" in listed.stdout
    wanted = set()
    for name in listed.stdout.split():
        folder = name.split("/")[0]
        if folder in FOLDERS and (ROOT / name).exists():
            wanted.add(name if folder == "dhcpd" else f"dhcpd/{name}")
    assert wanted <= set(wheel)
    assert "dhcpd/py.typed" in wheel
    strays = [name for name in wheel if not name.startswith("dhcpd/") and ".dist-info/" not in name]
    assert not strays
    assert not [name for name in wheel if name.split("/")[-1].startswith(("test_", "conftest."))]


def test_console_scripts_are_declared() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert scripts["dhcpd"] == "dhcpd.__main__:main"
    assert scripts["dhcpd-trace"] == "dhcpd.replay.command.cli:main"
    assert scripts["omshell"] == "dhcpd.omshell.__main__:main"


def test_the_readme_lists_every_document() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert not [path.name for path in (ROOT / "docs").glob("*.md") if f"](docs/{path.name})" not in text]


def test_documents_link_to_what_exists() -> None:
    guilty = []
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        text = path.read_text("utf-8")
        for piece in text.split("](")[1:]:
            target = piece.split(")")[0].split("#")[0]
            if target and "://" not in target and not (path.parent / target).exists():
                guilty.append(f"{named(path)}: {target}")
    assert not guilty, guilty
