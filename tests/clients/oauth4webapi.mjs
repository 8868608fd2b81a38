// oauth4webapi, the protocol step by step: the flows, keys that tokens are bound to, the errors of the gateway, and RFC 9207.
import assert from "node:assert/strict";
import { issuer, load, redirectUri, run, scope, signerKey, siteSecret, statusOfCall, user } from "./gateway.mjs";
import { Visitor } from "./visitor.mjs";

const oauth = await load("oauth4webapi");
const http = { [oauth.allowInsecureRequests]: true };

const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, http));
const phone = { client: { client_id: "phone" }, authentication: oauth.None() };
const site = { client: { client_id: "site" }, authentication: oauth.ClientSecretBasic(siteSecret) };
const sitePosting = { ...site, authentication: oauth.ClientSecretPost(siteSecret) };
const signer = {
  client: { client_id: "signer", id_token_signed_response_alg: "ES256" },
  authentication: oauth.PrivateKeyJwt(await signerKey()),
};
const bound = { client: { client_id: "bound" }, authentication: oauth.None() };

// The app on a device with a key of its own, which it proves with each request; the clock of the device is wrong by so many seconds.
async function keyed(app, wrongBy = 0) {
  const keys = await oauth.generateKeyPair("ES256");
  return { ...app, DPoP: oauth.DPoP({ ...app.client, [oauth.clockSkew]: wrongBy }, keys) };
}

// The options of its requests.
function by({ DPoP }) {
  return DPoP ? { ...http, DPoP } : http;
}

// What a client keeps while the user is away, and its authorization request.
async function begin({ client }, more = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const parameters = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: "code",
    scope,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
    ...more,
  });
  return { parameters, verifier, state, nonce };
}

function authorizationUrl(parameters) {
  return `${server.authorization_endpoint}?${parameters}`;
}

async function push(app, parameters) {
  const { client, authentication } = app;
  const response = await oauth.pushedAuthorizationRequest(server, client, authentication, parameters, by(app));
  const { request_uri } = await oauth.processPushedAuthorizationResponse(server, client, response);
  return new URLSearchParams({ client_id: client.client_id, request_uri });
}

async function redeem(app, { verifier, nonce }, callback) {
  const { client, authentication } = app;
  const response =
    await oauth.authorizationCodeGrantRequest(server, client, authentication, callback, redirectUri, verifier, by(app));
  const checks = { expectedNonce: nonce, requireIdToken: true };
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, checks);
  await oauth.validateApplicationLevelSignature(server, response, http);
  return tokens;
}

async function refresh(app, token, options = by(app)) {
  const { client, authentication } = app;
  const response = await oauth.refreshTokenGrantRequest(server, client, authentication, token, options);
  const tokens = await oauth.processRefreshTokenResponse(server, client, response);
  await oauth.validateApplicationLevelSignature(server, response, http);
  return tokens;
}

async function userinfo(app, accessToken, subject) {
  const response = await oauth.userInfoRequest(server, app.client, accessToken, by(app));
  return oauth.processUserInfoResponse(server, app.client, subject, response);
}

// The status of a call of an API.
async function called(app, accessToken) {
  if (!app.DPoP) return statusOfCall(accessToken);
  const url = new URL("/orders", issuer);
  const call = oauth.protectedResourceRequest(accessToken, "GET", url, undefined, undefined, by(app));
  return (await call.catch((thrown) => thrown)).status;
}

// An app that logs a user in.
async function logsIn(app, more = {}) {
  const begun = await begin(app, more);
  const back = await new Visitor().visit(authorizationUrl(begun.parameters));
  return { begun, callback: oauth.validateAuthResponse(server, app.client, back, begun.state) };
}

// From the login to the end of the session.
async function journey(app, { pushes = false } = {}) {
  const { client, authentication } = app;
  const named = app.DPoP && !pushes ? { dpop_jkt: await app.DPoP.calculateThumbprint() } : {};
  const begun = await begin(app, named);
  const request = pushes ? await push(app, begun.parameters) : begun.parameters;
  const back = await new Visitor().visit(authorizationUrl(request));
  const tokens = await redeem(app, begun, oauth.validateAuthResponse(server, client, back, begun.state));
  assert.equal(tokens.token_type, app.DPoP ? "dpop" : "bearer");
  const { sub } = oauth.getValidatedIdTokenClaims(tokens);
  assert.equal((await userinfo(app, tokens.access_token, sub)).email, user.username);
  assert.equal(await called(app, tokens.access_token), 200);
  const refreshed = await refresh(app, tokens.refresh_token);
  assert.equal(oauth.getValidatedIdTokenClaims(refreshed).sub, sub);
  const revocation = await oauth.revocationRequest(server, client, authentication, refreshed.refresh_token, http);
  await oauth.processRevocationResponse(revocation);
  await assert.rejects(refresh(app, refreshed.refresh_token), isError("invalid_grant", 400));
  assert.equal(await called(app, refreshed.access_token), 401);
}

// An error response in JSON as the library has read it.
function isError(error, status) {
  return (thrown) => thrown.code === oauth.RESPONSE_BODY_ERROR && thrown.error === error && thrown.status === status;
}

// An authorization response with this error, otherwise as good as one with a code.
function assertRefusal(back, state, error) {
  const isRefusal = (thrown) => thrown.code === oauth.AUTHORIZATION_RESPONSE_ERROR && thrown.error === error;
  assert.throws(() => oauth.validateAuthResponse(server, phone.client, back, state), isRefusal);
}

async function refused(more, error, decision) {
  const { parameters, state } = await begin(phone, more);
  const back = await new Visitor().visit(authorizationUrl(parameters), decision);
  assertRefusal(back, state, error);
}

// RFC 9207: the metadata promise `iss`, so that the library takes no response without it or of another server.
async function mixedUp() {
  const { parameters, state } = await begin(phone);
  const back = await new Visitor().visit(authorizationUrl(parameters));
  oauth.validateAuthResponse(server, phone.client, back, state);
  for (const iss of [[], ["https://attacker.example"]]) {
    const other = new URL(back);
    other.searchParams.delete("iss");
    for (const value of iss) other.searchParams.set("iss", value);
    assert.throws(() => oauth.validateAuthResponse(server, phone.client, other, state), { code: oauth.INVALID_RESPONSE });
  }
}

// RFC 6749 §4.1.2: a code that comes twice is refused, and ends what it has begun.
async function replayed() {
  const begun = await begin(phone);
  const back = await new Visitor().visit(authorizationUrl(begun.parameters));
  const callback = oauth.validateAuthResponse(server, phone.client, back, begun.state);
  const tokens = await redeem(phone, begun, callback);
  await assert.rejects(redeem(phone, begun, callback), isError("invalid_grant", 400));
  await assert.rejects(refresh(phone, tokens.refresh_token), isError("invalid_grant", 400));
}

async function wrongVerifier() {
  const begun = await begin(phone);
  const back = await new Visitor().visit(authorizationUrl(begun.parameters));
  const callback = oauth.validateAuthResponse(server, phone.client, back, begun.state);
  const other = { ...begun, verifier: oauth.generateRandomCodeVerifier() };
  await assert.rejects(redeem(phone, other, callback), isError("invalid_grant", 400));
}

async function wrongSecret() {
  const app = { ...site, authentication: oauth.ClientSecretPost(oauth.generateRandomState()) };
  const { parameters } = await begin(app);
  await assert.rejects(push(app, parameters), isError("invalid_client", 401));
}

// Asks an app's question with `prompt=none` in a browser in which the user is logged in and has given the consent.
async function silently(app, scope) {
  const visitor = new Visitor();
  const first = await begin(app);
  await visitor.visit(authorizationUrl(first.parameters));
  const begun = await begin(app, { prompt: "none", scope });
  const back = await visitor.visit(authorizationUrl(begun.parameters));
  return { begun, back };
}

async function loggedInAlready() {
  const { begun, back } = await silently(site, "openid email");
  await redeem(site, begun, oauth.validateAuthResponse(server, site.client, back, begun.state));
}

// Any app of the device can be at the redirect URI of a public one: its user is asked each time (RFC 8252 §8.6).
async function consentNeeded() {
  const { begun, back } = await silently(phone, "openid email");
  assertRefusal(back, begun.state, "consent_required");
}

// The back end of the orders wants the password itself, which nobody types here.
async function passwordNeeded() {
  const { begun, back } = await silently(site, scope);
  assertRefusal(back, begun.state, "interaction_required");
}

// RFC 9449 §5.2.
async function withoutItsKey() {
  const { begun, callback } = await logsIn(bound);
  await assert.rejects(redeem(bound, begun, callback), isError("invalid_dpop_proof", 400));
  const tokens = await redeem(await keyed(bound), begun, callback);
  assert.equal(await statusOfCall(tokens.access_token), 401, "as a bearer token");
}

// RFC 9449 §8: the library keeps the nonce of the refusal, and the app asks again.
async function wrongClock() {
  for (const wrongBy of [-7_200, 7_200]) {
    const app = await keyed(phone, wrongBy);
    const { begun, callback } = await logsIn(app);
    await assert.rejects(redeem(app, begun, callback), oauth.isDPoPNonceError);
    const tokens = await redeem(app, begun, callback);
    await refresh(app, tokens.refresh_token);
  }
}

// An HTTP stack that repeats a request whose response it has lost sends the same proof again.
async function repeated() {
  const app = await keyed(phone);
  const { begun, callback } = await logsIn(app);
  const tokens = await redeem(app, begun, callback);
  let first;
  const twice = async (url, options) => {
    first = await (await fetch(url, options)).json();
    return fetch(url, options);
  };
  const options = { ...by(app), [oauth.customFetch]: twice };
  await assert.rejects(refresh(app, tokens.refresh_token, options), oauth.isDPoPNonceError);
  const again = await refresh(app, tokens.refresh_token);
  assert.equal(again.refresh_token, first.refresh_token);
  assert.equal(await called(app, again.access_token), 200);
}

async function anotherKey() {
  const app = await keyed(phone);
  const { begun, callback } = await logsIn(app, { dpop_jkt: await app.DPoP.calculateThumbprint() });
  const thief = await keyed(phone);
  await assert.rejects(redeem(thief, begun, callback), isError("invalid_grant", 400));
  const tokens = await redeem(app, begun, callback);
  assert.equal(await called(thief, tokens.access_token), 401);
  await assert.rejects(refresh(thief, tokens.refresh_token), isError("invalid_grant", 400));
  await assert.rejects(refresh(phone, tokens.refresh_token), isError("invalid_dpop_proof", 400));
  await refresh(app, tokens.refresh_token);
}

await run("oauth4webapi", {
  "public app": () => journey(phone),
  "public app, pushed request": () => journey(phone, { pushes: true }),
  "client_secret_basic": () => journey(site),
  "client_secret_post": () => journey(sitePosting),
  "client_secret_post, pushed request": () => journey(sitePosting, { pushes: true }),
  "private_key_jwt, ES256 ID token": () => journey(signer),
  "private_key_jwt, pushed request": () => journey(signer, { pushes: true }),
  "DPoP": async () => journey(await keyed(phone)),
  "DPoP, pushed request": async () => journey(await keyed(phone), { pushes: true }),
  "DPoP, client_secret_basic": async () => journey(await keyed(site)),
  "DPoP, app that needs it: invalid_dpop_proof": withoutItsKey,
  "DPoP, wrong clock: use_dpop_nonce": wrongClock,
  "DPoP, request that comes twice: use_dpop_nonce": repeated,
  "DPoP, another key: invalid_grant": anotherKey,
  "prompt=none, logged in": loggedInAlready,
  "prompt=none: consent_required": consentNeeded,
  "prompt=none: interaction_required": passwordNeeded,
  "prompt=none: login_required": () => refused({ prompt: "none" }, "login_required"),
  "access_denied": () => refused({ prompt: "consent" }, "access_denied", "deny"),
  "invalid_scope": () => refused({ scope: "openid orders:write" }, "invalid_scope"),
  "iss of another server": mixedUp,
  "code that comes twice: invalid_grant": replayed,
  "wrong code_verifier: invalid_grant": wrongVerifier,
  "wrong secret: invalid_client": wrongSecret,
});
