// usage: administrators.mjs GATEWAY NAME PASSWORD OTHER   Logs an administrator in, sets up an authenticator app, looks at every
// page, finds OTHER and disables and enables that user, and prints as JSON what was seen. With SCREENS in the environment, a directory, it leaves a
// picture of each page there.
import path from "node:path";
import { DESKTOP, PHONE, complaints, findings, launch } from "./browser.mjs";
import { code } from "./totp.mjs";

const [gateway, name, password, other] = process.argv.slice(2);
const pictures = process.env.SCREENS;

const browser = await launch();
const context = await browser.newContext({ viewport: DESKTOP, locale: "en-GB" });
const page = await context.newPage();
const told = [complaints(page)];
const heading = () => page.getByRole("heading", { level: 1 }).innerText();
const press = (label) => page.getByRole("button", { name: label }).first().click();
// Looks at a page on a desktop and on a phone.
async function check(picture) {
  for (const viewport of [PHONE, DESKTOP]) {
    await page.setViewportSize(viewport);
    told.push((await findings(page)).map((text) => `${new URL(page.url()).pathname}, ${viewport.width}: ${text}`));
  }
  if (pictures) await page.screenshot({ path: path.join(pictures, `${picture}.png`), fullPage: true });
}

await page.goto(`${gateway}/gateway/users`);
const steps = [await heading()];
await page.getByLabel("E-mail address or user name").fill(name);
await page.getByLabel("Password", { exact: true }).fill(password);
await press("Log in");
steps.push(await heading());
await check("gateway-set-up");
const key = await page.locator("code").innerText();
await page.getByLabel("Code").fill("000000");
await press("Set it up");
const wrong = await page.getByRole("alert").innerText();
await check("gateway-set-up-wrong");
const used = code(key, 0);
await page.getByLabel("Code").fill(used);
await press("Set it up");
steps.push(await heading());
await check("gateway-users");

const parts = await page.getByRole("navigation", { name: "Parts of the portal" }).getByRole("link").all();
const pages = [];
for (const href of await Promise.all(parts.map((part) => part.getAttribute("href")))) {
  await page.goto(new URL(href, gateway).toString());
  pages.push(await heading());
  await check(`gateway-${href.split("/").pop()}`);
}

// An app, and a name that cannot be one.
await page.goto(`${gateway}/gateway/apps`);
await page.getByRole("link", { name: "Partner App" }).click();
steps.push(await heading());
await page.getByLabel("Name").fill("caf\u00e9");
await press("Save");
const refused = await page.getByRole("alert").innerText();
await check("gateway-app");

// A user is found, disabled and enabled; the page loaded anew sends no form again.
await page.goto(`${gateway}/gateway/users`);
await page.getByLabel("E-mail address or user id").fill(other);
await press("Find");
await page.getByRole("link", { name: other }).click();
const states = [await page.locator(".badge").first().innerText()];
await press("Disable");
states.push(await page.locator(".badge").first().innerText());
await page.reload();
await check("gateway-user");
await press("Enable");
states.push(await page.locator(".badge").first().innerText());

// The trail has it, and is a file.
await page.goto(`${gateway}/gateway/audit`);
await page.getByLabel("Act begins with").fill("users disable");
await press("Look");
const row = await page.getByRole("row").nth(1).innerText();
const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "As a file (CSV)" }).click()]);
const file = download.suggestedFilename();

// In another browser a code is asked for, and one that was used is none.
const second = await (await browser.newContext({ viewport: PHONE, locale: "en-GB" })).newPage();
await second.goto(`${gateway}/gateway/plans`);
await second.getByLabel("E-mail address or user name").fill(name);
await second.getByLabel("Password", { exact: true }).fill(password);
await second.getByRole("button", { name: "Log in" }).click();
steps.push(await second.getByRole("heading", { level: 1 }).innerText());
told.push((await findings(second)).map((text) => `second factor: ${text}`));
await second.getByLabel("Code").fill(used);
await second.getByRole("button", { name: "Go on" }).click();
steps.push(await second.getByRole("heading", { level: 1 }).innerText());
await second.getByLabel("Code").fill(code(key, 1));
await second.getByRole("button", { name: "Go on" }).click();
steps.push(await second.getByRole("heading", { level: 1 }).innerText());

// A form that is refused is a 400, and a download is no page; the browser reports both.
const complained = told.flat().filter((text) => !text.includes("status of 400") && !text.includes("/gateway/audit.csv"));
console.log(JSON.stringify({ steps, wrong, pages, refused, states, row, file, told: complained }));
await browser.close();
