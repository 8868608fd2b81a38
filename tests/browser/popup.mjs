// usage: popup.mjs GATEWAY CLIENT USERNAME PASSWORD   Has a web app on another origin open a login in a pop-up window, whose
// redirect URI is on the loopback address in brackets, and prints as JSON what reached the window of the app.
import http from "node:http";
import { complaints, launch } from "./browser.mjs";

const [gateway, client, username, password] = process.argv.slice(2);

// A window that was opened tells the app what it was sent, as libraries for web apps do it.
const pages = {
  "/": "<!doctype html><title>App</title><button>Log in</button>",
  "/signed-in": "<!doctype html><title>Back</title><script>opener.postMessage(location.search, '*')</script>",
};
const app = http.createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://app");
  response.writeHead(200, { "Content-Type": "text/html", "Cross-Origin-Opener-Policy": "unsafe-none" });
  response.end(pages[pathname] ?? "");
});
await new Promise((listening) => app.listen(0, "::1", listening));
const origin = `http://[::1]:${app.address().port}`;
const asked = `${gateway}/oauth2/authorize?${new URLSearchParams({
  response_type: "code",
  client_id: client,
  redirect_uri: `${origin}/signed-in`,
  scope: "orders:read",
  state: "state",
  code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  code_challenge_method: "S256",
})}`;

const browser = await launch();
const context = await browser.newContext({ locale: "en-GB" });
const page = await context.newPage();
await page.goto(origin);
const told = page.evaluate(
  (url) => new Promise((resolve) => {
    addEventListener("message", ({ data }) => resolve(data), { once: true });
    document.querySelector("button").onclick = () => window.open(url, "login", "width=400,height=700");
  }),
  asked,
);
const opening = context.waitForEvent("page");
await page.getByRole("button").click();
const login = await opening;
const complained = complaints(login);
await login.getByLabel("E-mail address or user name").fill(username);
await login.getByLabel("Password").fill(password);
await login.getByRole("button", { name: "Log in" }).click();
await login.getByRole("button", { name: "Allow", exact: true }).click();
const parameters = new URLSearchParams(await Promise.race([told, new Promise((late) => setTimeout(late, 10_000, ""))]));
console.log(JSON.stringify({ names: [...parameters.keys()].sort(), iss: parameters.get("iss"), told: complained }));
await browser.close();
app.close();
