// The overview: figures of now, and curves over the last hour.
import { read } from "./page_api.js";
import { chart } from "./page_draw.js";
import { duration, el, moment, number, setText, Table } from "./page_dom.js";

/* Counters become rates: [{ time, value }] for each second between two samples. */
function rates(samples, counter, per = 1000) {
  const list = [];
  for (let i = 1; i < samples.length; i++) {
    const ms = samples[i].time - samples[i - 1].time, more = counter(samples[i]) - counter(samples[i - 1]);
    if (ms > 0) list.push({ time: samples[i].time, value: Math.max(0, more) * per / ms });
  }
  return list;
}

const levels = (samples, of) => samples.map((s) => ({ time: s.time, value: of(s) }));
const rate = (v) => (v >= 100 ? number(Math.round(v)) : v.toFixed(v >= 10 ? 1 : 2));

const CARDS = [
  { name: "Throughput", side: "tasks a second", values: (s) => rates(s, (x) => x.succeeded), text: rate },
  { name: "Waiting", side: "tasks", values: (s) => levels(s, (x) => x.waiting), text: number },
  { name: "Running", side: "tasks", values: (s) => levels(s, (x) => x.running), text: number },
  { name: "Failures", side: "attempts a minute, lost ones too", values: (s) => rates(s, (x) => x.failures + x.losses, 60000), text: rate },
  { name: "Oldest wait", side: "of a queued task", values: (s) => levels(s, (x) => x.oldest_queued_ms), text: duration },
  { name: "Slots busy", side: (n) => `of ${number(n.slots)} slots of ${number(n.provers)} provers`, values: (s) => levels(s, (x) => x.busy), text: number },
];

class Card {
  constructor(what) {
    this.what = what;
    this.figure = el("p", { class: "figure" });
    this.side = el("p", { class: "side" });
    this.picture = el("div");
    this.node = el("section", { class: "card" }, el("h2", null, what.name), this.figure, this.side, this.picture);
  }

  draw(samples, now) {
    const values = this.what.values(samples);
    setText(this.figure, this.what.text(values.length ? values[values.length - 1].value : 0));
    setText(this.side, typeof this.what.side === "string" ? this.what.side : this.what.side(now));
    this.picture.replaceChildren(chart(this.what.name, values, this.what.text));
  }
}

const EVENTS = 12;

const eventColumns = [
  { name: "Time", cell: (e) => moment(e.time) },
  { name: "What", cell: (e) => (e.kind === "task" ? `${e.from} → ${e.to}` : `${e.kind} ${e.what}`) },
  { name: "Task", class: "mono", same: (e) => e.task ?? "", cell: (e) => (e.task ? el("a", { href: `#task/${e.task}` }, e.task) : "") },
  { name: "Queue", cell: (e) => e.queue },
  { name: "Prover", cell: (e) => e.prover },
  { name: "Text", class: "text", cell: (e) => [e.status === "ok" ? null : e.status, e.text].filter(Boolean).join(": ") },
];

export class Overview {
  constructor() {
    this.title = "Overview";
    this.every = 60000;
    this.samples = [];
    this.events = [];
    this.notices = el("div");
    this.cards = CARDS.map((c) => new Card(c));
    this.facts = el("p", { class: "side" });
    this.table = new Table("The last events", eventColumns, (e) => e.event, true);
    this.node = el("div", null, this.notices, el("div", { class: "cards" }, this.cards.map((c) => c.node)), this.facts, el("h2", null, "Events"), this.table.node);
  }

  async refresh(signal) {
    const [all, events] = await Promise.all([read("/v1/overview", signal), read(`/v1/events?limit=${EVENTS}`, signal)]);
    this.samples = all.history;
    this.events = events.rows.reverse();
    this.now = all.now;
    this.draw();
  }

  heard(event, data) {
    if (event === "event") this.events = [data, ...this.events].slice(0, EVENTS);
    if (event === "overview") {
      this.now = data;
      this.dirty = true;
    }
  }

  /** Each second, with what came since. */
  draw() {
    if (!this.now) return;
    this.dirty = false;
    const samples = this.samples.length && this.samples[this.samples.length - 1].time === this.now.time ? this.samples : [...this.samples, this.now];
    for (const card of this.cards) card.draw(samples, this.now);
    setText(this.facts, `${number(this.now.tasks)} tasks kept, ${number(this.now.succeeded)} proved and ${number(this.now.dead)} dead since the start ${duration(this.now.uptime_ms)} ago; ${this.now.software}`);
    this.#notice();
    this.table.update(this.events);
  }

  #notice() {
    const said = [this.now.not_ready && ["No tasks are accepted: ", this.now.not_ready, "notice bad"], this.now.warnings && ["", this.now.warnings, "notice"]].filter(Boolean);
    const text = said.map((s) => s[0] + s[1]).join("\n");
    if (text === this.noticed) return;
    this.noticed = text;
    this.notices.replaceChildren(...said.map(([before, what, kind]) => el("p", { class: kind, role: "alert" }, before + what)));
  }
}
