// Elements from text alone. What peers say comes in as text nodes and attributes, never as HTML; the page's policy forbids the rest.

const SVG = "http://www.w3.org/2000/svg";

// What moves the cursor, turns the direction of text or is not seen at all: shown as its escape, as the command line does.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/** A text of a stranger as it may be shown. */
export function shown(text) {
  return String(text).replace(UNSEEN, (c) => `\\u${c.codePointAt(0).toString(16).padStart(4, "0")}`);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : shown(value));
  }
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) node.append(child instanceof Node ? child : shown(child));
  return node;
}

/** el("td", { class: "number" }, 5) */
export function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function setText(node, text) {
  const now = text === null || text === undefined ? "" : shown(text);
  if (node.textContent !== now) node.textContent = now;
}

/** A table that is brought up to date in place: rows keep their elements, so that focus and selection stay.
 *  columns: [{ name, class, cell: (row) => text or node, same: (row) => what the node depends on }]; quiet: a heading says what it is */
export class Table {
  constructor(caption, columns, key, quiet) {
    this.columns = columns;
    this.key = key;
    this.rows = new Map();
    this.body = el("tbody");
    const head = el("tr", null, columns.map((c) => el("th", { scope: "col", class: c.class }, c.name)));
    this.caption = el("caption", { class: quiet ? "unseen" : null }, caption);
    this.node = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, el("table", null, this.caption, el("thead", null, head), this.body));
  }

  update(list) {
    const seen = new Set();
    let place = this.body.firstChild;
    for (const row of list) {
      const key = this.key(row);
      seen.add(key);
      const line = this.rows.get(key) ?? this.#line(key);
      this.#cells(line, row);
      if (line.node === place) place = place.nextSibling;
      else this.body.insertBefore(line.node, place);
    }
    for (const [key, line] of this.rows) {
      if (seen.has(key)) continue;
      line.node.remove();
      this.rows.delete(key);
    }
  }

  #line(key) {
    const cells = this.columns.map((c) => el("td", { class: c.class }));
    const line = { node: el("tr", null, cells), cells, said: [] };
    this.rows.set(key, line);
    return line;
  }

  #cells(line, row) {
    this.columns.forEach((c, i) => {
      const same = c.same ? c.same(row) : c.cell(row);
      if (line.said[i] === same) return;
      line.said[i] = same;
      const value = c.same ? c.cell(row) : same;
      if (value instanceof Node) line.cells[i].replaceChildren(value);
      else setText(line.cells[i], value);
    });
  }
}

/** "850 ms", "2.5 s", "2 m 05 s", "3 h 04 m", "2 d 3 h" */
export function duration(ms) {
  const two = (n) => String(n).padStart(2, "0");
  const s = Math.floor(ms / 1000), m = Math.floor(s / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (s < 60) return `${(ms / 1000).toFixed(1)} s`;
  if (m < 60) return `${m} m ${two(s % 60)} s`;
  return h < 24 ? `${h} h ${two(m % 60)} m` : `${d} d ${h % 24} h`;
}

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });

export function moment(ms) {
  return ms ? clock.format(ms) : "";
}

const digits = new Intl.NumberFormat("en");

export function number(n) {
  return digits.format(n);
}

export function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; n >= 1024 && i < 4; i++) n /= 1024;
  return `${i ? n.toFixed(1) : n} ${units[i]}`;
}
