// What changes something: each asks the broker with the token for writes, and says what came of it.
import { hasToken, read, Refused, setToken, write } from "./page_api.js";
import { el } from "./page_dom.js";

let access = { writes: false, may_write: false };

export const mayWrite = () => access.may_write;

export async function lookAccess() {
  access = await read("/v1/access");
  return access;
}

const dialog = document.getElementById("ask");

/* The dialog's answer: true when the last button was pressed. */
function asks(title, children, yes, danger) {
  return new Promise((done) => {
    const close = (answer) => {
      dialog.close();
      done(answer);
    };
    dialog.replaceChildren(el("form", { onsubmit: (e) => { e.preventDefault(); close(true); } }, el("h2", { id: "ask-title" }, title), children,
      el("div", { class: "row" }, el("button", { type: "button", onclick: () => close(false) }, "Leave it"), el("button", { type: "submit", class: danger ? "danger" : null }, yes))));
    dialog.oncancel = () => done(false);
    dialog.showModal();
  });
}

/** POSTs, after a question if there is one. */
export async function act(app, path, question) {
  if (question && !(await asks("Are you sure?", [el("p", null, question)], "Yes, do it", true))) return null;
  try {
    const done = await write(path);
    app.say(`Done: ${done.verb} ${done.task ?? done.queue ?? done.prover}`, false);
    return done;
  } catch (e) {
    app.say(e.message, true);
    return null;
  } finally {
    app.refresh();
  }
}

/** Counts first what a purge would take. */
export async function purge(app, queue) {
  try {
    const dry = await write(`/v1/queues/${queue}/purge?dry=yes`);
    const all = Object.entries(dry.counts).filter(([, n]) => n);
    const list = all.length ? all.map(([state, n]) => el("li", null, `${n} ${state}`)) : [el("li", null, "nothing")];
    const what = [el("p", null, `Purging ${queue} cancels what is live, leased tasks included, and removes what is over:`), el("ul", null, list)];
    if (await asks(`Purge ${queue}?`, what, "Purge", true)) await act(app, `/v1/queues/${queue}/purge`);
  } catch (e) {
    app.say(e.message, true);
  }
}

/** The token stays in memory: a page that is loaded again asks for it again. */
export async function askToken(app) {
  const field = el("input", { type: "password", autocomplete: "off", "aria-label": "Token", spellcheck: "false" });
  const what = [el("p", null, hasToken() ? "There is a token. Another one takes its place; an empty one forgets it." : "The token for reads, or for writes. It is kept until this page is left."), field];
  if (!(await asks("Token", what, "Use it"))) return;
  setToken(field.value.trim());
  try {
    const now = await lookAccess();
    app.say(now.may_write ? "This token may write" : hasToken() ? "This token may read" : "No token", false);
  } catch (e) {
    if (e instanceof Refused && e.status === 401) setToken(null);
    app.say(e.message, true);
  }
  app.again();
}
