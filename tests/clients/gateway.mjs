// The gateway under test as .ci/clients has prepared it: where it is, its apps, its user, and what its API answers.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const { GATEWAY, SITE_SECRET, SIGNER_KEY } = process.env;
const installed = createRequire(new URL("../../target/tools/clients/", import.meta.url));

export const issuer = new URL(GATEWAY);
export const redirectUri = "http://127.0.0.1:49152/signed-in";
export const scope = "openid email orders:read";
export const user = { username: "ada@example.com", password: "correct horse battery staple" };
export const siteSecret = SITE_SECRET;

// A package that tests/clients/package-lock.json pins.
export function load(name) {
  return import(pathToFileURL(installed.resolve(name)));
}

// The private key by which the app `signer` authenticates.
export async function signerKey() {
  const { kid, ...jwk } = JSON.parse(readFileSync(SIGNER_KEY, "utf8"));
  return { kid, key: await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]) };
}

// The status of a call of an API with this access token.
export async function statusOfCall(accessToken) {
  const response = await fetch(new URL("/orders", issuer), { headers: { Authorization: `Bearer ${accessToken}` } });
  await response.arrayBuffer();
  return response.status;
}

// Runs flows one after another, prints one line for each, and ends the process with 1 if one has failed.
export async function run(client, flows) {
  for (const [name, flow] of Object.entries(flows)) {
    try {
      await flow();
      console.log(`ok      ${client}: ${name}`);
    } catch (error) {
      console.log(`failed  ${client}: ${name}`);
      console.error(error);
      process.exitCode = 1;
    }
  }
}
