// Drives headless Chromium for the tests: each line of standard input is an order as JSON, each line of
// standard output its answer, { ok: … } or { fault: "…" }. Ends with its input.

import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const OPTIONS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const AXE = new URL("node_modules/axe-core/axe.min.js", import.meta.url);
const ORDER_TIME = 15_000; // ms that an element may take to be there and at rest
const say = (answer) => console.log(JSON.stringify(answer));

const browser = await chromium.launch({ executablePath: process.argv[2], args: OPTIONS }).catch((error) => {
  say({ fault: String(error.message) });
  process.exit(1);
});
say({ ok: browser.version() });
const pages = [];

/** Opens a page, and notes from the start all that it should not do. */
async function open({ url, width, height, dark, touch }) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    hasTouch: touch,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(ORDER_TIME);
  const complaints = [];
  const own = new URL(url).host;
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`script: ${error.message}`));
  page.on("request", (request) => {
    if (new URL(request.url()).host !== own) complaints.push(`request: ${request.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective}`));
  });
  await page.goto(url);
  return pages.push({ page, complaints }) - 1;
}

const orders = {
  /** What a script comes to; it is the body of a function. */
  run: ({ page }, { script }) => page.evaluate(`(() => { ${script} })()`),
  dark: ({ page }, { dark }) => page.emulateMedia({ colorScheme: dark ? "dark" : "light" }),
  press: ({ page }, { key }) => page.keyboard.press(key),
  type: ({ page }, { text }) => page.keyboard.type(text),
  /** Puts a text into a field, in place of what is there. */
  fill: ({ page }, { selector, text }) => page.fill(selector, text),
  click: ({ page }, { selector }) => page.click(selector),
  /** What a screen reader makes of an element. */
  aria: ({ page }, { selector }) => page.locator(selector).ariaSnapshot(),
  /** What axe-core finds serious: https://github.com/dequelabs/axe-core. */
  axe: async ({ page }) => {
    if (!existsSync(AXE)) throw new Error("no axe-core (npm ci in tests/browser)");
    await page.evaluate(readFileSync(AXE, "utf8"));
    const { violations } = await page.evaluate(() => axe.run());
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    return grave.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join(" ")}`);
  },
  move: ({ page }, { x, y }) => page.mouse.move(x, y),
  tap: ({ page }, { x, y }) => page.touchscreen.tap(x, y),
  shot: ({ page }, { path }) => page.screenshot({ path }).then(() => null),
  /** What was noted since the last time. */
  complaints: ({ complaints }) => complaints.splice(0),
};

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  try {
    const value = order.do === "open" ? await open(order) : await orders[order.do](pages[order.page], order);
    say({ ok: value ?? null });
  } catch (error) {
    say({ fault: String(error.message) });
  }
}
await browser.close();
