// What the page asks of its broker. The token lives in this module's memory and nowhere else: not in an address, a cookie or a store.

let token = null;

export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

function headers(more) {
  return token ? { ...more, Authorization: `Bearer ${token}` } : { ...more };
}

async function ask(method, path, signal) {
  const answer = await fetch(path, { method, headers: headers(), signal, cache: "no-store", credentials: "omit" });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, body.text ?? `the broker answered ${answer.status}`);
  return body;
}

export const read = (path, signal) => ask("GET", path, signal);
export const write = (path) => ask("POST", path);

export const hasToken = () => token !== null;

export function setToken(value) {
  token = value || null;
}

/** Reads the broker's events for ever. EventSource sends no Authorization header, so fetch does it. heard(event, data); state(text, bad). */
export class Stream {
  constructor(heard, state) {
    this.heard = heard;
    this.state = state;
    this.last = null;
    this.pause = 500;
    this.again();
  }

  /** From anew, with the token there is now. */
  again() {
    this.abort?.abort();
    clearTimeout(this.timer);
    this.abort = new AbortController();
    this.#run(this.abort.signal);
  }

  async #run(signal) {
    try {
      const more = { Accept: "text/event-stream", ...(this.last ? { "Last-Event-ID": this.last } : {}) };
      const answer = await fetch("/v1/events", { headers: headers(more), signal, cache: "no-store", credentials: "omit" });
      if (answer.status === 401) return this.state("A token is needed", true);
      if (!answer.ok) throw new Refused(answer.status, (await answer.json()).text);
      this.state("Live", false);
      this.pause = 500;
      await this.#messages(answer.body.getReader(), signal);
      throw new Error("the broker ended the stream");
    } catch (e) {
      if (signal.aborted) return;
      this.state(`Not connected: ${e instanceof TypeError ? "the broker does not answer" : e.message}`, true);
      this.timer = setTimeout(() => this.again(), this.pause);
      this.pause = Math.min(2 * this.pause, 10000);
    }
  }

  async #messages(reader, signal) {
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done || signal.aborted) return;
      text += decoder.decode(value, { stream: true });
      const parts = text.split("\n\n");
      text = parts.pop();
      for (const part of parts) this.#message(part);
    }
  }

  #message(part) {
    const fields = {};
    for (const line of part.split("\n")) {
      const at = line.indexOf(": ");
      if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
    }
    if (fields.id) this.last = fields.id;
    if (fields.data) this.heard(fields.event, JSON.parse(fields.data));
  }
}
