// The page in Chromium: every view in both themes without a complaint or a violation, by keyboard, with hostile texts, live, and writing.
import assert from "node:assert/strict";
import { test, before, after } from "node:test";
import { browser, go, open, scene, views, violations } from "./page_browser.mjs";

let s, b;
before(async () => {
  s = await scene();
  b = await browser();
});
after(async () => {
  await b?.close();
  await s?.end();
});

for (const theme of ["light", "dark"]) {
  test(`every view in ${theme}: drawn, no complaint, no violation`, async () => {
    const { page, complaints } = await open(b, s.url, theme);
    for (const [hash, ready] of views(s)) {
      await go(page, hash, ready);
      assert.deepEqual(await violations(page), [], hash);
    }
    assert.deepEqual(complaints, []);
    await page.close();
  });
}

test("first paint comes soon, and the whole page is small", async () => {
  const { page } = await open(b, s.url);
  const { paint, bytes } = await page.evaluate(() => ({
    paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
    bytes: performance.getEntriesByType("resource").filter((r) => /\.(js|css|svg)$/.test(r.name)).reduce((n, r) => n + r.encodedBodySize, 0) + performance.getEntriesByType("navigation")[0].encodedBodySize,
  }));
  console.log(`first paint ${paint?.toFixed(0)} ms, ${bytes} bytes`);
  assert.ok(bytes > 10000 && bytes < 150000, String(bytes));
  assert.ok(paint < 3000, String(paint)); // on a machine that builds meanwhile; the goal of 300 ms is page_speed's
  await page.close();
});

test("what peers say is text", async () => {
  const { page, complaints } = await open(b, s.url);
  await go(page, `task/${s.dead}`, () => document.querySelector("main pre")?.textContent);
  const visible = s.hostile.replace("\u202e", "\\u202e"); // which would turn the rest of the line round
  assert.ok((await page.$eval("main pre", (n) => n.textContent)).startsWith(visible));
  await go(page, "provers", () => document.querySelector("main .strip"));
  assert.ok((await page.$eval("main table", (n) => n.textContent)).includes("prover <b>1</b>"));
  await go(page, "dead", () => document.querySelector("main tbody tr"));
  assert.equal(await page.$$eval("main img, main script, main b", (n) => n.length), 0);
  await page.evaluate(() => { location.hash = "task/<img src=x onerror=alert(1)>"; });
  await page.waitForFunction(() => document.querySelector("main .notice:not([hidden])"));
  assert.equal(await page.$$eval("main img", (n) => n.length), 0);
  assert.notEqual(await page.title(), "owned");
  assert.deepEqual(complaints.filter((c) => !c.includes("400 (Bad Request)")), []);
  await page.close();
});

test("no text becomes HTML or script even if somebody tries", async () => {
  const { page } = await open(b, s.url);
  const refused = await page.evaluate(() => {
    const out = [];
    try { document.body.innerHTML = "<p>x</p>"; } catch (e) { out.push(e.name); }
    try { eval("1"); } catch (e) { out.push(e.name); }
    return out;
  });
  assert.equal(refused[0], "TypeError");
  await page.close();
});

test("by keyboard: skip link, views, search, theme", async () => {
  const { page } = await open(b, s.url);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  for (let i = 0; i < 2; i++) await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.hash), "#queues");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("h1").textContent === "Queues" && document.activeElement.id === "main");
  assert.equal(await page.$eval("nav a[aria-current]", (n) => n.textContent), "Queues");
  await page.focus("#find");
  await page.keyboard.type("nonsense");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("state").textContent.includes("32 hex digits"));
  await page.$eval("#find", (n) => { n.value = ""; });
  await page.keyboard.type(s.running);
  await page.keyboard.press("Enter");
  await page.waitForFunction((id) => document.querySelector("h1").textContent === `Task ${id}`, {}, s.running);
  await page.focus("#theme");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.close();
});

async function giveToken(page, token) {
  await page.click("#token");
  await page.waitForSelector("dialog[open] input");
  await page.type("dialog input", token);
  await page.keyboard.press("Enter");
}

test("who has the token writes, who has not sees no buttons", async () => {
  const { page } = await open(b, s.url);
  await go(page, `task/${s.queued}`, () => document.querySelector("main dl.facts dd"));
  assert.equal(await page.$$eval("main button", (n) => n.length), 0);
  await giveToken(page, "wrong-token-0123456789");
  await page.waitForFunction(() => document.getElementById("state").textContent.includes("wrong"));
  await giveToken(page, s.admin);
  await page.waitForSelector("main button.danger");
  await page.click("main button.danger");
  await page.waitForSelector("dialog[open]");
  assert.deepEqual(await violations(page), []);
  await page.click("dialog button[type=submit]");
  await page.waitForFunction(() => document.querySelector("main dl.facts dd").textContent === "cancelled");
  await go(page, "queues", () => [...document.querySelectorAll("main button")].length > 5);
  await page.click('button[aria-label="pause held"]');
  await page.waitForSelector('button[aria-label="resume held"]');
  await page.click('button[aria-label="purge held"]');
  await page.waitForFunction(() => document.querySelector("dialog[open] li")?.textContent.includes("queued"));
  await page.keyboard.press("Escape");
  const kept = await page.evaluate(() => [location.href, document.cookie, JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), document.documentElement.outerHTML].join("\n"));
  assert.ok(!kept.includes(s.admin));
  await page.close();
});

test("where reads need a token it is asked for, and the one for reads shows no buttons", async () => {
  const closed = await scene("--read");
  const page = await b.newPage();
  await page.goto(closed.url);
  await page.waitForFunction(() => document.getElementById("state").textContent === "A token is needed");
  await page.waitForFunction(() => document.querySelector("main .notice:not([hidden])")?.textContent.includes("token"));
  assert.deepEqual(await violations(page), []);
  await giveToken(page, closed.read);
  await page.waitForFunction(() => document.getElementById("state").textContent === "This token may read");
  await page.waitForFunction(() => document.getElementById("state").textContent === "Live");
  await go(page, "queues", () => document.querySelectorAll("main tbody tr").length === 3);
  assert.equal(await page.$$eval("main button", (n) => n.length), 0);
  await page.close();
  await closed.end();
});

test("it is live, and says so when the broker is gone", async () => {
  const { page } = await open(b, s.url);
  await go(page, "overview", () => document.querySelectorAll("main .figure").length === 6);
  const said = () => page.$eval("main > div > .side", (n) => n.textContent);
  const first = await said();
  await page.waitForFunction((was) => document.querySelector("main > div > .side").textContent !== was, {}, first); // the uptime goes on
  process.kill(s.pid, "SIGKILL");
  await page.waitForFunction(() => document.getElementById("state").textContent.includes("Not connected"), { timeout: 20000 });
  await page.close();
});
