// The page: which view is shown, when it is brought up to date, and what the broker says meanwhile.
import { Stream } from "./page_api.js";
import { askToken, lookAccess } from "./page_acts.js";
import { el, setText } from "./page_dom.js";
import { Overview } from "./page_overview.js";
import { Task } from "./page_task.js";
import { Dead, Provers, Queues, Tasks } from "./page_views.js";

const VIEWS = { overview: Overview, queues: Queues, provers: Provers, tasks: Tasks, dead: Dead, task: Task };
const ID = /^[0-9a-f]{32}$/i;

class App {
  constructor() {
    this.main = document.getElementById("main");
    this.state = document.getElementById("state");
    this.problem = el("p", { class: "notice bad", role: "alert", hidden: true });
    this.heading = el("h1");
    addEventListener("hashchange", () => this.show(true));
    document.getElementById("token").addEventListener("click", () => askToken(this));
    document.getElementById("search").addEventListener("submit", (e) => this.#find(e));
    document.addEventListener("visibilitychange", () => this.refresh());
    this.#themes();
    this.show(false);
    this.stream = new Stream((event, data) => this.#heard(event, data), (text, bad) => this.#live(text, bad));
    lookAccess().then(() => this.refresh(), () => {});
    setInterval(() => this.#second(), 1000);
  }

  /** What is asked for in the address. moved: by who reads, so the focus goes along. */
  show(moved) {
    const [, name, rest] = location.hash.match(/^#([a-z]*)[/?]?(.*)$/) ?? [null, "overview", ""];
    const View = VIEWS[name] ?? Overview;
    this.view = new View(rest ?? "", this);
    document.title = `${this.view.title} · Provost`;
    setText(this.heading, this.view.title);
    this.main.replaceChildren(this.heading, this.problem, this.view.node);
    for (const a of document.querySelectorAll("nav a")) {
      if (a.hash === `#${name || "overview"}` || (name === "task" && a.hash === "#tasks")) a.setAttribute("aria-current", "page");
      else a.removeAttribute("aria-current");
    }
    if (moved) this.main.focus();
    this.refresh();
  }

  async refresh() {
    this.due = Date.now() + this.view.every;
    this.abort?.abort();
    const signal = (this.abort = new AbortController()).signal;
    try {
      await this.view.refresh(signal);
      this.problem.hidden = true;
    } catch (e) {
      if (signal.aborted) return;
      setText(this.problem, e instanceof TypeError ? "The broker does not answer." : e.message);
      this.problem.hidden = false;
    }
  }

  /** After another token. */
  again() {
    this.stream.again();
    this.refresh();
  }

  say(text, bad) {
    setText(this.state, text);
    this.state.className = bad ? "bad" : "";
    clearTimeout(this.saying);
    this.saying = setTimeout(() => {
      this.saying = null;
      this.#live(...this.connection);
    }, 4000);
  }

  /* Not over what was said just now. */
  #live(text, bad) {
    this.connection = [text, bad];
    if (this.saying) return;
    setText(this.state, text);
    this.state.className = bad ? "bad" : "";
  }

  #heard(event, data) {
    this.view.heard?.(event, data);
  }

  #second() {
    if (document.hidden) return;
    if (this.view.dirty) requestAnimationFrame(() => this.view.draw?.());
    if (Date.now() >= this.due) this.refresh();
  }

  #find(e) {
    e.preventDefault();
    const id = e.target.find.value.trim().toLowerCase();
    if (ID.test(id)) location.hash = `task/${id}`;
    else this.say("The id of a task is 32 hex digits", true);
  }

  #themes() {
    const themes = [["as the system", null], ["light", "light"], ["dark", "dark"]];
    let at = 0;
    document.getElementById("theme").addEventListener("click", (e) => {
      at = (at + 1) % themes.length;
      const [name, value] = themes[at];
      setText(e.target, `Theme: ${name}`);
      if (value) document.documentElement.dataset.theme = value;
      else delete document.documentElement.dataset.theme;
    });
  }
}

new App();
