// Peer: Chromium. A person with a browser: opens an address, signs in, consents, and says what the page reads that it ends at.
// Arguments: the folder of its packages, the address. Prints the last page's address, title and text as JSON.

import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, address] = process.argv.slice(2);
const { chromium } = await import(pathToFileURL(join(modules, "playwright-core/index.mjs")));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
try {
  const page = await browser.newPage();
  await page.goto(address);
  await page.fill("input[name=login]", "ada");
  await page.fill("input[name=password]", "anything");
  await page.click("button[type=submit]");
  await page.waitForSelector("input[name=prompt][value=consent]", { state: "attached" });
  await page.click("button[type=submit]");
  await page.waitForURL(/127\.0\.0\.1:\d+\/callback/);
  const text = await page.textContent("body");
  console.log(JSON.stringify({ title: await page.title(), text, scripts: await page.locator("script").count() }));
} finally {
  await browser.close();
}
