// AppAuth for JavaScript as a desktop app uses it: the default browser and a redirect to a port of its own (RFC 8252 §7.3).
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { issuer, load, run, scope, statusOfCall, user } from "./gateway.mjs";

// Version 1.3.2: the modules of 1.4.0 load in Node.js only after a bundler.
const { default: appAuth } = await load("@openid/appauth");
const { default: node } = await load("@openid/appauth/built/node_support");
// The log has codes and tokens in it.
appAuth.setFlag("IS_LOG", false);

const CLIENT = "phone";
// In seconds. Unless told otherwise, the library takes tokens for expired ten minutes early: no access token here lasts longer.
const EXPIRY_BUFFER = -30;
const requestor = new node.NodeRequestor();
const tokenRequests = new appAuth.BaseTokenRequestHandler(requestor);
const server = await appAuth.AuthorizationServiceConfiguration.fetchFromIssuer(issuer.origin, requestor);

async function freePort() {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address();
  listener.close();
  await once(listener, "close");
  return port;
}

// The request, with its response or its error. The browser inherits the user's decision.
async function authorize(extras, decision = "allow") {
  process.env.DECISION = decision;
  const port = await freePort();
  const request = new appAuth.AuthorizationRequest(
    { client_id: CLIENT, redirect_uri: `http://127.0.0.1:${port}/signed-in`, scope, extras },
    new node.NodeCrypto(),
  );
  const handler = new node.NodeBasedHandler(port);
  const notifier = new appAuth.AuthorizationNotifier();
  handler.setAuthorizationNotifier(notifier);
  const told = new Promise((resolve) => {
    notifier.setAuthorizationListener((request, response, error) => resolve({ request, response, error }));
  });
  handler.performAuthorizationRequest(server, request);
  return told;
}

function tokens(request) {
  return tokenRequests.performTokenRequest(server, new appAuth.TokenRequest({ client_id: CLIENT, ...request }));
}

function refresh(token, redirectUri) {
  return tokens({ grant_type: appAuth.GRANT_TYPE_REFRESH_TOKEN, refresh_token: token, redirect_uri: redirectUri });
}

async function journey() {
  const { request, response } = await authorize();
  assert.equal(response.state, request.state);
  const { redirectUri, internal } = request;
  const first = await tokens({
    grant_type: appAuth.GRANT_TYPE_AUTHORIZATION_CODE,
    code: response.code,
    redirect_uri: redirectUri,
    extras: { code_verifier: internal.code_verifier },
  });
  assert.ok(first.idToken && first.isValid(EXPIRY_BUFFER));
  const headers = { Authorization: `Bearer ${first.accessToken}` };
  const { email } = await requestor.xhr({ url: server.userInfoEndpoint, method: "GET", dataType: "json", headers });
  assert.equal(email, user.username);
  assert.equal(await statusOfCall(first.accessToken), 200);
  const second = await refresh(first.refreshToken, redirectUri);
  assert.notEqual(second.refreshToken, first.refreshToken);
  const revocation = new appAuth.RevokeTokenRequest({ token: second.refreshToken, client_id: CLIENT });
  assert.equal(await tokenRequests.performRevokeTokenRequest(server, revocation), true);
  await assert.rejects(refresh(second.refreshToken, redirectUri));
  assert.equal(await statusOfCall(second.accessToken), 401);
}

async function refused(expected, extras, decision) {
  const { request, response, error } = await authorize(extras, decision);
  assert.equal(response, null);
  assert.deepEqual([error.error, error.state], [expected, request.state]);
}

await run("appauth", {
  "public app": journey,
  "prompt=none: login_required": () => refused("login_required", { prompt: "none" }),
  "access_denied": () => refused("access_denied", { prompt: "consent" }, "deny"),
});
