"use strict";
// The clients' table and stories, and the cursor in the charts. Text from packets is only ever set as text.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const PAGE_ROWS = 50;
  const UNHAPPY = { refused: "bad", unanswered: "bad", declined: "warn", "offered only": "warn", "has an address": "good" };
  const HARDWARE = 0, IDENTIFIER = 1, NAME = 2, ADDRESSES = 3, MESSAGES = 4, NAKS = 5, UNANSWERED = 6, LAST = 7, OUTCOME = 8, TOLD = 9, RELAYS = 10, CIRCUITS = 11, WHY = 12;
  const KEYS = { "in use": "active" };
  const NEVER_ANSWERED = /^DHCP(RELEASE|DECLINE) /;
  const id = (name) => document.getElementById(name);

  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // A stranger's text: its direction must not reach its neighbours.
  function foreign(text, className) {
    return make("bdi", className, text);
  }

  function cell(row, content, className, label) {
    const td = make("td", className);
    if (label) td.dataset.label = label;
    td.append(content);
    row.append(td);
    return td;
  }

  const pad = (number, width) => String(number).padStart(width, "0");

  function date(us) {
    const seconds = Math.floor(us / 1e6);
    if (Math.abs(seconds) > 8e12) return `${us} us`;
    return new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
  }

  function dayOf(us) {
    return date(us).split(" ")[0];
  }

  function moment(us, digits) {
    const rest = ((us % 1e6) + 1e6) % 1e6;
    return digits ? `${date(us)}.${pad(Math.floor(rest / 10 ** (6 - digits)), digits)}` : date(us);
  }

  // Local time beside UTC, where the reader's clock is set otherwise.
  const AWAY = new Date(data.first_us / 1000).getTimezoneOffset() !== 0 || new Date().getTimezoneOffset() !== 0;
  const ZONE = Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts(new Date(data.first_us / 1000)).find((one) => one.type === "timeZoneName").value;

  function local(us, besideDate) {
    const at = new Date(us / 1000);
    if (!AWAY || Number.isNaN(at.getTime())) return "";
    const day = `${pad(at.getFullYear(), 4)}-${pad(at.getMonth() + 1, 2)}-${pad(at.getDate(), 2)}`;
    const clock = `${pad(at.getHours(), 2)}:${pad(at.getMinutes(), 2)}:${pad(at.getSeconds(), 2)}`;
    return day === besideDate ? clock : `${day} ${clock}`;
  }

  // A time as it stands in UTC, with the local one behind it.
  function timed(us, text) {
    const here = local(us, dayOf(us)), both = make("span");
    both.append(text === undefined ? date(us) : text);
    if (here) both.append(" ", make("span", "local", `(${here} ${ZONE})`));
    return both;
  }

  for (const one of document.querySelectorAll("time")) {
    const us = Date.parse(one.dateTime) * 1000, here = local(us, dayOf(us));
    if (here) one.after(" ", make("span", "local", `(${here} ${ZONE})`));
  }

  // What stands on one line at a desk stands below each other on a phone: each cell with its column's name.
  for (const table of document.querySelectorAll("table.cards:not(#table)")) {
    const titles = [...table.tHead.rows[0].cells].map((th) => th.textContent);
    for (const row of table.tBodies[0].rows) {
      for (const [at, td] of [...row.cells].entries()) if ((at || !table.classList.contains("titled")) && !td.querySelector("svg, ul")) td.dataset.label = titles[at];
    }
  }

  function since(us) {
    const size = Math.abs(us);
    if (size < 1000) return `${us} us`;
    if (size < 1e6) return `${(us / 1e3).toPrecision(3)} ms`;
    if (size < 120e6) return `${(us / 1e6).toPrecision(3)} s`;
    const minutes = Math.round(us / 60e6);
    return minutes < 120 ? `${minutes} min` : minutes < 2880 ? `${(minutes / 60).toFixed(1)} h` : `${(minutes / 1440).toFixed(1)} d`;
  }

  const comma = (number) => number.toLocaleString("en");

  // Charts over time

  const figures = [...document.querySelectorAll("figure.chart")];
  let bucket = -1;

  function valuesOf(figure) {
    if (figure.dataset.figure === "pool") {
      const values = data.pools[figure.dataset.pool][bucket];
      return values === null ? [["", "not known"]] : [["in use", values[0]], ["abandoned", values[1]]];
    }
    return data.series[figure.dataset.panel].map(([name, values]) => [name, values[bucket]]).filter(([, value]) => value);
  }

  // Of the drawings of a chart the one that fits the screen.
  const drawn = (figure) => [...figure.querySelectorAll("svg")].find((svg) => svg.clientWidth) || figure.querySelector("svg");

  function point(figure, to) {
    bucket = Math.max(0, Math.min(data.buckets - 1, to));
    for (const one of figures) {
      const svg = drawn(one), box = svg.viewBox.baseVal;
      const left = Number(svg.dataset.left), width = box.width - left - Number(svg.dataset.right);
      const at = left + (width * (bucket + 0.5)) / data.buckets;
      const cursor = svg.querySelector(".cursor");
      cursor.setAttribute("x1", at);
      cursor.setAttribute("x2", at);
      cursor.classList.add("on");
      const readout = one.querySelector(".readout");
      readout.classList.toggle("on", one === figure);
      if (one === figure) tell(readout, one, (at / box.width) * svg.clientWidth, svg.clientWidth);
    }
  }

  function tell(readout, figure, at, width) {
    const from = data.start_us + bucket * data.span_us;
    const digits = data.span_us < 1e6 ? 2 : 0;
    const rows = valuesOf(figure);
    const title = make("strong", "", moment(from, digits)), here = local(from, dayOf(from));
    if (here) title.append(make("span", "local", ` (${here} ${ZONE})`));
    readout.replaceChildren(title);
    for (const [name, value] of rows.length ? rows : [["nothing", ""]]) {
      const row = make("span", "row");
      const label = make("span");
      label.append(make("span", `key ${KEYS[name] || name.toLowerCase().replace(" ", "-")}`), name);
      row.append(label, make("span", "", typeof value === "number" ? comma(value) : value));
      readout.append(row);
    }
    const room = readout.offsetWidth + 14;
    readout.style.left = `${Math.max(0, at + room < width ? at + 12 : at - room)}px`;
    readout.style.top = "26px";
  }

  function leave() {
    for (const one of figures) {
      for (const cursor of one.querySelectorAll(".cursor")) cursor.classList.remove("on");
      one.querySelector(".readout").classList.remove("on");
    }
  }

  for (const figure of figures) {
    for (const svg of figure.querySelectorAll("svg")) {
      svg.addEventListener("pointermove", (event) => {
        const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
        const left = Number(svg.dataset.left), width = svg.viewBox.baseVal.width - left - Number(svg.dataset.right);
        point(figure, Math.floor((((event.clientX - box.left) * scale - left) / width) * data.buckets));
      });
      svg.addEventListener("pointerleave", leave);
    }
    figure.addEventListener("blur", leave);
    figure.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      point(figure, bucket < 0 && step === 1 ? 0 : Math.max(0, bucket) + step);
    });
  }

  // The table of clients

  const clients = data.clients, whatif = data.whatif;
  const groupsOf = (client) => (whatif && whatif.groups[client[HARDWARE]]) || {};
  const haystacks = clients.map((one) => [one[HARDWARE], one[IDENTIFIER], one[NAME], one[ADDRESSES], one[RELAYS], one[CIRCUITS], one[OUTCOME], data.texts[one[WHY]]].join("\n").toLowerCase());
  const hexes = clients.map((one) => ` ${one[HARDWARE]} ${one[IDENTIFIER]} ${one[CIRCUITS]}`.toLowerCase().replaceAll(" ", " :"));
  // What is wrong with whom: the clients of each part, and what a search finds of each client.
  const troubled = data.troubles.map(([, members]) => new Set(members));
  for (const [text, members] of data.troubles) for (const at of members) haystacks[at] += `\n${text.toLowerCase()}`;

  // Octets in hex as people and devices write them (00:1a:.., 0-1a-.., 001a.22.., 001a22..) as ":00:1a"; "" for none.
  function octets(word) {
    if (/^[0-9a-f]{1,2}([:-][0-9a-f]{1,2})+[:-]?$/.test(word)) return word.replace(/[:-]$/, "").split(/[:-]/).map((part) => `:${part.padStart(2, "0")}`).join("");
    if (!/^[0-9a-f]{4}([.-][0-9a-f]{1,4})+[.-]?$/.test(word) && !/^[0-9a-f]{6,}$/.test(word)) return "";
    return word.replace(/[.-]/g, "").match(/..?/g).map((part) => `:${part}`).join("");
  }

  const fits = (at, word) => haystacks[at].includes(word) || (octets(word) && hexes[at].includes(octets(word)));

  const columns = [
    ["Hardware", (at) => clients[at][HARDWARE]],
    ["Name", (at) => clients[at][NAME].toLowerCase()],
    ["Address", (at) => clients[at][ADDRESSES].split(" ")[0].split(".").map((part) => pad(part, 3)).join(".")],
    ["Client id", (at) => clients[at][IDENTIFIER].toLowerCase()],
    ["Relay", (at) => clients[at][RELAYS]],
    ["Messages", (at) => -clients[at][MESSAGES], "n"],
    ["NAK", (at) => -clients[at][NAKS], "n"],
    ["No answer", (at) => -clients[at][UNANSWERED], "n"],
    ["Last seen (UTC)", (at) => -clients[at][LAST]],
    ["Outcome", (at) => clients[at][OUTCOME]],
    ...(whatif ? [["What-if", (at) => Object.keys(groupsOf(clients[at])).join(" ") || "~"]] : []),
  ];
  const body = id("table").tBodies[0];
  let shown = clients.map((_, at) => at), page = 0, sorted = -1, turned = false, opened = -1;

  for (const [at, [title, , className]] of columns.entries()) {
    const th = make("th", className), button = make("button", "", title);
    th.scope = "col";
    th.setAttribute("aria-sort", "none");
    button.type = "button";
    button.addEventListener("click", () => sortBy(at));
    th.append(button);
    id("table").tHead.rows[0].append(th);
  }

  function sortBy(at) {
    turned = sorted === at && !turned;
    sorted = at;
    for (const [place, th] of [...id("table").tHead.rows[0].cells].entries()) {
      if (place === at) th.setAttribute("aria-sort", turned ? "descending" : "ascending");
      else th.setAttribute("aria-sort", "none");
      th.firstChild.textContent = columns[place][0] + (place === at ? (turned ? " \u2193" : " \u2191") : "");
    }
    filter();
  }

  function filter() {
    const words = id("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const outcome = id("outcome").value, group = id("group").value, trouble = id("trouble").value;
    shown = [];
    for (let at = 0; at < clients.length; at++) {
      if (trouble && !troubled[trouble].has(at)) continue;
      if (outcome && clients[at][OUTCOME] !== outcome) continue;
      if (group && !(group in groupsOf(clients[at])) && !(group === "*" && Object.keys(groupsOf(clients[at])).length)) continue;
      if (words.every((word) => fits(at, word))) shown.push(at);
    }
    if (sorted >= 0) {
      const keys = new Map(shown.map((at) => [at, columns[sorted][1](at)]));
      const order = (a, b) => (keys.get(a) < keys.get(b) ? -1 : keys.get(a) > keys.get(b) ? 1 : a - b);
      shown.sort(turned ? (a, b) => order(b, a) : order);
    }
    page = 0;
    draw();
  }

  function draw() {
    const pages = Math.max(1, Math.ceil(shown.length / PAGE_ROWS));
    const from = page * PAGE_ROWS;
    body.replaceChildren(...shown.slice(from, from + PAGE_ROWS).flatMap((at) => (at === opened ? [rowOf(at), storyOf(at)] : [rowOf(at)])));
    if (!shown.length) {
      const row = make("tr");
      cell(row, "No client fits.", "quiet").colSpan = columns.length;
      body.append(row);
    }
    id("count").textContent = `${comma(shown.length)} of ${comma(clients.length)} clients`;
    id("page").textContent = `page ${comma(page + 1)} of ${comma(pages)}`;
    id("previous").disabled = page === 0;
    id("next").disabled = page >= pages - 1;
  }

  function rowOf(at) {
    const client = clients[at], row = make("tr", "client");
    const button = make("button", "open mono", client[HARDWARE] || "none");
    button.type = "button";
    button.dataset.at = at;
    button.setAttribute("aria-expanded", at === opened);
    if (!client[TOLD] && !whatifOf(client)) {
      button.disabled = true;
      button.title = "No room for this client's story: dhcpd-trace history tells it.";
    }
    const field = (label, content, className) => cell(row, content, `${className || ""}${content === "" || content.textContent === "" ? " none" : ""}`, label);
    cell(row, button);
    field("Name", foreign(client[NAME]), "wide");
    const [latest, ...before] = client[ADDRESSES].split(" ");
    const address = field("Address", latest);
    if (before.length) address.append(make("span", "quiet", `  +${before.length}`));
    address.title = before.length ? `before: ${before.join(", ")}` : "";
    field("Client id", foreign(client[IDENTIFIER], "mono"), "wide");
    const relays = client[RELAYS] ? client[RELAYS].split(" ") : [];
    const relay = field("Relay", relays.length ? relays[0] : "");
    if (relays.length > 1) relay.append(make("span", "quiet", `  +${relays.length - 1}`));
    relay.title = [...relays, client[CIRCUITS]].filter(Boolean).join(", ");
    for (const place of [MESSAGES, NAKS, UNANSWERED]) field(columns[place + 1][0], comma(client[place]), client[place] || place === MESSAGES ? "n" : "n quiet none");
    field("Last seen", timed(client[LAST]), "wide");
    const tag = make("span", `tag ${UNHAPPY[client[OUTCOME]] || ""}`, client[OUTCOME]);
    tag.title = data.outcomes[client[OUTCOME]];
    const outcome = field("Outcome", tag);
    if (client[WHY]) outcome.append(foreign(data.texts[client[WHY]], "why"));
    if (whatif) {
      const groups = cell(row, "", "", "What-if");
      for (const group of Object.keys(groupsOf(client))) groups.append(make("div", "", group));
    }
    row.addEventListener("click", () => {
      if (!button.disabled && !String(getSelection())) toggle(at);
    });
    return row;
  }

  function toggle(at) {
    opened = opened === at ? -1 : at;
    history.replaceState(null, "", opened < 0 ? "#clients" : `#client=${clients[at][HARDWARE]}`);
    draw();
    const button = body.querySelector(`button[data-at="${at}"]`);
    if (button) button.focus({ preventScroll: true });
  }

  // A client's story

  const whatifOf = (client) => whatif && whatif.examples[client[HARDWARE]];

  function storyOf(at) {
    const client = clients[at], row = make("tr", "story"), inside = make("div", "inside");
    const differences = whatifOf(client), story = data.stories[at];
    const ways = [client[RELAYS] && `by relay ${client[RELAYS].split(" ").join(", ")}`, client[CIRCUITS]].filter(Boolean);
    if (ways.length) inside.append(make("p", "hint", ways.join("; ")));
    if (differences) inside.append(make("h3", "", "With the other configuration"), ...differences.map(differenceOf));
    if (story) {
      inside.append(make("h3", "", "Messages"), linesOf(story));
      if (story.left_out) inside.append(make("p", "hint", `${comma(story.left_out)} messages in the middle are left out.`));
      inside.append(make("p", "hint", "Click a line, or press Enter on its time, to see the packets decoded."));
    }
    cell(row, inside).colSpan = columns.length;
    return row;
  }

  function differenceOf([seq, us, group, text, fields]) {
    const box = make("div"), line = make("p");
    line.append(make("span", "tag warn", group), ` event ${comma(seq)}, ${moment(us, 3)}: `, foreign(text));
    box.append(line);
    if (fields.length) {
      const table = make("table"), head = make("tr");
      for (const title of ["Field", "Recorded", "With the other configuration"]) head.append(make("th", "", title));
      table.append(head);
      for (const [name, then, now] of fields) {
        const row = make("tr");
        cell(row, foreign(name));
        cell(row, then === null ? make("span", "quiet", "absent") : foreign(then, "then"));
        cell(row, now === null ? make("span", "quiet", "absent") : foreign(now, "now"));
        table.append(row);
      }
      box.append(table);
    }
    return box;
  }

  function linesOf(story) {
    const table = make("table", "cards"), rows = make("tbody"), head = make("tr");
    for (const title of ["Time (UTC)", "After", "Event", "Said", "Heard", "Lease", "Why"]) head.append(make("th", title === "Event" ? "n" : "", title));
    const heads = make("thead");
    heads.append(head);
    table.append(heads, rows);
    let before = null, day = "";
    for (const line of story.lines) {
      const today = dayOf(data.first_us + line[1]);
      if (today !== day) {
        const row = make("tr", "day");
        cell(row, today).colSpan = head.cells.length;
        rows.append(row);
        day = today;
      }
      rows.append(lineOf(line, before));
      before = line[1];
    }
    return table;
  }

  function lineOf(line, before) {
    const [seq, us, said, heard, reason, , asked, answers, changes] = line;
    const row = make("tr", "line"), button = make("button", "open", moment(data.first_us + us, 3).split(" ").pop());
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    const time = cell(row, button, "time"), here = local(data.first_us + us, dayOf(data.first_us + us));
    if (here) time.append(make("span", "local", ` ${here} ${ZONE}`));
    cell(row, before === null ? "" : since(us - before), "time quiet", "After");
    cell(row, comma(seq), "n", "Event");
    cell(row, data.texts[said] ? foreign(data.texts[said]) : "", "", "Said");
    const answer = data.texts[heard];
    cell(row, answer ? foreign(answer, answer.includes("DHCPNAK") ? "refused" : "") : make("span", "quiet", asked === null ? "" : NEVER_ANSWERED.test(data.texts[said]) ? "needs no answer" : "nothing at once"), "", "Heard");
    const lease = cell(row, "", "", "Lease");
    for (const change of changes) lease.append(changeOf(change, dayOf(data.first_us + us)));
    cell(row, data.texts[reason] ? foreign(data.texts[reason]) : "", "", "Why");
    const open = () => decode(row, button, line);
    row.addEventListener("click", (event) => {
      event.stopPropagation();
      if (!String(getSelection())) open();
    });
    if (asked === null && !answers.length) button.disabled = true;
    return row;
  }

  function changeOf([address, before, after, ends], today) {
    const words = before === after ? `${address} ${data.texts[after]}` : `${address} ${data.texts[before]} \u2192 ${data.texts[after]}`;
    return make("div", "", data.texts[after] === "active" && ends ? `${words}, until ${ends >= 0x7fffffff ? "never" : date(ends * 1e6).replace(`${today} `, "")}` : words);
  }

  function decode(row, button, [, , , , , xid, asked, answers]) {
    if (asked === null && !answers.length) return;
    const next = row.nextSibling;
    const closes = next && next.classList.contains("packets");
    button.setAttribute("aria-expanded", !closes);
    if (closes) {
      next.remove();
      return;
    }
    const packets = make("tr", "packets"), box = make("div", "decoded");
    if (asked !== null) box.append(packetOf("From the client", asked, xid));
    for (const answer of answers) box.append(packetOf("To the client", answer, xid));
    cell(packets, box).colSpan = row.cells.length;
    packets.addEventListener("click", (event) => event.stopPropagation());
    row.after(packets);
  }

  function packetOf(title, number, xid) {
    const table = make("table");
    table.append(make("caption", "", `${title}, xid ${xid}`));
    if (number < 0) {
      const row = make("tr");
      cell(row, "This packet is not decoded: there was no room. dhcpd-trace show --full has it.", "quiet");
      table.append(row);
      return table;
    }
    const fields = data.packets[number];
    for (let at = 0; at < fields.length; at += 2) {
      const row = make("tr");
      cell(row, foreign(data.texts[fields[at]]));
      cell(row, foreign(data.texts[fields[at + 1]], "mono"));
      table.append(row);
    }
    return table;
  }

  // Filters, pages and keys

  const count = (values) => values.reduce((counts, one) => counts.set(one, (counts.get(one) || 0) + 1), new Map());

  function options(select, counts) {
    for (const [name, number] of [...counts].sort((a, b) => b[1] - a[1])) {
      const option = make("option", "", `${name} (${comma(number)})`);
      option.value = name;
      select.append(option);
    }
  }

  options(id("outcome"), count(clients.map((one) => one[OUTCOME])));
  if (whatif) {
    id("group-label").hidden = false;
    const option = make("option", "", "any difference");
    option.value = "*";
    id("group").append(option);
    options(id("group"), count(clients.flatMap((one) => Object.keys(groupsOf(one)))));
  }
  if (data.troubles.length) {
    id("trouble-label").hidden = false;
    for (const [at, [text, members]] of data.troubles.entries()) {
      const option = make("option", "", `${text} (${comma(members.length)})`);
      option.value = at;
      id("trouble").append(option);
    }
  }
  let typing = 0;
  id("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(filter, 80);
  });
  for (const name of ["outcome", "group", "trouble"]) id(name).addEventListener("change", filter);
  document.querySelector("form.filters").addEventListener("submit", (event) => event.preventDefault());
  // A link to the clients that it speaks of.
  for (const button of document.querySelectorAll("button[data-group], button[data-trouble]")) {
    button.addEventListener("click", () => {
      for (const name of ["search", "outcome", "group", "trouble"]) id(name).value = "";
      const name = "group" in button.dataset ? "group" : "trouble";
      id(name).value = button.dataset[name];
      filter();
      id("clients").scrollIntoView();
      id(name).focus({ preventScroll: true });
    });
  }
  function turn(by) {
    page += by;
    draw();
    id("clients").scrollIntoView();
  }
  id("previous").addEventListener("click", () => turn(-1));
  id("next").addEventListener("click", () => turn(1));

  function move(by) {
    const buttons = [...body.querySelectorAll("tr.client > td > .open:not([disabled])")];
    const at = buttons.indexOf(document.activeElement);
    if (at + by < 0) id("search").focus();
    else if (buttons[at + by]) buttons[at + by].focus();
  }

  document.addEventListener("keydown", (event) => {
    const target = event.target, writing = target === id("search");
    if (event.key === "/" && !writing && target.tagName !== "SELECT") {
      event.preventDefault();
      id("search").focus();
    } else if (event.key === "Escape" && opened >= 0) {
      toggle(opened);
    } else if ((writing || target.matches("tr.client .open")) && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    }
  });

  function openNamed() {
    const name = /^#client=([0-9a-f:]*)$/.exec(location.hash);
    const at = name ? clients.findIndex((one) => one[HARDWARE] === name[1]) : -1;
    if (at < 0) return;
    opened = at;
    page = Math.floor(Math.max(0, shown.indexOf(at)) / PAGE_ROWS);
    draw();
    const row = body.querySelector("tr.story");
    if (row) row.previousSibling.scrollIntoView();
  }

  addEventListener("hashchange", openNamed);
  draw();
  openNamed();
  document.documentElement.dataset.ready = "yes";
})();
