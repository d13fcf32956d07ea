// Drives headless Chromium for the tests: each line of standard input is an order as JSON, each line of
// standard output its answer, { ok: … } or { fault: "…" }. Ends with its input.

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
