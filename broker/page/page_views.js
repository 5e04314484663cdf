// Queues, provers, tasks and dead letters: tables that are brought up to date in place, page by page.
import { read } from "./page_api.js";
import { act, mayWrite, purge } from "./page_acts.js";
import { legend, proverState, strip } from "./page_draw.js";
import { bytes, duration, el, moment, number, setText, Table } from "./page_dom.js";

const count = (name, of, title = name) => ({ name: title, class: "number", cell: (r) => number(of ? of(r) : r[name]) });

/* ---- queues ---- */

function queueActs(q, app) {
  const verb = q.paused ? "resume" : "pause";
  return el("span", null,
    el("button", { type: "button", "aria-label": `${verb} ${q.queue}`, onclick: () => act(app, `/v1/queues/${q.queue}/${verb}`) }, q.paused ? "Resume" : "Pause"), " ",
    el("button", { type: "button", class: "danger", "aria-label": `purge ${q.queue}`, onclick: () => purge(app, q.queue) }, "Purge…"));
}

export class Queues {
  constructor(rest, app) {
    this.title = "Queues";
    this.every = 2000;
    this.table = new Table("All queues", [
      { name: "Queue", same: (q) => q.queue, cell: (q) => el("a", { href: `#tasks?queue=${q.queue}` }, q.queue) },
      { name: "State", same: (q) => (q.paused ? "paused" : "open"), cell: (q) => el("span", { class: q.paused ? "state-paused" : "state-live" }, q.paused ? "paused" : "open") },
      count("queued", null, "Queued"), count("delayed", null, "Delayed"), count("running", (q) => q.running + q.offered + q.recovering, "Out"),
      count("succeeded", null, "Succeeded"), count("dead", null, "Dead"), count("unservable", null, "Unservable"),
      { name: "Oldest wait", class: "number", cell: (q) => (q.oldest_queued_ms ? duration(q.oldest_queued_ms) : "") },
      { name: "A proof takes", class: "number", cell: (q) => (q.average_ms ? duration(q.average_ms) : "") },
      { name: "Provers", class: "number", cell: (q) => `${q.serving} of ${q.provers}` }, count("slots", null, "Slots"),
      { name: "Waiting bytes", class: "number", cell: (q) => bytes(q.queued_bytes) },
      { name: "Do", same: (q) => `${q.paused}${mayWrite()}`, cell: (q) => (mayWrite() ? queueActs(q, app) : "") },
    ], (q) => q.queue);
    this.node = this.table.node;
  }

  async refresh(signal) {
    this.table.update((await read("/v1/queues", signal)).rows);
  }
}

/* ---- pages of a table ---- */

/** Buttons to turn pages; go(after) is called with null for the first. */
class Pages {
  constructor(go) {
    this.before = [];
    this.at = this.next = null;
    this.first = el("button", { type: "button", onclick: () => this.#to(null, []) }, "First");
    this.back = el("button", { type: "button", onclick: () => this.#to(this.before[this.before.length - 1], this.before.slice(0, -1)) }, "Back");
    this.on = el("button", { type: "button", onclick: () => this.#to(this.next, [...this.before, this.at]) }, "Next");
    this.place = el("span", { class: "side" });
    this.go = go;
    this.node = el("div", { class: "row", role: "group", "aria-label": "Pages" }, this.first, this.back, this.on, this.place);
  }

  #to(at, before) {
    this.at = at;
    this.before = before;
    this.go();
  }

  get query() {
    return this.at === null ? "" : `&after=${this.at}`;
  }

  told(next) {
    this.next = next;
    this.first.disabled = this.back.disabled = !this.before.length;
    this.on.disabled = next === null;
    setText(this.place, `Page ${this.before.length + 1}`);
  }
}

/* ---- provers ---- */

function proverActs(p, app) {
  const verb = p.draining ? "resume" : "drain";
  const path = `/v1/provers/${p.prover}/${verb}?principal=${encodeURIComponent(p.principal)}`;
  return el("button", { type: "button", "aria-label": `${verb} ${p.prover}`, onclick: () => act(app, path) }, p.draining ? "Resume" : "Drain");
}

const slotsSame = (p) => `${proverState(p)} ${p.slots} ${p.at.map((s) => `${s.circuit} ${s.phase} ${s.percent} ${Math.round(s.since_ms / 5000)}`).join()}`;

export class Provers {
  constructor(rest, app) {
    this.title = "Provers";
    this.every = 2000;
    this.pages = new Pages(() => app.refresh());
    this.legend = el("div");
    this.table = new Table("Provers, a box for each slot", [
      { name: "Prover", cell: (p) => p.prover },
      { name: "State", same: proverState, cell: (p) => el("span", { class: `state-${proverState(p)}` }, proverState(p)) },
      { name: "Slots", same: slotsSame, cell: strip },
      { name: "Busy", class: "number", cell: (p) => `${p.running} of ${p.slots}` },
      count("done", null, "Done"), count("failed", null, "Failed"), count("lost", null, "Lost"),
      { name: "Busy for", class: "number", cell: (p) => duration(p.busy_ms) },
      { name: "Heard", class: "number", cell: (p) => (p.heard_ms < 5000 ? "now" : `${duration(p.heard_ms)} ago`) },
      { name: "GPU", class: "text", cell: (p) => [p.gpu_unused && `unused: ${p.gpu_unused}`, p.gpu_wrong_proofs && `${p.gpu_wrong_proofs} wrong proofs`, p.gpu_ended && `${p.gpu_ended} processes ended`].filter(Boolean).join("; ") },
      { name: "Software", cell: (p) => p.software }, { name: "Principal", cell: (p) => p.principal },
      { name: "Do", same: (p) => `${p.draining}${mayWrite()}`, cell: (p) => (mayWrite() ? proverActs(p, app) : "") },
    ], (p) => `${p.principal}/${p.prover}`);
    this.node = el("div", null, this.legend, this.pages.node, this.table.node);
  }

  async refresh(signal) {
    const page = await read(`/v1/provers?limit=100${this.pages.query}`, signal);
    this.table.update(page.rows);
    this.pages.told(page.next);
    const circuits = [...new Set(page.rows.flatMap((p) => p.at.map((s) => s.circuit)))].sort().slice(0, 24);
    if (circuits.join() === this.circuits) return;
    this.circuits = circuits.join();
    this.legend.replaceChildren(circuits.length ? legend(circuits) : "");
  }
}

/* ---- tasks ---- */

const STATES = ["receiving", "queued", "offered", "running", "delayed", "recovering", "succeeded", "dead", "cancelled", "expired"];

const taskColumns = [
  { name: "Task", class: "mono", same: (t) => t.task, cell: (t) => el("a", { href: `#task/${t.task}?principal=${encodeURIComponent(t.principal)}` }, t.task) },
  { name: "State", same: (t) => t.state + t.unservable, cell: (t) => el("span", { class: `state-${t.state}` }, t.unservable ? `${t.state}, unservable` : t.state) },
  { name: "Queue", cell: (t) => t.queue },
  { name: "Circuit", cell: (t) => t.circuit },
  { name: "Progress", cell: (t) => (t.phase && t.state === "running" ? `${t.percent} % ${t.phase}` : "") },
  { name: "Prover", cell: (t) => t.prover },
  { name: "Tries", class: "number", cell: (t) => t.attempts },
  { name: "Client", cell: (t) => t.client },
  { name: "Created", cell: (t) => moment(t.created) },
  { name: "Text", class: "text", cell: (t) => t.text ?? (t.status === "ok" ? "" : t.status) },
];

export class Tasks {
  constructor(rest, app) {
    const asked = new URLSearchParams(rest);
    this.title = "Tasks";
    this.every = 2000;
    this.queue = asked.get("queue") ?? "";
    this.state = asked.get("state") ?? "";
    this.pages = new Pages(() => app.refresh());
    this.table = new Table("Tasks, the newest first", taskColumns, (t) => `${t.principal}/${t.task}`);
    this.node = el("div", null, this.#filters(), this.pages.node, this.table.node);
  }

  #filters() {
    const queue = el("input", { value: this.queue, maxlength: 64, spellcheck: "false", onchange: (e) => this.#filter("queue", e.target.value.trim()) });
    const state = el("select", { onchange: (e) => this.#filter("state", e.target.value) },
      ["", ...STATES].map((s) => el("option", { value: s, selected: s === this.state }, s || "any")));
    return el("div", { class: "row" }, el("label", null, "Queue", queue), el("label", null, "State", state));
  }

  #filter(name, value) {
    this[name] = value;
    const q = new URLSearchParams(Object.entries({ queue: this.queue, state: this.state }).filter(([, v]) => v));
    location.hash = `tasks?${q}`;
  }

  async refresh(signal) {
    const filters = (this.queue && `&queue=${encodeURIComponent(this.queue)}`) + (this.state && `&state=${this.state}`);
    const page = await read(`/v1/tasks?limit=50${filters}${this.pages.query}`, signal);
    this.table.update(page.rows);
    this.pages.told(page.next);
  }
}

/* ---- dead letters ---- */

export class Dead {
  constructor(rest, app) {
    this.title = "Dead letters";
    this.every = 5000;
    this.pages = new Pages(() => app.refresh());
    this.empty = el("p", null, "No task is dead.");
    this.table = new Table("Tasks that used up their attempts or cannot be proved", [
      ...taskColumns.filter((c) => !["State", "Progress"].includes(c.name)),
      { name: "Do", same: () => mayWrite(), cell: (t) => (mayWrite() ? el("button", { type: "button", "aria-label": `try ${t.task} again`,
        onclick: () => act(app, `/v1/tasks/${t.task}/kick?principal=${encodeURIComponent(t.principal)}`) }, "Try again") : "") },
    ], (t) => `${t.principal}/${t.task}`);
    this.node = el("div", null, this.empty, this.pages.node, this.table.node);
  }

  async refresh(signal) {
    const page = await read(`/v1/tasks?state=dead&limit=50${this.pages.query}`, signal);
    this.empty.hidden = page.rows.length > 0;
    this.table.node.hidden = !page.rows.length;
    this.table.update(page.rows);
    this.pages.told(page.next);
  }
}

