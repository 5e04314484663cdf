// Screenshots of every view in both themes: page_shots.mjs FOLDER
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { browser, go, open, scene, views } from "./page_browser.mjs";

const folder = process.argv[2];
mkdirSync(folder, { recursive: true });
const s = await scene("--alive"), b = await browser();
await new Promise((resolve) => setTimeout(resolve, Number(process.env.PV_SHOTS_MS ?? 240000))); // until the curves have some length
for (const theme of ["light", "dark"]) {
  const { page } = await open(b, s.url, theme);
  for (const [hash, ready] of views(s)) {
    await go(page, hash, ready);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await page.screenshot({ path: join(folder, `page-${hash.split("/")[0]}-${theme}.png`) });
  }
  await page.close();
}
await b.close();
await s.end();
