// A real Chromium before a real broker. What a test of the page needs: the scene, the browser, and what it complained of.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const npm = process.env.PV_PAGE_NPM;
const { default: puppeteer } = await import(pathToFileURL(join(npm, "node_modules/puppeteer-core/lib/esm/puppeteer/puppeteer-core.js")));
const axe = readFileSync(join(npm, "node_modules/axe-core/axe.min.js"), "utf8");

/** The broker and its peers, until end() is called. */
export async function scene(...more) {
  const child = spawn("python3", [join(here, "page_scene.py"), ...more], { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } });
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`the scene ended: ${code}`)));
  });
  const said = JSON.parse(line);
  said.end = () => new Promise((resolve) => {
    child.once("exit", resolve);
    child.stdin.end();
  });
  return said;
}

export async function browser() {
  const b = await puppeteer.launch({ executablePath: process.env.PV_CHROMIUM ?? "/usr/bin/chromium", headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update"] });
  return b;
}

/** A page, and the complaints of its console, its scripts and its requests. */
export async function open(b, url, theme) {
  const page = await b.newPage(), complaints = [];
  await page.setViewport({ width: 1360, height: 860 });
  if (theme) await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
  page.on("console", (m) => ["error", "warn", "warning"].includes(m.type()) && complaints.push(`console: ${m.text()}`));
  page.on("pageerror", (e) => complaints.push(`script: ${e.message}`));
  page.on("requestfailed", (r) => r.failure()?.errorText !== "net::ERR_ABORTED" && complaints.push(`request: ${r.url()} ${r.failure()?.errorText}`));
  page.on("request", (r) => !r.url().startsWith(url) && complaints.push(`asks a stranger: ${r.url()}`));
  await page.goto(url, { waitUntil: "domcontentloaded" });
  await page.waitForFunction(() => document.getElementById("state").textContent === "Live", { timeout: 15000 });
  return { page, complaints };
}

export async function go(page, hash, ready) {
  await page.evaluate((h) => { location.hash = h; }, hash);
  await page.waitForFunction(ready, { timeout: 15000 });
}

/** What axe-core finds, one line each. Over the debugger, which the page's policy does not bind. */
export async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120)).join(" | ")}`);
}

/** The views, and when each is drawn. */
export const views = (s) => [
  ["overview", () => document.querySelectorAll("main .chart").length === 6 && document.querySelectorAll("main tbody tr").length > 3],
  ["queues", () => document.querySelectorAll("main tbody tr").length === 3],
  ["provers", () => document.querySelectorAll("main .strip").length >= 4],
  ["tasks", () => document.querySelectorAll("main tbody tr").length > 20],
  ["dead", () => document.querySelectorAll("main tbody tr").length >= 1],
  [`task/${s.story}`, () => document.querySelectorAll("main .gantt rect").length >= 5],
];
