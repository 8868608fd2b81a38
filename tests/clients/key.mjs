// usage: key.mjs PRIVATE PUBLIC   Makes a key on P-256, and writes it as a JWK and its public half as a JWK Set.
import { writeFileSync } from "node:fs";

const [privateFile, publicFile] = process.argv.slice(2);
const { privateKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
const { kty, crv, x, y, d } = await crypto.subtle.exportKey("jwk", privateKey);
const published = { kty, crv, x, y, kid: "of-the-check", use: "sig" };
writeFileSync(privateFile, JSON.stringify({ kty, crv, x, y, d, kid: published.kid }), { mode: 0o600 });
writeFileSync(publicFile, JSON.stringify({ keys: [published] }));
