// How much the page costs at 1,000 provers and 100,000 tasks: the longest frame in each view, and the broker's processor time with the page
// open less what it takes without. Goals: 50 ms a frame, 1 % of a core, first paint under 300 ms, a scrape under 20 ms.
//   PV_PROVERS, PV_TASKS, PV_SECONDS (each view) change the size.
import { readdirSync, readFileSync } from "node:fs";
import { browser, go, open, scene } from "./page_browser.mjs";

const provers = Number(process.env.PV_PROVERS ?? 1000), tasks = Number(process.env.PV_TASKS ?? 100000), seconds = Number(process.env.PV_SECONDS ?? 20);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* Processor time of all threads of a process in ms: /proc/.../schedstat has it in nanoseconds. */
function busyMs(pid) {
  return readdirSync(`/proc/${pid}/task`).reduce((n, t) => n + Number(readFileSync(`/proc/${pid}/task/${t}/schedstat`, "utf8").split(" ")[0]), 0) / 1e6;
}

async function share(pid, ms) {
  const from = busyMs(pid), at = performance.now();
  await sleep(ms);
  return ((busyMs(pid) - from) / (performance.now() - at)) * 100;
}

/* The longest task of the page's thread in processor time (wall time would count the other programs of this machine), the longest in wall
 * time, and how busy the thread was, from the moment that the view is asked for. */
async function traced(page, ms, view) {
  await page.tracing.start({ categories: ["toplevel", "devtools.timeline", "__metadata"] });
  const at = performance.now();
  await view();
  await sleep(ms);
  const lasted = performance.now() - at;
  const { traceEvents } = JSON.parse(new TextDecoder().decode(await page.tracing.stop()));
  const mains = new Set(traceEvents.filter((e) => e.name === "thread_name" && e.args.name === "CrRendererMain").map((e) => `${e.pid}/${e.tid}`));
  const tasks = traceEvents.filter((e) => e.ph === "X" && e.name.endsWith("RunTask") && mains.has(`${e.pid}/${e.tid}`));
  if (!tasks.some((t) => t.tdur !== undefined)) throw new Error("the trace has no processor times");
  const most = (of) => tasks.reduce((m, t) => Math.max(m, t[of] ?? 0), 0) / 1000;
  return { cpu: most("tdur"), wall: most("dur"), n: tasks.length, busy: tasks.reduce((n, t) => n + (t.tdur ?? 0), 0) / 10 / lasted };
}

const s = await scene("--provers", String(provers), "--tasks", String(tasks));
await sleep(5000);
const quiet = await share(s.pid, seconds * 1000);
const scrapes = [];
for (let i = 0; i < 20; i++) {
  const at = performance.now();
  await (await fetch(`${s.url}/metrics`)).text();
  scrapes.push(performance.now() - at);
}
scrapes.sort((a, b) => a - b);
console.log(`without the page the broker takes ${quiet.toFixed(2)} % of a core; a scrape ${scrapes[10].toFixed(1)} ms (median), ${scrapes[19].toFixed(1)} ms (most)`);
const b = await browser();
let failed = false;
for (const view of ["overview", "queues", "provers", "tasks", "dead", `task/${s.running}`]) {
  const before = await share(s.pid, seconds * 500); // what the fleet asks of the broker is not the same from minute to minute
  const { page } = await open(b, s.url);
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
  const [cpu, drawn] = await Promise.all([share(s.pid, seconds * 1000),
    traced(page, seconds * 1000, () => go(page, view, () => document.querySelector("main table, main .cards")))]);
  await page.close();
  await sleep(1000);
  const alone = (before + (await share(s.pid, seconds * 500))) / 2;
  console.log(`${view.split("/")[0].padEnd(9)} first paint ${paint.toFixed(0)} ms; longest of ${drawn.n} tasks of the page ${drawn.cpu.toFixed(1)} ms of processor time ` +
    `(${drawn.wall.toFixed(1)} ms by the clock), busy ${drawn.busy.toFixed(2)} %; broker ${(cpu - alone).toFixed(2)} % of a core more than ${alone.toFixed(2)} %`);
  failed ||= drawn.cpu > 50 || cpu - alone > 1;
}
await b.close();
await s.end();
process.exit(failed ? 1 : 0);
