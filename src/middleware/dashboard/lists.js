// Tables and lists: workers, routes, crash reports, events. Rows are kept and changed in place, so that focus and selection
// stay where they are.

import { age, bytes, clock, count, percent, plain, rate, time } from "./format.js";

const $ = (id) => document.getElementById(id);
const LINGER = 10000; // ms that a worker who has left is still shown

function element(name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Digits, and the unit in a smaller hand.
function setNumber(cell, [digits, unit]) {
  if (cell.dataset.shown === digits + unit) return;
  cell.dataset.shown = digits + unit;
  cell.replaceChildren(digits, ...(unit ? [element("span", unit, "u")] : []));
}

function meter() {
  const node = element("div", undefined, "meter");
  node.append(element("i"), element("span"));
  return node;
}

function setMeter(cell, share, alarm) {
  const node = cell.firstElementChild;
  node.firstElementChild.style.setProperty("--full", `${(Math.min(1, share) * 100).toFixed(1)}%`);
  node.lastElementChild.textContent = plain(percent(share));
  node.classList.toggle("high", alarm);
}

// --- workers ----------------------------------------------------------------------------------------------------------

const rows = new Map(); // id -> {row, cells, last, left}
const WORKER_CELLS = ["Worker", "State", "Generation", "Up", "Requests", "Busy", "In flight", "Connections", "p50", "p99", "Longest tick", "Memory", "Restarts"];

function workerRow(w) {
  const row = element("tr"), cells = WORKER_CELLS.map((label, i) => {
    const cell = element("td", undefined, i === 0 || i === 5 ? "" : i > 2 ? "n" : "");
    cell.dataset.label = label;
    return cell;
  });
  cells[0].classList.add("id");
  cells[1].append(element("span", "", "state"));
  cells[5].append(meter());
  cells[5].classList.add("two");
  row.append(...cells);
  row.dataset.workerId = w.id;
  row.dataset.pid = w.pid;
  return { row, cells };
}

function fillWorker({ row, cells }, w, me) {
  row.dataset.state = w.state;
  row.dataset.generation = w.generation;
  row.dataset.requests = w.requests;
  if (cells[0].dataset.shown !== `${w.id} ${w.pid} ${me}`) {
    cells[0].dataset.shown = `${w.id} ${w.pid} ${me}`;
    cells[0].replaceChildren(String(w.id), element("small", `pid ${w.pid}${w.id === me ? ", serves this page" : ""}`));
  }
  setText(cells[1].firstElementChild, w.state);
  setNumber(cells[2], [String(w.generation), ""]);
  setText(cells[3], age(w.uptime_us));
  setNumber(cells[4], rate(w.rate));
  setMeter(cells[5], w.busy, w.busy > 0.95);
  setNumber(cells[6], [String(w.in_flight), ""]);
  setNumber(cells[7], [w.connections.toLocaleString(), ""]);
  setNumber(cells[8], time(w.p50));
  setNumber(cells[9], time(w.p99));
  setNumber(cells[10], time(w.lag_us));
  setNumber(cells[11], bytes(w.memory));
  setNumber(cells[12], [String(w.restarts), ""]);
}

export function showWorkers(workers, at, me) {
  const body = $("workers").tBodies[0], here = new Set(workers.map((w) => w.id)), first = rows.size === 0;
  for (const w of workers) {
    let known = rows.get(w.id);
    if (known && known.row.dataset.pid !== String(w.pid)) { // of another master
      known.row.remove();
      known = undefined;
    }
    if (!known) {
      known = workerRow(w);
      if (!first) known.row.classList.add("fresh");
      rows.set(w.id, known);
    }
    known.left = undefined;
    fillWorker(known, w, me);
  }
  for (const [id, known] of rows) {
    if (here.has(id)) continue;
    known.left ??= at;
    known.row.dataset.state = "gone";
    setText(known.cells[1].firstElementChild, "gone");
    if (at - known.left > LINGER) {
      known.row.remove();
      rows.delete(id);
    }
  }
  [...rows.keys()].sort((a, b) => a - b).forEach((id, i) => {
    if (body.children[i] !== rows.get(id).row) body.insertBefore(rows.get(id).row, body.children[i] ?? null);
  });
  setText($("workers-count"), `${workers.filter((w) => w.state === "ready").length} ready of ${workers.length}`);
}

// --- routes -----------------------------------------------------------------------------------------------------------

const routeRows = new Map();
const ROUTE_CELLS = ["Route", "Now", "Requests", "Share of time", "4xx", "5xx", "Mean", "p50", "p99"];
let order = { by: "requests", down: true }, lastRoutes = [], lastGeneration = 0;

const keyOf = (r) => r.pattern ? `${r.method} ${r.pattern}` : "";
const VALUES = {
  name: (r) => r.pattern, rate: (r) => r.rate, requests: (r) => r.requests, share: (r) => r.share, errors4: (r) => r.errors4,
  errors5: (r) => r.errors5, mean: (r) => r.mean ?? -1, p50: (r) => r.p50_us, p99: (r) => r.p99_us,
};

function routeRow(r) {
  const row = element("tr"), cells = ROUTE_CELLS.map((label, i) => {
    const cell = element("td", undefined, i === 0 ? "route wide" : i === 3 ? "two" : "n");
    cell.dataset.label = label;
    return cell;
  });
  if (r.pattern) cells[0].append(...(r.method !== "*" ? [element("b", r.method)] : [element("b", "any")]), r.pattern);
  else cells[0].append(element("em", "no route: middleware, or not found"));
  cells[3].append(meter());
  row.append(...cells);
  row.dataset.route = keyOf(r);
  return { row, cells };
}

function setErrors(cell, n, all) {
  setNumber(cell, count(n));
  cell.classList.toggle("zero", n === 0);
  cell.classList.toggle("many", n > 0 && cell.dataset.label === "5xx");
  cell.classList.toggle("some", n > 0 && n > all / 10 && cell.dataset.label === "4xx");
}

function fillRoute({ row, cells }, r, generation) {
  row.dataset.requests = r.requests;
  row.dataset.errors = r.errors4 + r.errors5;
  row.classList.toggle("old", r.generation < generation);
  row.title = r.generation < generation ? `generation ${generation} does not have it any more` : "";
  setNumber(cells[1], rate(r.rate));
  setNumber(cells[2], count(r.requests));
  setMeter(cells[3], r.share, false);
  setErrors(cells[4], r.errors4, r.requests);
  setErrors(cells[5], r.errors5, r.requests);
  setNumber(cells[6], time(r.mean));
  setNumber(cells[7], r.requests ? time(r.p50_us) : time(null));
  setNumber(cells[8], r.requests ? time(r.p99_us) : time(null));
}

function compare(a, b) {
  const x = VALUES[order.by](a), y = VALUES[order.by](b), sign = order.down ? -1 : 1;
  return (x < y ? -sign : x > y ? sign : 0) || (keyOf(a) < keyOf(b) ? -1 : 1);
}

export function showRoutes(routes, generation) {
  const body = $("routes").tBodies[0], here = new Set(routes.map(keyOf));
  [lastRoutes, lastGeneration] = [routes, generation];
  for (const r of routes) {
    if (!routeRows.has(keyOf(r))) routeRows.set(keyOf(r), routeRow(r));
    fillRoute(routeRows.get(keyOf(r)), r, generation);
  }
  for (const [name, known] of routeRows) {
    if (here.has(name)) continue;
    known.row.remove();
    routeRows.delete(name);
  }
  [...routes].sort(compare).forEach((r, i) => {
    const row = routeRows.get(keyOf(r)).row;
    if (body.children[i] !== row) body.insertBefore(row, body.children[i] ?? null);
  });
  $("routes").parentNode.querySelector(".empty").hidden = routes.length > 0;
  $("routes").hidden = routes.length === 0;
  setText($("routes-count"), routes.length ? String(routes.filter((r) => r.pattern).length) : "");
}

function showOrder() {
  for (const th of $("routes").querySelectorAll("th")) {
    if (th.dataset.sort === order.by) th.setAttribute("aria-sort", order.down ? "descending" : "ascending");
    else th.removeAttribute("aria-sort");
  }
}

for (const th of $("routes").querySelectorAll("th")) {
  const button = element("button", th.textContent);
  button.type = "button";
  button.addEventListener("click", () => {
    order = { by: th.dataset.sort, down: order.by === th.dataset.sort ? !order.down : th.dataset.sort !== "name" };
    showOrder();
    showRoutes(lastRoutes, lastGeneration);
  });
  th.replaceChildren(button);
}
showOrder();

// --- crashes and events -----------------------------------------------------------------------------------------------

function fillList(id, items, total) {
  $(id).replaceChildren(...items);
  $(id).parentNode.querySelector(".empty").hidden = items.length > 0;
  setText($(`${id}-count`), total ? String(total) : "");
}

const today = () => new Date().toLocaleDateString("sv");

export function showCrashes(crashes) {
  fillList("crashes", crashes.map((c) => {
    const item = element("li"), what = element("div"), link = element("a", "report");
    const [day, hour] = c.when.split(/[ T]/), when = element("time", day === today() && hour ? hour : c.when);
    when.dateTime = c.when.replace(" ", "T");
    when.title = c.when;
    link.href = `crashes/${c.number}`;
    link.setAttribute("aria-label", `report ${c.number}: ${c.what}`);
    what.append(element("p", c.what), element("code", c.request), ...(c.place ? [element("code", c.place)] : []));
    item.dataset.crash = c.number;
    item.append(when, what, link);
    return item;
  }), crashes.length);
}

const KINDS = {
  died: ["✕", (e) => `Worker ${e.worker} ended`], crashed: ["✕", (e) => `Worker ${e.worker} crashed`],
  reloading: ["↻", (e) => `Generation ${e.generation} starts`], reloaded: ["✓", (e) => `Generation ${e.generation} serves`],
  "reload-failed": ["!", (e) => `Generation ${e.generation} failed, the running code stays`],
  upgraded: ["⇑", () => "The master has become the new program"],
};

export function showEvents(events) {
  fillList("events", [...events].reverse().map((e) => {
    const [glyph, say] = KINDS[e.kind] ?? ["·", () => e.kind];
    const item = element("li"), what = element("div"), sign = element("i", glyph), when = element("time", clock(e.at_ms));
    const more = [e.worker ? `pid ${e.pid}, generation ${e.generation}` : "", e.text].filter(Boolean).join(" · ");
    when.dateTime = new Date(e.at_ms).toISOString();
    sign.setAttribute("aria-hidden", "true");
    what.append(element("p", say(e)), ...(more ? [element("small", more)] : []));
    Object.assign(item.dataset, { event: e.number, kind: e.kind, worker: e.worker, generation: e.generation });
    item.append(when, sign, what);
    return item;
  }), events.length);
}

// What charts show as a line across.
export function marksOf(events) {
  return events.filter((e) => e.kind !== "reloading").map((e) => {
    const [glyph, say] = KINDS[e.kind] ?? ["·", () => e.kind];
    return { at: e.at_ms, glyph, bad: ["died", "crashed", "reload-failed"].includes(e.kind), text: say(e) };
  });
}
