"""The benchmark asks every route, so that none holds packets up unseen."""

from bench.asking import QUESTIONS
from dhcpd.admin.table import ROUTES

# The engine's own work, which the benchmark of reloads measures.
ELSEWHERE = {("POST", "/v1/reload")}


def test_every_route_is_measured():
    asked = [ROUTES.find(method, target.partition("?")[0])[0] for method, target in QUESTIONS]
    missed = {(route.method, route.path) for route in ROUTES.routes if route not in asked}
    assert missed == ELSEWHERE
