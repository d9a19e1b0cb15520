// Charts in SVG: lines over time, and the bars of a distribution. Each can be asked about a moment (or a bar), by pointer
// and by keyboard; what it answers is the page's one tooltip.

const SPACE = "http://www.w3.org/2000/svg";
const LEFT = 50, RIGHT = 10, TOP = 14, BOTTOM = 22;

const tip = document.getElementById("tooltip");

function make(name, attributes = {}, text) {
  const node = document.createElementNS(SPACE, name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (text !== undefined) node.textContent = text;
  return node;
}

function showTip(x, y, title, rows) {
  const head = document.createElement("b");
  head.textContent = title;
  tip.replaceChildren(head, ...rows.map(([name, value]) => {
    const row = document.createElement("div"), left = document.createElement("span"), right = document.createElement("span");
    left.textContent = name;
    right.textContent = value;
    row.append(left, right);
    return row;
  }));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 16 + box.width > innerWidth ? x - 16 - box.width : x + 16;
  tip.style.left = `${Math.max(6, Math.min(left, innerWidth - box.width - 6))}px`;
  tip.style.top = `${Math.max(6, Math.min(y - box.height / 2, innerHeight - box.height - 6))}px`;
}

export function hideTip() {
  tip.hidden = true;
}

// Round steps that divide 0 to `most` into about four.
function steps(most) {
  const rough = most / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((n) => n * power >= rough) * power;
  const all = [];
  for (let at = 0; at <= most * 1.0001; at += step) all.push(at);
  return all;
}

function powers(low, high) {
  const all = [];
  for (let n = Math.ceil(Math.log10(low) - 1e-9); n <= Math.floor(Math.log10(high) + 1e-9); n++) all.push(10 ** n);
  return all.length > 5 ? all.filter((_, i) => i % 2 === 0) : all;
}

class Chart {
  constructor(id, name) {
    this.root = document.getElementById(id);
    this.name = name;
    this.svg = make("svg", { role: "img", tabindex: "0", "aria-label": name });
    this.root.append(this.svg);
    this.at = null; // index that is pointed at
    this.svg.addEventListener("pointermove", (e) => this.point(e));
    this.svg.addEventListener("pointerdown", (e) => this.point(e));
    this.svg.addEventListener("pointerleave", () => this.leave());
    this.svg.addEventListener("blur", () => this.leave());
    this.svg.addEventListener("keydown", (e) => this.key(e));
    new ResizeObserver(() => this.draw()).observe(this.root);
  }

  size() {
    const box = this.root.getBoundingClientRect();
    this.width = Math.max(box.width, 160);
    this.height = Math.max(box.height, 100);
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
  }

  point(e) {
    const box = this.svg.getBoundingClientRect();
    this.at = this.nearest(e.clientX - box.left);
    this.keyed = false;
    this.draw();
  }

  leave() {
    if (this.at === null) return;
    this.at = null;
    hideTip();
    this.draw();
  }

  key(e) {
    const last = this.length() - 1, from = this.at ?? last + 1;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, PageUp: from - 10, PageDown: from + 10, Home: 0, End: last }[e.key];
    if (e.key === "Escape") return this.leave();
    if (to === undefined || last < 0) return;
    e.preventDefault();
    this.at = Math.max(0, Math.min(last, to));
    this.keyed = true;
    this.draw();
  }

  tell(x, y, title, rows) {
    const box = this.svg.getBoundingClientRect();
    showTip(box.left + x * box.width / this.width, box.top + y * box.height / this.height, title, rows);
    this.svg.setAttribute("aria-label", `${this.name}. ${title}: ${rows.map((r) => r.join(" ")).join(", ")}`);
  }

  axis(parts, ticks, y, format) {
    for (const tick of ticks) {
      const at = Math.round(y(tick)) + 0.5;
      parts.push(make("line", { class: "grid", x1: LEFT, x2: this.width - RIGHT, y1: at, y2: at }));
      parts.push(make("text", { class: "axis", x: LEFT - 7, y: at + 3.5, "text-anchor": "end" }, format(tick)));
    }
  }

  nothing(parts, text) {
    parts.push(make("text", { class: "nothing", x: LEFT + (this.width - LEFT - RIGHT) / 2, y: this.height / 2 }, text));
  }
}

// Lines over time. Options: series [{name, of(point) -> number or null}], format(number) -> text, log, least (of the axis),
// clock(ms) -> text, more(point) -> rows of the tooltip besides the series.
export class Lines extends Chart {
  constructor(id, name, options) {
    super(id, name);
    Object.assign(this, options);
    this.points = [];
    this.marks = [];
    const key = this.root.parentNode.querySelector(".key");
    this.series.forEach((s, i) => {
      const item = document.createElement("li"), line = make("svg", { viewBox: "0 0 22 8", "aria-hidden": "true" });
      line.append(make("line", { class: `line s${s.look ?? i}`, x1: 1, x2: 21, y1: 4, y2: 4 }));
      item.append(line, s.name);
      key.append(item);
    });
  }

  // points: {at, ...} in order; from and to: ms, the span; marks: [{at, glyph, bad, text}]
  set(points, from, to, marks) {
    if (this.at !== null && this.points.length && points.length) { // stay with the moment, which moves to the left
      const moment = this.points[Math.min(this.at, this.points.length - 1)].at;
      const at = points.findIndex((p) => p.at >= moment);
      this.at = at < 0 ? points.length - 1 : at;
    } else if (!points.length) {
      this.at = null;
    }
    Object.assign(this, { points, from, to, marks });
    this.root.dataset.points = points.length;
    this.draw();
  }

  length() {
    return this.points.length;
  }

  x(at) {
    return LEFT + (at - this.from) / (this.to - this.from) * (this.width - LEFT - RIGHT);
  }

  nearest(x) {
    let best = null, distance = Infinity;
    this.points.forEach((p, i) => {
      const d = Math.abs(this.x(p.at) - x);
      if (d < distance) [best, distance] = [i, d];
    });
    return best;
  }

  scale() {
    let most = this.least, low = Infinity;
    for (const p of this.points) {
      for (const s of this.series) {
        const v = s.of(p);
        if (v === null) continue;
        if (v > most) most = v;
        if (v < low) low = v;
      }
    }
    const bottom = this.height - BOTTOM, room = bottom - TOP;
    if (!this.log) {
      most *= 1.08;
      return { ticks: steps(most), y: (v) => bottom - v / most * room };
    }
    low = Math.min(low, most / 100) / 1.4;
    const from = Math.log10(Math.max(low, 1)), to = Math.log10(most * 1.4);
    return { ticks: powers(10 ** from, 10 ** to), y: (v) => bottom - (Math.log10(Math.max(v, 1)) - from) / (to - from) * room };
  }

  times(parts) {
    const span = (this.to - this.from) / 1000, step = span > 120 ? 60 : span > 30 ? 15 : 5;
    for (let at = Math.ceil(this.from / 1000 / step) * step; at * 1000 <= this.to; at += step) {
      const x = this.x(at * 1000);
      if (x < LEFT + 14 || x > this.width - RIGHT - 18) continue;
      parts.push(make("text", { class: "axis", x, y: this.height - 5, "text-anchor": "middle" }, this.clock(at * 1000, step < 60)));
    }
  }

  markers(parts) {
    for (const m of this.marks) {
      if (m.at < this.from || m.at > this.to) continue;
      const x = Math.round(this.x(m.at)) + 0.5, look = m.bad ? " mark-bad" : "";
      parts.push(make("line", { class: `mark${look}`, x1: x, x2: x, y1: TOP, y2: this.height - BOTTOM }));
      parts.push(make("text", { class: `mark-glyph${look}`, x, y: TOP - 3 }, m.glyph));
    }
  }

  // A second without a point, or without a value, is a gap and not a line across.
  path(series, y) {
    let d = "", before = null, run = [];
    const runs = [];
    for (const p of this.points) {
      const v = series.of(p);
      if (v === null || (before !== null && p.at - before > 4500)) {
        if (run.length) runs.push(run);
        run = [];
      }
      before = p.at;
      if (v !== null) run.push([this.x(p.at), y(v)]);
    }
    if (run.length) runs.push(run);
    for (const r of runs) {
      d += `M${r.map(([x, at]) => `${x.toFixed(1)} ${at.toFixed(1)}`).join("L")}`;
      if (r.length === 1) d += "h.1";
    }
    const bottom = this.height - BOTTOM;
    const area = runs.map((r) => `M${r[0][0].toFixed(1)} ${bottom}L${r.map(([x, at]) => `${x.toFixed(1)} ${at.toFixed(1)}`).join("L")}L${r[r.length - 1][0].toFixed(1)} ${bottom}Z`).join("");
    return { d, area };
  }

  draw() {
    const parts = [];
    this.size();
    if (!this.from) return;
    const { ticks, y } = this.scale();
    this.axis(parts, ticks, y, this.format);
    this.times(parts);
    this.markers(parts);
    this.series.forEach((s, i) => {
      const { d, area } = this.path(s, y);
      if (i === 0 && !this.log) parts.push(make("path", { class: "area", d: area }));
      parts.push(make("path", { class: `line s${s.look ?? i}`, d }));
    });
    if (!this.points.length) this.nothing(parts, "no numbers of this time yet");
    this.moment(parts, y);
    this.svg.replaceChildren(...parts);
  }

  moment(parts, y) {
    const p = this.at === null ? null : this.points[this.at];
    if (!p) {
      const last = this.points[this.points.length - 1];
      this.svg.setAttribute("aria-label", last ? `${this.name}, now ${this.series.map((s) => `${s.name} ${this.format(s.of(last))}`).join(", ")}. Arrow keys: earlier moments.` : this.name);
      return;
    }
    const x = this.x(p.at);
    parts.push(make("line", { class: "hair", x1: x, x2: x, y1: TOP, y2: this.height - BOTTOM }));
    this.series.forEach((s, i) => {
      const v = s.of(p);
      if (v !== null) parts.push(make("circle", { class: `dot s${s.look ?? i}`, cx: x, cy: y(v), r: 4 }));
    });
    const marks = this.marks.filter((m) => Math.abs(m.at - p.at) <= 900).map((m) => [m.glyph, m.text]);
    this.tell(x, this.height / 2, this.clock(p.at), [...this.series.map((s) => [s.name, this.format(s.of(p))]), ...(this.more ? this.more(p) : []), ...marks]);
  }
}

// A distribution: a bar for each octave. Options: format(us), octave(i).
export class Bars extends Chart {
  constructor(id, name, options) {
    super(id, name);
    Object.assign(this, options);
    this.bars = [];
  }

  // counts of octaves; quantiles: [{name, at (us)}]
  set(counts, quantiles) {
    let first = counts.findIndex((n) => n > 0), last = counts.length - 1;
    while (last > 0 && !counts[last]) last--;
    first = first < 0 ? 0 : first;
    while (last - first < 7) { // a few bars beside, so that one alone is no wall
      if (last < 21) last++;
      if (first > 0 && last - first < 7) first--;
    }
    this.all = counts.reduce((a, b) => a + b, 0);
    this.first = first;
    this.bars = Array.from({ length: last - first + 1 }, (_, i) => counts[first + i] || 0);
    this.quantiles = quantiles;
    if (this.at !== null) this.at = Math.min(this.at, this.bars.length - 1);
    this.root.dataset.points = this.all;
    this.draw();
  }

  length() {
    return this.all ? this.bars.length : 0;
  }

  slot() {
    return (this.width - LEFT - RIGHT) / this.bars.length;
  }

  nearest(x) {
    return this.all ? Math.max(0, Math.min(this.bars.length - 1, Math.floor((x - LEFT) / this.slot()))) : null;
  }

  range(i) {
    const octave = this.first + i;
    return octave ? `${this.format(this.octave(octave - 1))} to ${this.format(this.octave(octave))}` : `below ${this.format(this.octave(0))}`;
  }

  // Where a latency is on the axis: within its octave as far as the logarithm goes.
  x(us) {
    const octave = us < this.octave(0) ? us / this.octave(0) : 1 + Math.log2(us / this.octave(0));
    return LEFT + (octave - this.first) * this.slot();
  }

  draw() {
    const parts = [];
    this.size();
    if (!this.bars.length) return;
    const most = Math.max(...this.bars.map((n) => n / (this.all || 1)), 0.05) * 1.08;
    const bottom = this.height - BOTTOM, room = bottom - TOP, slot = this.slot();
    const y = (share) => bottom - share / most * room;
    this.axis(parts, steps(most), y, (share) => `${Math.round(share * 100)}\u202f%`);
    this.bars.forEach((n, i) => {
      const top = y(n / (this.all || 1));
      if (n) parts.push(make("rect", { class: i === this.at ? "bar on" : "bar", x: LEFT + i * slot + 1.5, y: Math.min(top, bottom - 1.5), width: Math.max(slot - 3, 1), height: Math.max(bottom - top, 1.5), rx: 2 }));
      if (i % Math.ceil(58 / slot) === 0 && LEFT + (i + 1) * slot < this.width - 26)
        parts.push(make("text", { class: "axis", x: LEFT + (i + 1) * slot, y: this.height - 5, "text-anchor": "middle" }, this.format(this.octave(this.first + i))));
    });
    if (!this.all) this.nothing(parts, "no requests in this time");
    let free = -Infinity;
    for (const q of this.all ? this.quantiles : []) {
      const x = Math.min(this.x(q.at), this.width - RIGHT), low = x < free;
      free = x + 30;
      parts.push(make("line", { class: "quantile", x1: x, x2: x, y1: TOP + (low ? 8 : -4), y2: bottom }));
      parts.push(make("text", { class: "quantile-name", x: x > this.width - 40 ? x - 4 : x + 4, y: TOP + (low ? 16 : 4), "text-anchor": x > this.width - 40 ? "end" : "start" }, q.name));
    }
    if (this.at !== null && this.all) {
      const n = this.bars[this.at];
      const up = this.bars.slice(0, this.at + 1).reduce((a, b) => a + b, 0);
      this.tell(LEFT + (this.at + 0.5) * slot, this.height / 2, this.range(this.at), [["requests", n.toLocaleString()], ["share", `${(n / this.all * 100).toFixed(1)}\u202f%`], ["this quick or quicker", `${(up / this.all * 100).toFixed(1)}\u202f%`]]);
    } else {
      this.svg.setAttribute("aria-label", `${this.name} of ${this.all.toLocaleString()} requests. Arrow keys: its bars.`);
    }
    this.svg.replaceChildren(...parts);
  }
}
