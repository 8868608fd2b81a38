// usage: form.mjs DIRECTORY   Fills in the login form of DIRECTORY/en, sends it, and prints as JSON what the browser sends.
import path from "node:path";
import { address, complaints, launch, serve } from "./browser.mjs";

const [directory] = process.argv.slice(2);
const browser = await launch();
const context = await browser.newContext();
await serve(context, path.join(directory, "en"));
const page = await context.newPage();
const told = complaints(page);
await page.goto(`${address("login")}?client_id=demo-app&state=x%26y`);
await page.getByLabel("E-mail address or user name").fill("ada@example.com");
await page.getByLabel("Password").fill("correct horse");
const [request] = await Promise.all([
  page.waitForRequest((request) => request.method() === "POST"),
  page.getByRole("button", { name: "Log in", exact: true }).click(),
]);
const { origin, "content-type": type } = await request.allHeaders();
console.log(JSON.stringify({ url: request.url(), body: request.postData(), origin, type, told }));
await browser.close();
