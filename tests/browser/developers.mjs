// usage: developers.mjs GATEWAY NAME PASSWORD OUTBOX   Signs a developer up, who registers an app and subscribes it; an administrator,
// NAME, approves it. Prints as JSON what was seen. With SCREENS in the environment, a directory, it leaves a picture of each page there.
import { createHash } from "node:crypto";
import http from "node:http";
import path from "node:path";
import { DESKTOP, PHONE, complaints, findings, launch } from "./browser.mjs";
import { code } from "./totp.mjs";

const [gateway, name, password, outbox] = process.argv.slice(2);
const pictures = process.env.SCREENS;
const [developer, PASSWORD] = ["dora@example.com", "wobbly lantern cactus tuesday"];

const browser = await launch();
const told = [];
const steps = [];

// A page in a browser of its own, with what is done on it.
async function open() {
  const context = await browser.newContext({ viewport: DESKTOP, locale: "en-GB" });
  const page = await context.newPage();
  told.push(complaints(page));
  return {
    page,
    heading: () => page.getByRole("heading", { level: 1 }).innerText(),
    press: (label) => page.getByRole("button", { name: label, exact: true }).first().click(),
    fill: (label, text) => page.getByLabel(label, { exact: true }).first().fill(text),
    async check(picture) {
      for (const viewport of [PHONE, DESKTOP]) {
        await page.setViewportSize(viewport);
        told.push((await findings(page)).map((text) => `${new URL(page.url()).pathname}, ${viewport.width}: ${text}`));
        if (pictures) {
          const size = viewport === PHONE ? "-phone" : "";
          await page.screenshot({ path: path.join(pictures, `${picture}${size}.png`), fullPage: true });
        }
      }
    },
  };
}
async function mailed(to, subject) {
  for (let round = 0; round < 100; round += 1) {
    const mails = await (await fetch(new URL("/outbox.json", outbox))).json();
    const found = mails.filter((mail) => mail.to === to && mail.subject.includes(subject)).pop();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no mail to ${to} about ${subject}`);
}

// The server of the app, which has its users back and is told of what happens to the app.
const tokens = [];
const app = http.createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    if (request.url === "/told") tokens.push(JSON.parse(Buffer.from(body.split(".")[1], "base64url")));
    response.end("arrived");
  });
});
await new Promise((listening) => app.listen(0, "127.0.0.1", listening));
const server = `http://127.0.0.1:${app.address().port}`;

// Whoever comes from nowhere signs up on the way.
const dev = await open();
await dev.page.goto(`${gateway}/account/sign-up`);
await dev.fill("E-mail address", developer);
await dev.fill("Password", PASSWORD);
await dev.fill("Name", "Dora");
await dev.press("Create an account");
const proof = (await mailed(developer, "confirm")).text.match(/\d{4} \d{4}/)[0];
await dev.page.getByLabel("Code").fill(proof);
await dev.press("Confirm");
await dev.page.goto(`${gateway}/gateway/organizations`);
if ((await dev.heading()) === "Log in") {
  await dev.page.getByLabel("E-mail address or user name").fill(developer);
  await dev.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await dev.press("Log in");
}
steps.push(await dev.heading());
await dev.check("developers-none");
await dev.fill("Name", "Dora & Co.");
await dev.press("Make it");
steps.push(await dev.heading());
await dev.check("developers-organization");
await dev.page.getByRole("link", { name: "APIs" }).click();
await dev.check("developers-catalogue");
await dev.page.getByRole("link", { name: "orders", exact: true }).click();
steps.push(await dev.heading());
await dev.check("developers-api");

// A redirect URI that could not work is told at its field.
await dev.page.getByRole("link", { name: "Organizations" }).click();
await dev.page.getByRole("link", { name: "Dora & Co." }).click();
await dev.page.getByRole("link", { name: "Register an app" }).click();
await dev.fill("Name", "Orders watch");
await dev.page.getByLabel("Kind").selectOption("confidential");
await dev.page.getByLabel("Redirect URIs", { exact: true }).fill("http://localhost/signed-in");
await dev.page.getByLabel("It calls without a user, too").check();
await dev.page.getByLabel("Scope orders:read").check();
await dev.press("Register");
const refused = await dev.page.getByRole("alert").innerText();
await dev.check("developers-register-wrong");
await dev.page.getByLabel("Redirect URIs", { exact: true }).fill("http://127.0.0.1/signed-in");
await dev.page.getByLabel("Webhook").fill(`${server}/told`);
await dev.press("Register");
steps.push(await dev.heading());
await dev.check("developers-registered");
const texts = await dev.page.locator("code").allInnerTexts();
const [secret, id] = [texts.find((text) => text.startsWith("mgs_")), texts.find((text) => text.startsWith("app_"))];
await dev.page.goto(`${gateway}/gateway/organizations`);
await dev.page.getByRole("link", { name: "Dora & Co." }).click();
await dev.page.getByRole("link", { name: "Orders watch" }).click();
const appPage = dev.page.url();
await dev.page.getByLabel("API", { exact: true }).selectOption("orders");
await dev.page.getByLabel("Plan").selectOption("partner");
await dev.press("Subscribe");
steps.push(await dev.page.locator("h2").filter({ hasText: "Waits" }).innerText());
await dev.check("developers-waits");

// The administrator follows the mail.
const link = (await mailed("operators@example.com", "waits for an approval")).text.match(/http\S+/)[0];
const admin = await open();
await admin.page.goto(link);
await admin.page.getByLabel("E-mail address or user name").fill(name);
await admin.page.getByLabel("Password", { exact: true }).fill(password);
await admin.press("Log in");
const key = await admin.page.locator("code").innerText();
await admin.page.getByLabel("Code").fill(code(key, 0));
await admin.press("Set it up");
steps.push(await admin.heading());
await admin.check("developers-request");
await admin.press("Approve");
steps.push(await admin.page.getByRole("status").innerText());
await admin.check("developers-requests");

// The developer reads it, and calls.
await mailed(developer, "is approved");
let seen = [];
for (let round = 0; round < 100 && seen.length < 4; round += 1) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  await dev.page.goto(appPage);
  seen = await dev.page.getByRole("region", { name: "What the app was told" }).getByRole("row").allInnerTexts();
}
const webhook = {
  had: tokens.map((token) => Object.keys(token.events)[0].split(":").pop()),
  seen: seen.slice(1).map((row) => row.split("\t").slice(1, 4).join(" ")),
};
const subscription = await dev.page.getByRole("region", { name: "Subscriptions" }).getByRole("row").nth(1).innerText();
const history = await dev.page.getByRole("region", { name: "What was done" }).innerText();
await dev.check("developers-approved");
const redirect = `${server}/signed-in`;
const verifier = "a verifier of the test of developers, 43 characters".replaceAll(/[ ,]/g, "-");
const asked = new URLSearchParams({
  response_type: "code",
  client_id: id,
  redirect_uri: redirect,
  scope: "orders:read",
  code_challenge: createHash("sha256").update(verifier).digest("base64url"),
  code_challenge_method: "S256",
});
await dev.page.goto(`${gateway}/oauth2/authorize?${asked}`);
if (await dev.page.getByLabel("Password", { exact: true }).count()) {
  await dev.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await dev.press("Log in");
}
await dev.press("Allow");
await dev.page.waitForURL(`${redirect}*`);
const basic = `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;
const form = new URLSearchParams({
  grant_type: "authorization_code",
  code: new URL(dev.page.url()).searchParams.get("code"),
  redirect_uri: redirect,
  code_verifier: verifier,
});
const token = await (await fetch(`${gateway}/oauth2/token`, { method: "POST", headers: { authorization: basic }, body: form })).json();
const call = await fetch(`${gateway}/orders`, { headers: { authorization: `Bearer ${token.access_token}` } });
// What the app does, the page of the API does with its token.
await dev.page.goto(`${gateway}/gateway/catalogue/orders`);
await dev.fill("Access token", token.access_token);
await dev.press("Call");
await dev.page.getByText("200 OK").waitFor();
const tried = await dev.page.locator("#try-response").innerText();
await dev.check("developers-tried");
// Both calls are in the chart of the developer, and in the list of the administrator.
let counted = "";
for (let round = 0; round < 100 && !counted.endsWith("2\t2\t0\t0\t0"); round += 1) {
  await dev.page.goto(`${appPage}/usage?by=hour`);
  const table = dev.page.getByRole("region", { name: "Calls by API and plan" });
  counted = (await table.count()) ? await table.getByRole("row").nth(1).innerText() : "";
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const chart = await dev.page.getByRole("img").getAttribute("alt");
const drawn = await dev.page.getByRole("img").evaluate((image) => image.complete && image.naturalWidth > 0);
await dev.check("developers-usage");
await admin.page.goto(`${gateway}/gateway/usage`);
const who = await admin.page.getByRole("region", { name: "Calls of" }).getByRole("row").nth(1).innerText();
await admin.check("administrators-usage");
const usage = { counted, chart: chart.replace(/from .* to \S+,/, "in a time,"), drawn, who: who.replace(id, "APP") };
const complained = told.flat().filter((text) => !text.includes("status of 400"));
console.log(JSON.stringify({ steps, refused, subscription, history, scope: token.scope, call: call.status, tried, usage, webhook, told: complained }));
await browser.close();
app.close();
