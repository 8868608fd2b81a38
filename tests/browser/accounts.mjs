// usage: accounts.mjs GATEWAY OUTBOX CLIENT   Makes accounts on the hosted pages, with mails that are read on the outbox page,
// sets a forgotten password anew and logs in with it, and prints as JSON what was seen.
import http from "node:http";
import { PHONE, complaints, findings, launch } from "./browser.mjs";

const [gateway, outbox, client] = process.argv.slice(2);
const [GRACE, HEIDI] = ["grace@example.com", "heidi@example.com"];
const [PASSWORD, OTHER] = ["wobbly lantern cactus tuesday", "seven purple anvils whistle"];

const app = http.createServer((_, response) => response.end("arrived"));
await new Promise((listening) => app.listen(0, "127.0.0.1", listening));
const redirect = `http://127.0.0.1:${app.address().port}/signed-in`;
const asked = `${gateway}/oauth2/authorize?${new URLSearchParams({
  response_type: "code",
  client_id: client,
  redirect_uri: redirect,
  scope: "orders:read",
  state: "state",
  code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  code_challenge_method: "S256",
})}`;

const browser = await launch();
const told = [];
// A page of a browser of its own, which shares no cookie with the others.
async function opened(url) {
  const context = await browser.newContext({ viewport: PHONE, locale: "en-GB" });
  const page = await context.newPage();
  told.push(complaints(page));
  await page.goto(url);
  return page;
}
const check = async (page) => told.push((await findings(page)).map((text) => `${new URL(page.url()).pathname}: ${text}`));
const heading = (page) => page.getByRole("heading", { level: 1 }).innerText();
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

const mails = await opened(outbox);
// The code and the link of the newest of so many mails to an address.
async function mailed(to, count) {
  for (let round = 0; round < 100; round += 1) {
    await mails.goto(outbox);
    const articles = mails.locator("article", { hasText: `to ${to},` });
    if ((await articles.count()) === count) {
      const newest = articles.first();
      const [, code] = (await newest.locator("pre").innerText()).match(/^ {4}([0-9][0-9 ]+)$/m);
      return { code, link: await newest.locator("pre a").first().getAttribute("href") };
    }
    await mails.waitForTimeout(100);
  }
  throw new Error(`no mail ${count} to ${to}`);
}

async function signUp(page, email, password) {
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByLabel("Name").fill("Somebody");
  await press(page, "Create an account");
}
const kept = async (page) => [await page.getByLabel("E-mail address").inputValue(), await page.getByLabel("Name").inputValue()];

// Signs up: with a password that is too short, with a form that has lapsed, and then with neither. The code comes by mail.
const grace = await opened(`${gateway}/account/sign-up`);
await check(grace);
await signUp(grace, GRACE, "short");
const short = { alert: await grace.getByRole("alert").innerText(), kept: await kept(grace) };
await check(grace);
await grace.context().clearCookies();
await grace.getByLabel("Password").fill(PASSWORD);
await press(grace, "Create an account");
const lapsed = { alert: await grace.getByRole("alert").innerText(), kept: await kept(grace) };
await grace.getByLabel("Password").fill(PASSWORD);
await press(grace, "Create an account");
const proof = [await heading(grace)];
await check(grace);
await grace.getByLabel("Code").fill((await mailed(GRACE, 1)).code);
await press(grace, "Confirm");
proof.push(await heading(grace));
await check(grace);
// The code is used: the form before does not come back.
await grace.goBack();
proof.push(await heading(grace));

// Signs up in one browser, and opens the link in another one, which asks for the password.
const heidi = await opened(`${gateway}/account/sign-up`);
await signUp(heidi, HEIDI, PASSWORD);
await heidi.getByLabel("Code").waitFor();
const elsewhere = await opened((await mailed(HEIDI, 1)).link);
await check(elsewhere);
const link = { asks: await elsewhere.getByLabel("Password").count(), steps: [] };
await elsewhere.getByLabel("Password").fill(OTHER);
await press(elsewhere, "Confirm");
link.steps.push(await elsewhere.getByRole("alert").innerText());
await elsewhere.getByLabel("Password").fill(PASSWORD);
await press(elsewhere, "Confirm");
link.steps.push(await heading(elsewhere));

// Forgets the password, on the way to an app.
const forgetful = await opened(asked);
await forgetful.getByRole("link", { name: "Forgotten your password?" }).click();
await check(forgetful);
await forgetful.getByLabel("E-mail address").fill(GRACE);
await press(forgetful, "Send the code");
const reset = [await heading(forgetful)];
await check(forgetful);
await forgetful.getByLabel("Code").fill((await mailed(GRACE, 2)).code);
await forgetful.getByLabel("New password").fill(OTHER);
await press(forgetful, "Set the new password");
reset.push(await heading(forgetful));
await check(forgetful);

// Logs in with the new one, after a form that has lapsed and the password before.
const logIn = async (page, password) => {
  await page.getByLabel("Password", { exact: true }).fill(password);
  await press(page, "Log in");
};
const username = (page) => page.getByLabel("E-mail address or user name");
await forgetful.goto(asked);
await username(forgetful).fill(GRACE);
await forgetful.context().clearCookies();
await logIn(forgetful, OTHER);
const login = {
  lapsed: await forgetful.getByRole("alert").innerText(),
  kept: await username(forgetful).inputValue(),
};
await logIn(forgetful, PASSWORD);
login.old = await forgetful.getByRole("alert").innerText();
await logIn(forgetful, OTHER);
login.next = await heading(forgetful);
// Back at the form that was refused: it is still there, with what was typed.
await forgetful.goBack();
login.refused = [await forgetful.getByRole("alert").innerText(), await username(forgetful).inputValue()];

// Goes back after the login and after the consent: what is there then leads on.
const back = await opened(asked);
await username(back).fill(GRACE);
await logIn(back, OTHER);
await check(back);
await back.goBack();
login.back = await heading(back);
// A legacy system needs the password again.
await logIn(back, OTHER);
await press(back, "Allow");
await back.waitForURL(`${redirect}**`);
await back.goBack();
login.backFromApp = await heading(back);
await check(back);

// A form that is refused is a 400, which the browser reports as well.
const complained = told.flat().filter((text) => !text.includes("status of 400"));
console.log(JSON.stringify({ short, lapsed, proof, link, reset, login, told: complained }));
await browser.close();
app.close();
