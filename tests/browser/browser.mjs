// A headless Chromium for the other scripts here, and what every page must keep: no serious finding of axe, nothing that its
// own policy blocks, no scrolling sideways on a small phone, targets that a thumb meets.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(new URL("../../target/tools/browser/", import.meta.url));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };
const SMALLEST = { width: 320, height: 640 };
// The least height of a target, in CSS pixels: Apple's guideline, more than the 24 of WCAG 2.2 §2.5.8.
const TARGET = 44;

// The browser that CHROMIUM names, or Debian's.
export function launch() {
  const name = process.env.CHROMIUM ?? "chromium";
  const executablePath = execFileSync("sh", ["-c", 'command -v "$0"', name], { encoding: "utf8" }).trim();
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

// What is wrong with the page that is open; empty if nothing is.
export async function findings(page) {
  const viewport = page.viewportSize();
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = grave.map(({ id, help, nodes }) => `axe: ${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
  const small = await page.evaluate((least) => {
    const targets = document.querySelectorAll("button, input:not([type=hidden]), nav a, footer a, a.button");
    const area = (target) => (target.type === "checkbox" ? target.closest("label") : target).getBoundingClientRect();
    // A form that a script shows where the browser can do something with it has no height before.
    const shown = [...targets].filter((target) => target.checkVisibility());
    return shown.filter((target) => area(target).height < least).map((target) => target.outerHTML);
  }, TARGET);
  told.push(...small.map((html) => `less than ${TARGET} pixels high: ${html}`));
  await page.setViewportSize(SMALLEST);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  if (wide > SMALLEST.width) told.push(`${wide} pixels wide on a phone of ${SMALLEST.width}`);
  await page.setViewportSize(viewport);
  await page.keyboard.press("Tab");
  // A page that leads nowhere has nothing that could have the focus.
  const outline = await page.evaluate(() => {
    const active = document.activeElement;
    return active === document.body ? "" : getComputedStyle(active).outlineStyle;
  });
  if (outline === "none") told.push("nothing shows what has the focus");
  return told;
}

// What Chromium says about an icon that no page here names: it looks for one on its own where a page is left before its head
// has been read. The policy keeps it from asking.
const ICON_OF_ITS_OWN = /^Loading the image '[^' ]+\/favicon\.ico' violates the following Content Security Policy directive/;

// What the browser complains about, such as a policy that blocks something, while `page` is used.
export function complaints(page) {
  const told = [];
  page.on("console", (message) => {
    const counts = ["error", "warning"].includes(message.type()) && !ICON_OF_ITS_OWN.test(message.text());
    if (counts) told.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => told.push(`page: ${error.message}`));
  page.on("requestfailed", (request) => told.push(`not loaded: ${request.url()}`));
  return told;
}

// The names of the pages that the example of gateway-web has written into a directory.
export const names = (directory) =>
  readdirSync(directory).filter((file) => file.endsWith(".html")).map((file) => path.basename(file, ".html"));

// Answers every request of a context with those pages and the fields of their responses.
export async function serve(context, directory) {
  await context.route("**/*", (route) => {
    const name = new URL(route.request().url()).pathname.slice(1);
    const file = (extension) => readFileSync(path.join(directory, `${name}.${extension}`), "utf8");
    const fields = file("headers").split("\n").filter(Boolean).map((line) => line.split(/: (.*)/s).slice(0, 2));
    return route.fulfill({ status: 200, headers: Object.fromEntries(fields), body: file("html") });
  });
}

// The address at which `serve` has a page.
export const address = (name) => `https://auth.example.com/${name}`;
