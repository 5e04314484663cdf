// Small pictures: a curve over the last hour, a strip of slots, the phases of a task. Each says in words what it shows.
import { duration, el, svg } from "./page_dom.js";

const WIDTH = 300, HEIGHT = 60;

/** values: [{ time, value }], oldest first. */
export function chart(label, values, text) {
  const most = Math.max(1e-9, ...values.map((v) => v.value));
  const from = values.length ? values[0].time : 0, to = values.length ? values[values.length - 1].time : 1;
  const x = (t) => (to > from ? ((t - from) / (to - from)) * WIDTH : WIDTH).toFixed(1);
  const y = (v) => (HEIGHT - 2 - (v / most) * (HEIGHT - 6)).toFixed(1);
  const line = values.map((v) => `${x(v.time)},${y(v.value)}`).join(" ");
  const area = values.length ? `${x(from)},${HEIGHT} ${line} ${x(to)},${HEIGHT}` : "";
  const now = values.length ? values[values.length - 1].value : 0;
  const said = `${label}: now ${text(now)}, at most ${text(values.length ? most : 0)} in ${duration(Math.max(0, to - from))}`;
  return svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": said },
    svg("polygon", { class: "area", points: area }), svg("polyline", { class: "curve", points: line }));
}

/** One of eight colours, always the same for a name. */
export function colour(name) {
  let h = 0;
  for (const c of name) h = (h * 31 + c.codePointAt(0)) >>> 0;
  return `c${h % 8}`;
}

export function proverState(p) {
  if (!p.live) return "gone";
  if (p.quarantined_ms > 0) return "quarantined";
  return p.draining ? "draining" : "live";
}

function slotTitle(s) {
  return `${s.circuit}${s.started ? `, ${s.phase ?? "running"}, ${s.percent} %` : ", its input is on its way"}, for ${duration(s.since_ms)}`;
}

/** A box for each slot: busy by circuit, idle, failed, or not offered anything. */
export function strip(p) {
  const state = proverState(p), n = Math.max(Math.min(p.slots, 64), p.at.length), step = n > 16 ? 8 : 18;
  const boxes = [], words = [];
  for (let i = 0; i < n; i++) {
    const s = p.at[i];
    const kind = s ? colour(s.circuit) : state === "quarantined" ? "failed" : state === "live" ? "" : "off";
    boxes.push(svg("rect", { x: i * step + 0.5, y: 0.5, width: step - 2, height: 16, rx: 2, class: kind }, svg("title", null, s ? slotTitle(s) : state === "live" ? "idle" : state)));
    if (s) words.push(s.circuit);
  }
  const said = `${words.length} of ${p.slots} slots busy${words.length ? `: ${words.join(", ")}` : ""}${state === "live" ? "" : `; ${state}`}`;
  return svg("svg", { class: "strip", width: n * step + 1, height: 18, role: "img", "aria-label": said }, boxes);
}

export function legend(names) {
  return el("ul", { class: "legend", "aria-label": "Circuits by colour" }, names.map((name) =>
    el("li", null, svg("svg", { viewBox: "0 0 12 12", "aria-hidden": true }, svg("rect", { width: 12, height: 12, rx: 2, class: colour(name) })), name)));
}

/* The stretches of an attempt: on its way, then each phase until the next. Phases get colours in the order in which they come. */
function stretches(a, now, names) {
  const kind = (name) => {
    if (!names.has(name)) names.set(name, `c${names.size % 8}`);
    return names.get(name);
  };
  const end = a.ended ?? now, list = [];
  const start = a.started ?? end;
  if (a.offered !== null && start > a.offered) list.push({ name: "on its way", from: a.offered, to: start, kind: "wait" });
  a.phases.forEach((p, i) => list.push({ name: p.phase, from: p.time, to: a.phases[i + 1]?.time ?? end, kind: kind(p.phase) }));
  if (!a.phases.length && a.started !== null) list.push({ name: "running", from: start, to: end, kind: kind("running") });
  return list;
}

function key(rows, names) {
  const last = rows[rows.length - 1].list, box = (kind) => svg("svg", { viewBox: "0 0 12 12", "aria-hidden": true }, svg("rect", { width: 12, height: 12, rx: 2, class: kind }));
  const took = (name) => last.filter((s) => s.name === name).reduce((n, s) => n + s.to - s.from, 0);
  return el("ul", { class: "legend", "aria-label": "Phases of the last attempt" }, [...names].map(([name, kind]) => el("li", null, box(kind), `${name} ${duration(took(name))}`)));
}

/** Attempts one below the other, their phases side by side; and how long each phase of the last one took. */
export function gantt(attempts, now) {
  const names = new Map(), rows = attempts.map((a) => ({ a, list: stretches(a, now, names) }));
  const from = Math.min(...rows.flatMap((r) => r.list.map((s) => s.from))), to = Math.max(from + 1, ...rows.flatMap((r) => r.list.map((s) => s.to)));
  const left = 190, width = 900, high = 30, x = (t) => left + ((t - from) / (to - from)) * (width - left - 10);
  const lines = rows.flatMap(({ a, list }, i) => [
    svg("text", { x: 4, y: i * high + 19 }, `${a.attempt}  ${a.prover ?? ""}`.slice(0, 28)),
    svg("line", { class: "axis", x1: 0, x2: width, y1: (i + 1) * high, y2: (i + 1) * high }),
    ...list.map((s) => svg("rect", { class: s.kind, x: x(s.from).toFixed(1), y: i * high + 5, height: high - 11, rx: 2, width: Math.max(1.5, x(s.to) - x(s.from)).toFixed(1) },
      svg("title", null, `${s.name}: ${duration(s.to - s.from)}`))),
  ]);
  const said = rows.map(({ a, list }) => `attempt ${a.attempt}: ${list.map((s) => `${s.name} ${duration(s.to - s.from)}`).join(", ")}`).join("; ");
  const picture = svg("svg", { class: "gantt", viewBox: `0 0 ${width} ${rows.length * high + 22}`, role: "img", "aria-label": `Phases. ${said}` }, lines,
    svg("text", { x: left, y: rows.length * high + 17 }, "0"), svg("text", { x: width - 10, y: rows.length * high + 17, "text-anchor": "end" }, duration(to - from)));
  return el("div", null, el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Phases of each attempt" }, picture), key(rows, names));
}
