// usage: owners.mjs GATEWAY NAME PASSWORD TOKEN   Looks at every page of an account in which an app is logged in, logs that app
// out from there, changes the password, and prints as JSON what was seen. TOKEN is the app's access token.
import { PHONE, complaints, findings, launch } from "./browser.mjs";

const [gateway, name, password, token] = process.argv.slice(2);
const OTHER = "seven purple anvils whistle";

const browser = await launch();
const context = await browser.newContext({ viewport: PHONE, locale: "en-GB" });
const page = await context.newPage();
const told = [complaints(page)];
const check = async () => told.push((await findings(page)).map((text) => `${new URL(page.url()).pathname}: ${text}`));
const heading = () => page.getByRole("heading", { level: 1 }).innerText();
const press = (label) => page.getByRole("button", { name: label, exact: true }).click();
const calls = async () =>
  (await fetch(`${gateway}/orders`, { headers: { authorization: `Bearer ${token}` } })).status;

// A deep link asks for the login and then leads on.
await page.goto(`${gateway}/account/sessions`);
const steps = [await heading()];
await check();
await page.getByLabel("E-mail address or user name").fill(name);
await page.getByLabel("Password", { exact: true }).fill(password);
await press("Log in");
steps.push(await heading());
await check();
const row = await page.getByRole("listitem").first().innerText();

// Every page there is.
await page.getByRole("link", { name: "Back to my account" }).click();
steps.push(await heading());
await check();
const links = await page.getByRole("navigation").getByRole("link").all();
const pages = [];
for (const href of await Promise.all(links.map((link) => link.getAttribute("href")))) {
  if (href.endsWith("/data")) continue;
  await page.goto(new URL(href, gateway).toString());
  pages.push(await heading());
  await check();
}

// The file of one's data is downloaded, not shown.
await page.goto(`${gateway}/account`);
const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download my data" }).click()]);
const file = download.suggestedFilename();

// The remote logout is felt at the app's next call, and the page loaded anew sends no form again.
await page.goto(`${gateway}/account/sessions`);
const felt = [await calls()];
await page.getByRole("button", { name: /^Log out/ }).first().click();
await page.getByText("You are logged in to no app.").waitFor();
felt.push(await calls());
await page.reload();
steps.push(await heading());

// Another password: this browser goes on.
await page.goto(`${gateway}/account/password`);
await page.getByLabel("New password").fill("short");
await press("Set the new password");
const short = await page.getByRole("alert").innerText();
await check();
await page.getByLabel("New password").fill(OTHER);
await press("Set the new password");
steps.push(await heading());
await page.getByRole("link", { name: "My account" }).click();
steps.push(await heading());

// A form that is refused is a 400, and a download is no page; the browser reports both.
const complained = told.flat().filter((text) => !text.includes("status of 400") && !text.endsWith("/account/data"));
console.log(JSON.stringify({ steps, row, pages, file, felt, short, told: complained }));
await browser.close();
