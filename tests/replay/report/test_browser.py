"""The page in a real Chromium: it fetches nothing, tells what is asked of it, and names in packets stay text."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from dhcpd.replay.command.cli import cli
from dhcpd.replay.world.host import START_US
from dhcpd.trace import TapeWriter
from dhcpd.trace.effects import Log, Send
from dhcpd.trace.events import Packet
from tests.replay.engine_runs import CONFIGURATION, Run
from tests.replay.planting import busy_run, record_run
from tests.replay.report.browser import browser
from tests.replay.report.site import Morning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.replay.report.browser import Page

EVENTS = 100_000
CLIENTS = 25_000
OCTETS_MAXIMUM = 20_000_000
# Against work that grows with the square of something; a slow machine is no fault.
OPEN_S_MAXIMUM = 30.0
HOSTILE = (
    b"<script>alert(1)</script>",
    b"</script><img src=x onerror=alert(2)>",
    b"<!--<script>",
    b"\"'`&amp;${7*7}{{7*7}}",
    "\u202egnp.exe".encode(),
    "مرحبا بالعالم".encode(),
    b"\xff\x00\x01\n",
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as made:
        yield made


def made(trace: Path, *words: str, status: int = 0) -> Path:
    out = trace.with_suffix(".html")
    result = CliRunner().invoke(cli, ["report", str(trace), "-o", str(out), *words])
    assert result.exit_code == status, result.output
    return out


def quiet(page: Page) -> None:
    assert not page.complaints()
    assert not page.fetched()


def test_a_filter_narrows_and_a_story_opens(page: Page, tmp_path: Path):
    run = Run(b'option room code 224 = text; option room "cellar";' + CONFIGURATION)
    run.serve(60)
    page.open(made(record_run(tmp_path / "day.trace", run)))
    assert page.texts("h1") == ["day.trace"]
    assert "0 differences" in page.texts(".verdict")[0]
    rows = page.texts("tr.client")
    assert len(rows) == 50
    page.find("#search").send_keys("00:00:00:01", "\ue015", "\ue015")
    page.until("document.querySelectorAll('tr.client').length === 1")
    assert page.texts("#count") == ["1 of 64 clients"]
    page.find("tr.client .open").send_keys("\n")
    story = page.texts(".inside tr.line")
    assert ["DHCPDISCOVER" in line and "DHCPOFFER 10.0.0.16" in line for line in story[:2]] == [True, False]
    assert "free \u2192 active, until 14:23:25" in story[1]
    assert "the address asked for" in story[1]
    page.find(".inside tr.line .open").click()
    decoded = page.texts(".decoded table")
    assert "option dhcp-message-type\t1 DHCPDISCOVER" in decoded[0]
    assert 'option root-path\t"/odd"' in decoded[1]
    assert 'option room\t"cellar"' in decoded[1]
    assert page.driver.current_url.endswith("#client=02:00:00:00:00:01")
    page.find("body").send_keys("\ue00c")
    assert not page.texts("tr.story")
    page.find("figure.chart").send_keys("\ue014")
    assert "DHCPDISCOVER" in page.texts(".readout.on")[0]
    quiet(page)


def test_names_in_packets_are_text(page: Page, tmp_path: Path):
    run = Run(CONFIGURATION.replace(b"log(info, told);", b""))
    for client, name in enumerate(HOSTILE):
        identifier = b"\0" + name
        options = bytes([12, len(name)]) + name + bytes([61, len(identifier)]) + identifier
        options += bytes([60, len(name)]) + name + bytes([81, len(name) + 3, 0, 0, 0]) + name
        run.packet(client + 1, 1, options)
    trace = record_run(tmp_path / "<img src=x onerror=alert(3)>.trace", run)
    page.open(made(trace))
    assert page.texts("h1") == [trace.name]
    names = page.texts("tr.client td:nth-child(2)")
    shown = {name.decode() for name in (*HOSTILE[:4], HOSTILE[5])} | {"\\u202egnp.exe", "\\xff\\x00\\x01\\n"}
    assert set(names) == shown
    for number in range(len(HOSTILE)):
        page.driver.execute_script("document.querySelectorAll('tr.client .open')[arguments[0]].click()", number)
        page.find(".inside tr.line .open").click()
        assert page.texts(".decoded")
    assert page.driver.execute_script("return [document.scripts.length, document.images.length]") == [2, 0]
    quiet(page)


def large(path: Path) -> Path:
    """A recording of 100,000 packets of 25,000 clients, each answered; the engine had no part in the answers."""
    fields = struct.Struct("!BBBBIHHIIII16s192x4sBBB")
    with TapeWriter.create(path, version="0.0.test", host="test", created_us=START_US) as writer:
        batch, effects = [], []
        for number in range(EVENTS):
            client, kind = number % CLIENTS, 1 if number < CLIENTS else 3
            hardware, now_us = b"\x02\0" + client.to_bytes(4, "big"), START_US + number * 36_000
            words = (number, 0, 0, 0, 0x0A000000 + client, 0, 0x0A000001, hardware, b"\x63\x82\x53\x63", 53, 1)
            name = b"host-%d" % client
            asked = fields.pack(1, 1, 6, 1, *words[:4], 0, *words[5:], kind) + bytes([12, len(name)]) + name + b"\xff"
            answer = fields.pack(2, 1, 6, 0, *words, 2 if kind == 1 else 5) + b"\xff"
            batch.append(Packet(now_us, 0, "eth0", 0x0A000001, 67, asked))
            effects.append([Log(6, "answered"), Send("eth0", False, 0x0A000001, 67, b"", 0, False, "", answer)])
            if len(batch) == 64 or number == EVENTS - 1:
                writer.write_effects(writer.write_events(batch), effects)
                batch, effects = [], []
    return path


def test_a_hundred_thousand_events_are_quick_to_open(page: Page, tmp_path: Path):
    out = made(large(tmp_path / "large.trace"), status=1)
    assert out.stat().st_size < OCTETS_MAXIMUM
    seconds = page.open(out)
    print(f"opened in {seconds:.2f} s")
    assert seconds < OPEN_S_MAXIMUM
    assert page.texts("#count") == ["20,000 of 20,000 clients"]
    assert any("20,000 of 25,000 clients" in line for line in page.texts(".limits li"))
    assert any("2,000 clients have a story" in line for line in page.texts(".limits li"))
    assert page.texts(".tiles dd")[:3] == ["100,000", "100,000", "25,000"]
    script = """
        const box = document.querySelector('#search'), from = performance.now();
        box.value = 'host-1234'; box.dispatchEvent(new Event('input'));
        return from"""
    page.driver.execute_script(script)
    page.until("document.querySelector('#count').textContent.startsWith('11 of')")
    quiet(page)


def test_a_what_if_has_its_section(page: Page, tmp_path: Path):
    trace = record_run(tmp_path / "day.trace", busy_run(30, 200))
    other = tmp_path / "new.conf"
    other.write_bytes(CONFIGURATION.replace(b"routers 10.0.0.1", b"routers 10.0.0.99"))
    page.open(made(trace, "-cf", str(other)))
    section = page.texts("#whatif")[0]
    assert "What if: new.conf" in section
    assert "200 messages of 30 clients, 200 differences" in section
    page.find("button[data-group=options]").click()
    assert page.texts("#count") == ["30 of 30 clients"]
    page.find("tr.client .open").click()
    fields = page.texts(".inside tr")
    assert any("option routers\t10.0.0.1\t10.0.0.99" in line for line in fields)
    quiet(page)


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(record_run(tmp_path_factory.mktemp("morning") / "morning.trace", Morning()))


def shown(page: Page) -> list[str]:
    return [text.split()[0] for text in page.texts("tr.client .open")]


def test_each_trouble_leads_to_its_clients(page: Page, morning: Path):
    page.open(morning)
    assert page.texts("main > section:first-child h2") == ["What is wrong"]
    links = page.driver.find_elements("css selector", "button[data-trouble]")
    assert len(links) == 5 + 1 + 1 + 3
    for link in links:
        number = int(link.text.split()[0])
        page.driver.execute_script("arguments[0].click()", link)
        page.until(f"document.querySelector('#count').textContent === '{number} of 22 clients'")
        assert len(shown(page)) == number
    page.driver.execute_script("document.querySelector('#trouble').value = ''")
    quiet(page)


def search(page: Page, words: str) -> list[str]:
    script = """
        const box = document.querySelector('#search'), before = document.querySelector('#count');
        for (const name of ['trouble', 'outcome', 'group']) document.querySelector('#' + name).value = '';
        before.textContent = 'searching';
        box.value = arguments[0];
        box.dispatchEvent(new Event('input'));"""
    page.driver.execute_script(script, words)
    page.until("document.querySelector('#count').textContent !== 'searching'")
    return sorted(shown(page))


def test_clients_are_found_by_reason_relay_circuit_name_and_any_notation(page: Page, morning: Path):
    page.open(morning)
    one = ["02:00:00:00:00:15"]
    for words in (
        "02:00:00:00:00:15", "2-0-0-0-0-15", "02-00-00-00-00-15", "0200.0000.0015", "0200-0000-0015", "020000000015",
        "desk-21", "ge-0/0/21", "00:06:02:00:00:00:00:15", "02:00:00:00:00:1 desk-21",
    ):  # fmt: skip
        assert search(page, words) == one, words
    assert search(page, "00:00:00:01") == ["02:00:00:00:00:01"]
    assert search(page, "10.99.0.1") == ["02:00:00:00:00:1e", "02:00:00:00:00:1f", "02:00:00:00:00:20"]
    assert len(search(page, "deny unknown")) == 4
    assert len(search(page, "wrong network")) == 2
    assert search(page, "10.0.1.4") == ["02:00:00:00:00:03"]


def test_sorted_columns_tell_a_screen_reader(page: Page, morning: Path):
    page.open(morning)
    states = "return [...document.querySelectorAll('#table th')].map((th) => th.getAttribute('aria-sort'))"
    assert set(page.driver.execute_script(states)) == {"none"}
    heads = page.driver.find_elements("css selector", "#table th button")
    heads[0].click()
    assert page.driver.execute_script(states)[:2] == ["ascending", "none"]
    assert shown(page) == sorted(shown(page))
    heads[0].click()
    assert page.driver.execute_script(states)[:2] == ["descending", "none"]
    heads[1].click()
    assert page.driver.execute_script(states)[:2] == ["none", "ascending"]


def test_local_time_stands_beside_utc(page: Page, morning: Path):
    zone = {"timezoneId": "Asia/Kolkata"}
    page.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", zone)
    try:
        page.open(morning)
        assert "2026-09-21 14:13:20 UTC (19:43:20 GMT+5:30)" in page.texts(".lead")[0]
        assert "(19:4" in page.texts(".is-full li")[0]
        assert "(19:4" in page.texts("tr.client")[0]
        page.find("tr.client .open").click()
        assert " 19:4" in page.texts(".inside tr.line")[0]
        page.find("figure.chart").send_keys("\ue014")
        assert "(19:43:" in page.texts(".readout.on")[0]
        page.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "UTC"})
        page.open(morning)
        assert not page.texts(".local"), "the same twice"
    finally:
        page.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})


FIXTURES = Path(__file__).resolve().parents[3] / "fixtures"
# What is laid out beyond the right edge and not clipped by something that hides it.
BEYOND = """
    const hidden = (one) => one && (getComputedStyle(one).clipPath !== 'none' || hidden(one.parentElement));
    return [...document.body.querySelectorAll('*')]
        .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !hidden(one))
        .map((one) => one.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("name", ["morning", "hostile/trace.bin", "perfdhcp/trace.bin", "omapi/lease-states.trace"])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(page: Page, morning: Path, tmp_path: Path, name: str, mode: str):
    out = morning
    if name != "morning":
        out = tmp_path / "page.html"
        words = ["report", str(FIXTURES / name), "-o", str(out)]
        if name.startswith("perfdhcp"):
            (tmp_path / "new.conf").write_text("subnet 10.66.0.0 netmask 255.255.0.0 { range 10.66.1.1 10.66.1.9; }")
            words += ["-cf", str(tmp_path / "new.conf")]
        assert CliRunner().invoke(cli, words).exit_code == 0
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": mode}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    try:
        page.open(out)
        for selector in ("tr.client .open:not([disabled])", ".inside tr.line .open:not([disabled])", "details summary"):
            page.driver.execute_script("document.querySelector(arguments[0])?.click()", selector)
        assert page.driver.execute_script("return innerWidth") == 390
        assert page.driver.execute_script("return document.documentElement.scrollWidth") <= 390
        assert page.driver.execute_script(BEYOND) == []
        smallest = """return Math.min(...[...document.querySelectorAll('figure svg.narrow text')]
            .map((one) => one.getBoundingClientRect().height))"""
        assert page.driver.execute_script(smallest) >= 10, "letters that nobody can read"
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    quiet(page)


def test_charts_are_drawn_for_what_there_is(page: Page, morning: Path):
    page.open(morning)
    assert len(page.texts("figure[data-figure=traffic]")) == 3
    assert [text.split()[0] for text in page.texts("figure[data-figure=pool] figcaption")] == ["10.0.0.0/16"]
    empty = """return [...document.querySelectorAll('figure svg')]
        .filter((one) => !one.querySelector('.fill')).length"""
    assert page.driver.execute_script(empty) == 0
