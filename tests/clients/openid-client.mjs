// openid-client, as apps and sites in Node.js use it.
import assert from "node:assert/strict";
import { issuer, load, redirectUri, run, scope, signerKey, siteSecret, statusOfCall, user } from "./gateway.mjs";
import { Visitor } from "./visitor.mjs";

const client = await load("openid-client");

function discover(app, authentication, metadata = {}) {
  // Signatures of ID tokens are checked, which the library leaves out where TLS vouches for them.
  const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks];
  return client.discovery(issuer, app, metadata, authentication, { execute });
}

async function discoverSigner() {
  const authentication = client.PrivateKeyJwt(await signerKey());
  return discover("signer", authentication, { id_token_signed_response_alg: "ES256" });
}

async function logIn(config, authorizationUrl = client.buildAuthorizationUrl) {
  const [pkceCodeVerifier, expectedState, expectedNonce] =
    [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()];
  const url = await authorizationUrl(config, {
    redirect_uri: redirectUri,
    scope,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    state: expectedState,
    nonce: expectedNonce,
  });
  const back = await new Visitor().visit(url);
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true };
  return client.authorizationCodeGrant(config, back, checks);
}

// From the login to the end of the session.
async function journey(config, authorizationUrl) {
  const tokens = await logIn(config, authorizationUrl);
  const { sub } = tokens.claims();
  const { email } = await client.fetchUserInfo(config, tokens.access_token, sub);
  assert.equal(email, user.username);
  assert.equal(await statusOfCall(tokens.access_token), 200);
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
  assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
  assert.equal(refreshed.claims().sub, sub);
  await client.tokenRevocation(config, refreshed.refresh_token);
  await assert.rejects(client.refreshTokenGrant(config, refreshed.refresh_token), { error: "invalid_grant" });
  assert.equal(await statusOfCall(refreshed.access_token), 401);
}

async function introspection(config) {
  const { access_token: token } = await logIn(config);
  assert.equal((await client.tokenIntrospection(config, token)).active, true);
  await client.tokenRevocation(config, token);
  assert.equal((await client.tokenIntrospection(config, token)).active, false);
}

const pushed = client.buildAuthorizationUrlWithPAR;
const site = client.ClientSecretBasic(siteSecret);
await run("openid-client", {
  "public app": async () => journey(await discover("phone", client.None())),
  "public app, pushed request": async () => journey(await discover("phone", client.None()), pushed),
  "client_secret_basic": async () => journey(await discover("site", site)),
  "client_secret_basic, pushed request": async () => journey(await discover("site", site), pushed),
  "client_secret_post": async () => journey(await discover("site", client.ClientSecretPost(siteSecret))),
  "private_key_jwt, ES256 ID token": async () => journey(await discoverSigner()),
  "private_key_jwt, pushed request": async () => journey(await discoverSigner(), pushed),
  "introspection": async () => introspection(await discover("site", site)),
  "introspection, private_key_jwt": async () => introspection(await discoverSigner()),
});
