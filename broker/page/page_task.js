// One task: what it is, what happened to it, its attempts with their phases, and what may be done.
import { read } from "./page_api.js";
import { act, mayWrite } from "./page_acts.js";
import { gantt } from "./page_draw.js";
import { bytes, duration, el, moment, number, setText, Table } from "./page_dom.js";

const LIVE = ["receiving", "queued", "offered", "running", "delayed", "recovering"];

const FACTS = [
  ["State", (t) => (t.unservable ? `${t.state}: no live prover can do it` : t.state)],
  ["Queue", (t) => t.queue], ["Circuit", (t) => t.circuit], ["Client", (t) => `${t.client ?? ""} (${t.principal})`], ["Group", (t) => t.group],
  ["Priority", (t) => t.priority], ["Progress", (t) => (t.state === "running" ? `${t.percent} %${t.phase ? `, ${t.phase}` : ""}` : null)],
  ["Prover", (t) => t.prover], ["Attempts", (t) => `${t.attempts}: ${t.failures} failed, ${t.losses} lost`],
  ["Generation", (t) => t.generation], ["Created", (t) => moment(t.created)], ["Changed", (t) => moment(t.changed)],
  ["Input", (t) => bytes(t.length)], ["Result", (t) => (t.result_length ? bytes(t.result_length) : null)],
  ["Proof took", (t) => (t.measured_ms ? duration(t.measured_ms) : null)],
  ["Status", (t) => (t.status === "ok" ? null : t.status)],
];

const moveColumns = [
  { name: "Time", cell: (m) => moment(m.time) }, { name: "From", cell: (m) => m.from },
  { name: "To", same: (m) => m.to, cell: (m) => el("span", { class: `state-${m.to}` }, m.to) },
  { name: "Attempt", class: "mono", cell: (m) => m.attempt }, { name: "Prover", cell: (m) => m.prover },
  { name: "Status", cell: (m) => (m.status === "ok" ? "" : m.status) }, { name: "Charged", cell: (m) => m.charged },
];

const attemptColumns = [
  { name: "Attempt", class: "mono", cell: (a) => a.attempt }, { name: "Prover", cell: (a) => a.prover },
  { name: "Began", cell: (a) => moment(a.started ?? a.offered) },
  { name: "Took", class: "number", cell: (a) => (a.ended && a.started ? duration(a.ended - a.started) : "") },
  { name: "Then", cell: (a) => [a.outcome, a.status === "ok" ? null : a.status].filter(Boolean).join(", ") || "goes on" },
  { name: "Phases", class: "number", cell: (a) => number(a.phases.length) },
];

export class Task {
  constructor(rest, app) {
    const [id, query] = rest.split("?");
    const principal = new URLSearchParams(query).get("principal");
    this.app = app;
    this.id = id;
    this.title = `Task ${id}`;
    this.every = 2000;
    this.query = principal ? `?principal=${encodeURIComponent(principal)}` : "";
    this.facts = el("dl", { class: "facts" });
    this.text = el("pre", { tabindex: 0, "aria-label": "What was said of it" });
    this.failure = el("section", null, el("h2", null, "What was said of it"), this.text);
    this.acts = el("div", { class: "row" });
    this.picture = el("div");
    this.moves = new Table("Moves", moveColumns, (m) => m.event, true);
    this.attempts = new Table("Attempts", attemptColumns, (a) => a.attempt, true);
    this.node = el("div", null, this.acts, this.facts, this.failure, el("h2", null, "Phases"), this.picture, el("h2", null, "Attempts"), this.attempts.node, el("h2", null, "Story"), this.moves.node);
  }

  async refresh(signal) {
    const story = await read(`/v1/tasks/${encodeURIComponent(this.id)}${this.query}`, signal);
    const t = story.task;
    this.#facts(t);
    setText(this.text, t.text);
    this.failure.hidden = !t.text;
    this.moves.update(story.moves);
    this.attempts.update(story.attempts);
    const seen = story.attempts.filter((a) => a.offered !== null || a.started !== null);
    this.picture.replaceChildren(seen.length ? gantt(seen, Date.now()) : "No attempt that is still remembered.");
    this.#acts(t);
  }

  #facts(t) {
    const list = FACTS.map(([name, of]) => [name, of(t)]).filter(([, v]) => v !== null && v !== undefined && v !== "");
    const same = JSON.stringify(list);
    if (same === this.said) return;
    this.said = same;
    this.facts.replaceChildren(...list.flatMap(([name, value]) => [el("dt", null, name), el("dd", null, value)]));
  }

  #acts(t) {
    const live = LIVE.includes(t.state), same = `${t.state}${mayWrite()}`;
    if (same === this.acted) return;
    this.acted = same;
    const path = (verb) => `/v1/tasks/${t.task}/${verb}?principal=${encodeURIComponent(t.principal)}`;
    const kick = t.state === "delayed" || ["dead", "cancelled", "expired"].includes(t.state);
    this.acts.replaceChildren(...(mayWrite() ? [
      kick && el("button", { type: "button", onclick: () => act(this.app, path("kick")) }, "Try again now"),
      live && el("button", { type: "button", class: "danger", onclick: () => act(this.app, path("cancel"), "Cancel this task? Its prover is told to stop.") }, "Cancel…"),
    ].filter(Boolean) : []));
  }
}
