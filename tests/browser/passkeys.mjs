// usage: passkeys.mjs GATEWAY CLIENT USERNAME PASSWORD   Adds a passkey on the account page, logs in with it on the form of an app, removes it, and
// prints as JSON what was seen. The authenticator is Chromium's own in software.
import { createHash, randomBytes } from "node:crypto";
import http from "node:http";
import { PHONE, complaints, findings, launch } from "./browser.mjs";

const [gateway, client, username, password] = process.argv.slice(2);

const arrived = [];
const app = http.createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://127.0.0.1");
  if (pathname === "/signed-in") arrived.push(Object.fromEntries(searchParams));
  response.end("arrived");
});
await new Promise((listening) => app.listen(0, "127.0.0.1", listening));
const redirect = `http://127.0.0.1:${app.address().port}/signed-in`;
const verifier = randomBytes(32).toString("base64url");
const asked = `${gateway}/oauth2/authorize?${new URLSearchParams({
  response_type: "code",
  client_id: client,
  redirect_uri: redirect,
  scope: "orders:read",
  state: "state",
  code_challenge: createHash("sha256").update(verifier).digest("base64url"),
  code_challenge_method: "S256",
})}`;
const redeemed = async (code) => {
  const fields = { grant_type: "authorization_code", client_id: client, code, redirect_uri: redirect, code_verifier: verifier };
  const response = await fetch(`${gateway}/oauth2/token`, { method: "POST", body: new URLSearchParams(fields) });
  return (await response.json()).access_token;
};
const calls = async (token) =>
  (await fetch(`${gateway}/catalogue`, { headers: { authorization: `Bearer ${token}` } })).status;

const browser = await launch();
const context = await browser.newContext({ viewport: PHONE, locale: "en-GB" });
const page = await context.newPage();
const told = [complaints(page)];
const check = async () => told.push((await findings(page)).map((text) => `${new URL(page.url()).pathname}: ${text}`));
const heading = () => page.getByRole("heading", { level: 1 }).innerText();
const press = (label) => page.getByRole("button", { name: label, exact: true }).click();

const devices = await context.newCDPSession(page);
await devices.send("WebAuthn.enable");
const { authenticatorId } = await devices.send("WebAuthn.addVirtualAuthenticator", {
  options: {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  },
});
// Whether the person is there at once when the browser asks. The list at the field of a login form waits for one who chooses from it.
const present = (enabled) => devices.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled });

// The page of passkeys, after a login with the password.
await page.goto(`${gateway}/account/passkeys`);
await page.getByLabel("E-mail address or user name").fill(username);
await page.getByLabel("Password", { exact: true }).fill(password);
await press("Log in");
const steps = [await heading()];
const none = await page.getByText("You have no passkey yet.").isVisible();
await check();
// A page that lay open for too long has its device make nothing that would be refused: it is asked for anew.
await page.evaluate(() => { performance.now = () => 240_001; });
const anew = page.waitForEvent("load");
await press("Add a passkey");
await anew;
const late = (await devices.send("WebAuthn.getCredentials", { authenticatorId })).credentials.length;
await press("Add a passkey");
await page.getByRole("status").waitFor();
const saved = await page.getByRole("status").innerText();
const kept = (await devices.send("WebAuthn.getCredentials", { authenticatorId })).credentials.length;
await check();
// The same device again: the browser says so, and nothing is sent.
await press("Add a passkey");
await page.getByText("There is a passkey of your account on this device already.").waitFor();
const again = await page.getByRole("alert").innerText();

// Out of this browser, and in again with the passkey alone.
await page.goto(`${gateway}/account`);
await press("Log out");
await press("Log out");
steps.push(await heading());
await present(false);
await page.goto(asked);
await check();
const offered = page.getByRole("button", { name: "Log in with a passkey" });
await offered.waitFor();
// The person does not pass the check of the device: the page says so, keeps saying it while the browser's list waits again, and takes the next try.
const verified = (isUserVerified) => devices.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });
await verified(false);
await present(true);
await offered.click();
await page.getByText("No passkey was used.").waitFor();
await page.evaluate(async () => {
  await PublicKeyCredential.isConditionalMediationAvailable?.();
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
});
const cancelled = await page.locator("#passkey-told").innerText();
await check();
await present(false);
await verified(true);
await present(true);
await offered.click();
const allow = page.getByRole("button", { name: "Allow", exact: true });
await Promise.race([page.waitForURL(`${redirect}**`), allow.waitFor()]);
if (arrived.length === 0) await allow.click();
await page.waitForURL(`${redirect}**`);
const token = await redeemed(arrived[0].code);
const felt = [await calls(token)];

// That login is proof enough to remove it. What began with it ends.
await page.goto(`${gateway}/account/passkeys`);
steps.push(await heading());
const row = await page.getByRole("listitem").first().innerText();
await page.getByRole("button", { name: /^Remove/ }).click();
await page.getByText("You have no passkey yet.").waitFor();
await check();
felt.push(await calls(token));

// The authenticator has it still; the gateway does not take it.
await page.goto(`${gateway}/account`);
await press("Log out");
await press("Log out");
await present(false);
await page.goto(asked);
await offered.waitFor();
await present(true);
const sent = page.waitForRequest((request) => request.method() === "POST");
await offered.click();
await sent;
await present(false);
await page.getByText("The passkey was not accepted.").first().waitFor();
steps.push(await heading());

const outcome = {
  steps,
  none,
  late,
  saved,
  kept,
  again,
  cancelled,
  used: row.includes("Last used:") && row.includes("UTC") && !row.includes("not yet"),
  felt,
  arrived: arrived.length,
  // A passkey that is refused is a 400, which the browser reports as well.
  told: told.flat().filter((text) => !text.includes("status of 400")),
};
await browser.close();
app.close();
console.log(JSON.stringify(outcome));
