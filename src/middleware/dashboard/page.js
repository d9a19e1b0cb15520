// The dashboard: a stream of events comes in, numbers, charts and tables go out. Whatever it says is put into the page as
// text, never as markup. See page.html for the names that others rely on.

import { Lines, Bars, hideTip } from "./charts.js";
import { NONE, age, bytes, clock, count, octave, percent, plain, quantile, rate, time } from "./format.js";
import { showCrashes, showEvents, showRoutes, showWorkers, marksOf } from "./lists.js";

const KEPT = 310; // points
const body = document.body;
const $ = (id) => document.getElementById(id);

const state = {
  points: new Map(), // by their second
  earlier: [],       // what workers and routes had counted of late: {at, workers: Map, routes: Map}
  events: [],
  span: 300,
  paused: false,
  now: null,
};

// A point as the server writes it: a list, in this order.
function pointOf([second, at, span, requests, errors4, errors5, bytesIn, bytesOut, messagesIn, messagesOut, p50, p99, connections, flight, workers, lag, octaves]) {
  const per = (n) => n / (span / 1e6);
  return {
    second, at, requests, errors: errors4 + errors5, octaves, connections, flight, workers, lag,
    rate: per(requests), rate4: per(errors4), rate5: per(errors5), bytesIn: per(bytesIn), bytesOut: per(bytesOut),
    received: per(messagesIn), sent: per(messagesOut), p50: requests ? p50 : null, p99: requests ? p99 : null,
  };
}

const rated = (n) => n === null ? "–" : plain(rate(n));
const timed = (us) => us === null ? "–" : plain(time(us));

const charts = {
  requests: new Lines("chart-requests", "Requests per second", {
    series: [{ name: "all", of: (p) => p.rate }, { name: "4xx", of: (p) => p.rate4 }, { name: "5xx", of: (p) => p.rate5 }],
    format: rated, clock, least: 5, more: (p) => [["in flight", String(p.flight)], ["connections", String(p.connections)], ["workers", String(p.workers)]],
  }),
  latency: new Lines("chart-latency", "Latency", {
    series: [{ name: "p50", of: (p) => p.p50 }, { name: "p99", of: (p) => p.p99 }],
    format: timed, clock, least: 1000, log: true, more: (p) => [["requests", rated(p.rate)], ["longest tick", timed(p.lag)]],
  }),
  messages: new Lines("chart-messages", "Messages per second", {
    series: [{ name: "delivered to workers", of: (p) => p.received }, { name: "sent by workers", of: (p) => p.sent }],
    format: rated, clock, least: 5,
  }),
  spread: new Bars("chart-spread", "Latency distribution", { format: timed, octave }),
};

// --- what the tables compare with -------------------------------------------------------------------------------------

function remember(now) {
  const at = now.at_ms;
  state.earlier.push({ at, workers: new Map(now.workers.map((w) => [w.id, w])), routes: new Map(now.routes.map((r) => [`${r.method} ${r.pattern}`, r])) });
  while (state.earlier.length > 1 && at - state.earlier[0].at > 11500) state.earlier.shift();
}

// The look `ms` ago, or the oldest of late; null for the first.
function lookBefore(ms) {
  const newest = state.earlier.length - 1;
  if (newest < 1) return null;
  const moment = state.earlier[newest].at - ms;
  for (let i = newest - 1; i >= 0; i--) if (state.earlier[i].at <= moment + 300) return state.earlier[i];
  return state.earlier[0];
}

// Rates of the last two seconds, percentiles of the last ten.
function measure(now) {
  const short = lookBefore(2000), long = lookBefore(10000);
  const passed = short ? (now.at_ms - short.at) * 1000 : 0;
  for (const w of now.workers) {
    const s = short?.workers.get(w.id), l = long?.workers.get(w.id);
    const since = s ? passed : w.uptime_us;
    w.rate = since > 0 ? (w.requests - (s?.requests ?? 0)) / (since / 1e6) : 0;
    w.busy = since > 0 ? Math.max(0, Math.min(1, (w.cpu_us - (s?.cpu_us ?? 0)) / since)) : 0;
    const octaves = w.latency.map((n, i) => n - (l?.latency[i] ?? 0));
    w.p50 = quantile(octaves, 0.5);
    w.p99 = quantile(octaves, 0.99);
  }
  const all = now.routes.reduce((sum, r) => sum + r.sum_us, 0);
  for (const r of now.routes) {
    const s = short?.routes.get(`${r.method} ${r.pattern}`);
    r.rate = passed > 0 ? (r.requests - (s?.requests ?? 0)) / (passed / 1e6) : 0;
    r.mean = r.requests ? r.sum_us / r.requests : null;
    r.share = all ? r.sum_us / all : 0;
  }
}

// --- drawing ----------------------------------------------------------------------------------------------------------

function tile(id, [digits, unit], small, raw, alarm = false) {
  const node = $(`tile-${id}`), value = node.querySelector("b"), behind = document.createElement("span");
  behind.className = "u";
  behind.textContent = unit;
  value.replaceChildren(digits, ...(unit ? [behind] : []));
  node.querySelector("small").textContent = small;
  node.dataset.value = raw ?? "";
  node.classList.toggle("alarm", alarm);
}

// Of the last few points, so that a number can be read before it changes.
function recent(points) {
  const last = points.slice(-3), requests = last.reduce((sum, p) => sum + p.requests, 0);
  const mean = (of) => last.length ? last.reduce((sum, p) => sum + of(p), 0) / last.length : 0;
  const octaves = last.reduce((sum, p) => { p.octaves.forEach((n, i) => { sum[i] = (sum[i] ?? 0) + n; }); return sum; }, []);
  const worst = (of) => last.reduce((most, p) => of(p) === null ? most : Math.max(most ?? 0, of(p)), null);
  return { requests, mean, octaves, p50: last.length && requests ? last[last.length - 1].p50 ?? quantile(octaves, 0.5) : null, p99: worst((p) => p.p99) };
}

function drawTiles(now, points) {
  const of = recent(points), ready = now.workers.filter((w) => w.state === "ready");
  const errors = of.mean((p) => p.rate4 + p.rate5), bad = of.mean((p) => p.rate5), all = of.mean((p) => p.rate);
  const flight = now.workers.reduce((n, w) => n + w.in_flight, 0), connections = now.workers.reduce((n, w) => n + w.connections, 0);
  const busy = ready.length ? ready.reduce((n, w) => n + w.busy, 0) / ready.length : 0, most = Math.max(0, ...ready.map((w) => w.busy));
  const memory = now.workers.reduce((n, w) => n + w.memory, 0), served = now.total;
  tile("requests", rate(all), `${plain(count(served.requests))} in all`, all.toFixed(3));
  tile("p50", time(of.p50), "half are quicker", of.p50);
  tile("p99", time(of.p99), "one in 100 is slower", of.p99);
  tile("errors", all ? percent(errors / all) : ["0", "%"], bad > 0 ? `${rated(bad)} of 5xx` : errors > 0 ? `${rated(errors)}, no 5xx` : `${plain(count(served.status[4]))} times 5xx in all`, errors.toFixed(3), bad > 0);
  tile("flight", [String(flight), ""], `${connections.toLocaleString()} connection${connections === 1 ? "" : "s"}`, flight);
  tile("busy", percent(busy), ready.length > 1 ? `busiest ${plain(percent(most))}` : "of one CPU", busy.toFixed(4), busy > 0.95);
  tile("messages", rate(of.mean((p) => p.received)), `${rated(of.mean((p) => p.sent))} sent`, of.mean((p) => p.received).toFixed(3));
  tile("memory", bytes(memory), `sending ${plain(bytes(of.mean((p) => p.bytesOut)))}/s`, memory);
}

function drawCharts(points, to) {
  const from = to - state.span * 1000, shown = points.filter((p) => p.at >= from), marks = marksOf(state.events);
  for (const name of ["requests", "latency", "messages"]) charts[name].set(shown, from, to, marks);
  const octaves = shown.reduce((sum, p) => { p.octaves.forEach((n, i) => { sum[i] += n; }); return sum; }, Array(22).fill(0));
  charts.spread.set(octaves, [["p50", 0.5], ["p99", 0.99]].map(([name, q]) => ({ name, at: quantile(octaves, q) })).filter((q) => q.at !== null));
}

// While code is changed: how far it has come.
function drawRoll(now) {
  const live = now.workers.filter((w) => w.state !== "gone"), newest = Math.max(0, ...live.map((w) => w.generation));
  const ready = live.filter((w) => w.state === "ready"), served = Math.max(0, ...ready.map((w) => w.generation));
  const older = live.filter((w) => w.generation < newest).length;
  $("roll").hidden = older === 0;
  $("roll").textContent = `Generation ${newest} is taking over: ${ready.filter((w) => w.generation === newest).length} of its workers serve, ${older} of earlier generations ${older === 1 ? "is" : "are"} still there.`;
  body.dataset.generation = served;
  return served;
}

function draw() {
  const now = state.now;
  if (!now || document.hidden) return;
  const points = [...state.points.values()].sort((a, b) => a.second - b.second), p = now.program;
  const generation = drawRoll(now), ready = now.workers.filter((w) => w.state === "ready").length;
  $("name").textContent = p.name || "Shallot";
  document.title = `${p.name || "Shallot"} · ${rated(points.at(-1)?.rate ?? 0)}`;
  $("about").textContent = `${ready} of ${now.workers.length} workers ready, generation ${generation} · up ${age(p.uptime_us)} · ${p.restarts} restart${p.restarts === 1 ? "" : "s"} · master ${p.pid} · Shallot ${p.version}`;
  drawTiles(now, points);
  drawCharts(points, now.at_ms);
  showWorkers(now.workers, now.at_ms, p.worker);
  showRoutes(now.routes, generation);
}

// --- the stream -------------------------------------------------------------------------------------------------------

let source = null, heard = 0;

function setLive(live, text) {
  if (body.dataset.live !== live) body.dataset.live = live;
  const label = $("live").lastElementChild;
  if (label.textContent !== text) label.textContent = text;
}

function takePoints(list) {
  for (const one of list) state.points.set(one[0], pointOf(one));
  const newest = Math.max(...state.points.keys());
  for (const second of state.points.keys()) if (second < newest - KEPT) state.points.delete(second);
}

function take(name, use) {
  source.addEventListener(name, (e) => {
    heard = performance.now();
    use(JSON.parse(e.data));
    setLive("live", state.paused ? "paused" : "live");
  });
}

function connect() {
  source = new EventSource("events");
  take("past", (past) => takePoints(past.points));
  take("now", (now) => {
    if (state.now && state.now.program.pid !== now.program.pid) { // another master: it counts from the beginning
      state.earlier = [];
      state.points.clear();
    }
    takePoints(now.points);
    remember(now);
    measure(now);
    body.dataset.worker = now.program.worker;
    if (state.paused) return;
    state.now = now;
    draw();
  });
  take("events", (events) => {
    state.events = events;
    showEvents(events);
  });
  take("crashes", (crashes) => showCrashes(crashes));
  source.onerror = () => {
    setLive("lost", "reconnecting");
    if (source.readyState === EventSource.CLOSED) { // refused: the browser does not come back by itself
      source.close();
      setTimeout(connect, 2000);
    }
  };
}

setInterval(() => {
  if (heard && body.dataset.live === "live" && performance.now() - heard > 3500) setLive("lost", "no news");
}, 500);

// --- hands ------------------------------------------------------------------------------------------------------------

function pause(on) {
  state.paused = on;
  $("pause").setAttribute("aria-pressed", String(on));
  $("pause").textContent = on ? "Go on" : "Pause";
  setLive(body.dataset.live, on ? "paused" : body.dataset.live);
}

$("pause").addEventListener("click", () => pause(!state.paused));
document.addEventListener("keydown", (e) => {
  if (e.key === "p" && !e.ctrlKey && !e.metaKey && !e.altKey) pause(!state.paused);
  if (e.key === "Escape") hideTip();
});
for (const radio of document.querySelectorAll("input[name=span]")) {
  if (radio.checked) state.span = Number(radio.value);
  radio.addEventListener("change", () => {
    state.span = Number(radio.value);
    draw();
  });
}
document.addEventListener("visibilitychange", draw);
connect();
