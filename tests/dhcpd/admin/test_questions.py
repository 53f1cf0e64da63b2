"""Every question of the description, asked as it says and otherwise: what comes is what it says, or a problem."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpd.admin.openapi import description
from dhcpd.admin.table import ROUTES
from dhcpd.trace import events as ev
from tests.dhcpd.admin.office import Office
from tests.dhcpd.admin.schemas import check, texts

if TYPE_CHECKING:
    from pathlib import Path

DESCRIPTION = description(ROUTES)
OPERATIONS = [
    (method.upper(), path, operation)
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
]
SLOW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def filled(folder: Path) -> Office:
    office = Office(folder)
    for client in range(40):
        address = office.run.exchange(client)
        if client % 5 == 0:
            office.run.packet(client, 7, bytes([54, 4, 10, 0, 0, 1]), ciaddr=address)
    return office


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return filled(tmp_path_factory.mktemp("office"))


@pytest.fixture(scope="module")
def ravaged(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """One that anything may be done to."""
    return filled(tmp_path_factory.mktemp("office"))


def target(path: str, operation: dict[str, Any], values: dict[str, str]) -> str:
    """A path with its query."""
    within = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
    for name in within:
        path = path.replace(f"{{{name}}}", quote(values[name], safe=""))
    query = {name: value for name, value in values.items() if name not in within}
    return f"{path}?{urlencode(query)}" if query else path


def check_answer(answer: tuple[int, dict[str, str], bytes], operation: dict[str, Any]) -> None:
    status, headers, body = answer
    if status >= 300:
        problem = json.loads(body)
        check(problem, {"$ref": "#/components/schemas/Problem"}, DESCRIPTION)
        assert headers["content-type"] == "application/problem+json"
        assert problem["status"] == status
        assert status != 500, problem
        return
    ((kind, media),) = operation["responses"]["200"]["content"].items()
    assert headers["content-type"] == kind
    if "schema" in media:
        check(json.loads(body), media["schema"], DESCRIPTION)


def test_the_description_is_what_the_server_gives(busy: Office) -> None:
    assert busy.get("/openapi.json") == json.loads(json.dumps(DESCRIPTION))


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=[f"{one[0]} {one[1]}" for one in OPERATIONS])
@SLOW
@given(data=st.data())
def test_every_request_that_the_description_allows(
    ravaged: Office, method: str, path: str, operation: dict[str, Any], data: st.DataObject
) -> None:
    values = {
        one["name"]: data.draw(texts(one["schema"]))
        for one in operation.get("parameters", ())
        if one["required"] or data.draw(st.booleans())
    }
    body = None
    if "requestBody" in operation:
        fields = operation["requestBody"]["content"]["application/json"]["schema"]
        body = {
            name: data.draw(texts(one))
            for name, one in fields["properties"].items()
            if name in fields["required"] or data.draw(st.booleans())
        }
    answer = ravaged.ask(method, target(path, operation, values), body)
    assert answer[0] in (200, 202, 400, 404, 409), answer
    check_answer(answer, operation)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=[f"{one[0]} {one[1]}" for one in OPERATIONS])
@SLOW
@given(data=st.data())
def test_every_other_request_gets_a_problem_or_an_answer(
    ravaged: Office, method: str, path: str, operation: dict[str, Any], data: st.DataObject
) -> None:
    anything = st.text(st.characters(codec="utf-8"), max_size=40)
    names = [one["name"] for one in operation.get("parameters", ())] or ["nothing"]
    values = {name: data.draw(anything) for name in names}
    values[data.draw(anything)] = data.draw(anything)
    body = data.draw(
        st.none()
        | st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | anything,
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(anything, inner, max_size=4),
            max_leaves=6,
        )
    )
    check_answer(ravaged.ask(method, target(path, operation, values), body), operation)


# What people ask


def test_leases_come_in_pages_by_address(busy: Office) -> None:
    whole = busy.get("/v1/leases?limit=1000")["leases"]
    addresses = [int.from_bytes(bytes(map(int, one["address"].split("."))), "big") for one in whole]
    assert addresses == sorted(addresses)
    assert len(addresses) == len(busy.run.machine.server.database)
    paged, after = [], ""
    while after is not None:
        page = busy.get("/v1/leases?limit=7" + (f"&after={after}" if after else ""))
        assert len(page["leases"]) <= 7
        paged += page["leases"]
        after = page["next"]
    assert paged == whole


def test_filters_meet(busy: Office) -> None:
    active = busy.get("/v1/leases?state=active&limit=1000")["leases"]
    free = busy.get("/v1/leases?state=free&limit=1000")["leases"]
    assert {one["state"] for one in active} == {"active"}
    assert {one["state"] for one in free} <= {"free"}
    one = active[0]
    assert busy.get(f"/v1/leases?hardware={one['hardware']}&state=active")["leases"] == [one]
    assert busy.get(f"/v1/leases?hardware={one['hardware']}&state=abandoned")["leases"] == []
    odd = busy.get("/v1/leases?pool=0&limit=1000")["leases"]
    assert {one["pool"] for one in odd} == {0}
    assert busy.get("/v1/leases?network=nowhere")["leases"] == []


def test_a_client_is_found_by_whatever_it_is_called(busy: Office) -> None:
    lease = busy.get("/v1/leases?state=active&limit=1")["leases"][0]
    for name in (lease["hardware"], lease["address"], lease["hardware"].replace(":", "-")):
        found = busy.get(f"/v1/clients/{name}")
        assert found["leases"][0] == lease, name
    (host,) = busy.get("/v1/clients/fixed")["hosts"]
    assert (host["name"], host["addresses"]) == ("fixed", ["10.0.200.7"])
    assert busy.get("/v1/clients/10.0.200.7")["hosts"] == [host]
    assert busy.get("/v1/clients/02:00:00:00:00:07")["hosts"] == [host]


def test_a_vast_range_costs_as_little_as_a_small_one(tmp_path: Path) -> None:
    office = Office(tmp_path, b"authoritative; ping-check off; subnet 10.0.0.0 netmask 255.0.0.0 "
                              b"{ range 10.0.0.16 10.255.255.250; }")  # fmt: skip
    given = sorted(office.run.exchange(client) for client in range(5))
    found = [one["address"] for one in office.get("/v1/leases?limit=3")["leases"]]
    assert found == [".".join(str(one >> shift & 255) for shift in (24, 16, 8, 0)) for one in given[:3]]
    office.close()


def test_pools_are_counted(busy: Office) -> None:
    pools = busy.get("/v1/pools")["pools"]
    assert [one["ranges"] for one in pools] == [["10.0.0.16-10.0.0.23"], ["10.0.1.0-10.0.8.255"]]
    for one in pools:
        assert one["total"] == sum(one[state] for state in ("free", "active", "expired", "abandoned", "backup"))
        assert one["place"].startswith("/etc/dhcpd.conf:")
    active = busy.get("/v1/leases?state=active&limit=1000")["leases"]
    assert sum(one["active"] for one in pools) == len(active)


def test_a_run_that_is_not_recorded_says_how_to_record(busy: Office) -> None:
    status, _headers, body = busy.ask("GET", "/v1/recording")
    assert status == 409
    assert "-tf FILE" in json.loads(body)["advice"]
    assert busy.get("/v1/status")["recording"] is None


def test_questions_are_no_events(office: Office) -> None:
    office.run.exchange(1)
    before = office.run.machine.snapshot()
    for _method, path, operation in OPERATIONS:
        if _method == "GET":
            values = {one["name"]: "10.0.1.0" for one in operation.get("parameters", ()) if one["required"]}
            office.ask("GET", target(path, operation, values))
    assert office.run.machine.snapshot() == before
    assert not any(isinstance(event, ev.Command) for event, _effects in office.run.pairs)
