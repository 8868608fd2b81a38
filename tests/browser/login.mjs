// usage: login.mjs GATEWAY CLIENT USERNAME PASSWORD   Logs in on the hosted pages as a native app has it done (RFC 8252), in
// two tabs, with a wrong password first, and prints as JSON what was seen.
import { createHash, randomBytes } from "node:crypto";
import http from "node:http";
import { PHONE, complaints, findings, launch } from "./browser.mjs";

const [gateway, client, username, password] = process.argv.slice(2);

// What the app is sent, each time; the page says that it has arrived.
const arrived = [];
const app = http.createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://127.0.0.1");
  if (pathname === "/signed-in") arrived.push(Object.fromEntries(searchParams));
  response.end("arrived");
});
await new Promise((listening) => app.listen(0, "127.0.0.1", listening));
const redirect = `http://127.0.0.1:${app.address().port}/signed-in`;

const verifier = randomBytes(32).toString("base64url");
const asked = (state) =>
  `${gateway}/oauth2/authorize?${new URLSearchParams({
    response_type: "code",
    client_id: client,
    redirect_uri: redirect,
    scope: "orders:read",
    state,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  })}`;
const redeemed = async (code) => {
  const fields = { grant_type: "authorization_code", client_id: client, code, redirect_uri: redirect, code_verifier: verifier };
  const response = await fetch(`${gateway}/oauth2/token`, { method: "POST", body: new URLSearchParams(fields) });
  return { status: response.status, scope: (await response.json()).scope };
};

const browser = await launch();
const context = await browser.newContext({ viewport: PHONE, locale: "en-GB" });
const told = [];
const opened = async (url) => {
  const page = await context.newPage();
  const complained = complaints(page);
  told.push(complained);
  await page.goto(url);
  return page;
};
const logIn = async (page, secret) => {
  await page.getByLabel("E-mail address or user name").fill(username);
  await page.getByLabel("Password").fill(secret);
  await page.getByRole("button", { name: "Log in" }).click();
};
const field = (page, label) => page.getByLabel(label).inputValue();

const [first, second] = [await opened(asked("first")), await opened(asked("second"))];
told.push(await findings(first));
await logIn(first, "wrong, wrong, wrong, wrong");
const wrong = {
  alert: await first.getByRole("alert").innerText(),
  title: await first.title(),
  username: await field(first, "E-mail address or user name"),
  password: await field(first, "Password"),
};
// The back button leads to the form before the mistake, which works as well.
await first.goBack();
await logIn(first, password);
const consent = await first.getByRole("heading").innerText();
told.push(await findings(first));
await first.getByRole("button", { name: "Allow", exact: true }).click();
await first.waitForURL(`${redirect}**`);

// The other tab was opened before: its form still works, and asks for nothing that was allowed in the first.
await logIn(second, password);
await second.waitForURL(`${redirect}**`);
// Now the browser is logged in; the legacy system behind wants the password all the same.
const third = await opened(asked("third"));
const codes = arrived.map(({ code }) => code);
const cookies = (await context.cookies(gateway)).map(({ name, httpOnly, sameSite, path }) => [name, httpOnly, sameSite, path]);
const outcome = {
  wrong,
  consent,
  states: arrived.map(({ state }) => state),
  issuers: [...new Set(arrived.map(({ iss }) => iss))],
  different: new Set(codes).size,
  redeemed: await redeemed(codes[1]),
  third: await field(third, "E-mail address or user name"),
  cookies: cookies.sort(),
  // A wrong password is a 400, which the browser reports as well.
  told: told.flat().filter((text) => !text.includes("status of 400")),
};
await browser.close();
app.close();
console.log(JSON.stringify(outcome));
