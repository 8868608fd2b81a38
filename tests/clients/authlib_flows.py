"""Authlib's requests client, as sites in Python use it."""

import json
import os
import time

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from gateway import ISSUER, REDIRECT_URI, SCOPE, USER, run, visit

SERVER = requests.get(f"{ISSUER}/.well-known/openid-configuration").json()
# The gateway is on loopback.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


def session(client_id, method, secret=None):
    return OAuth2Session(
        client_id,
        secret,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        scope=SCOPE,
        redirect_uri=REDIRECT_URI,
        code_challenge_method="S256",
        token_endpoint=SERVER["token_endpoint"],
    )


def signer():
    """The app that has a key. The library names no key and lets assertions last an hour: the gateway wants a `kid`, and
    five minutes at most."""
    with open(os.environ["SIGNER_KEY"]) as file:
        key = ECKey.import_key(json.load(file))
    client = session("signer", "private_key_jwt", key)

    class Assertion(PrivateKeyJWT):
        def sign(self, auth, token_endpoint):
            self.claims = {"exp": int(time.time()) + 60}
            self.headers = {"kid": key.kid}
            return super().sign(auth, token_endpoint)

    client.register_client_auth_method(Assertion(SERVER["token_endpoint"], alg="ES256"))
    return client


def log_in(client):
    """Returns the claims of the ID token; the client keeps the tokens."""
    verifier, nonce = generate_token(48), generate_token()
    endpoint = SERVER["authorization_endpoint"]
    url, state = client.create_authorization_url(endpoint, code_verifier=verifier, nonce=nonce)
    token = client.fetch_token(authorization_response=visit(url), state=state, code_verifier=verifier)
    return validated(client, token, nonce)


def validated(client, token, nonce=None):
    keys = KeySet.import_key_set(requests.get(SERVER["jwks_uri"]).json())
    decoded = jwt.decode(token["id_token"], keys, algorithms=SERVER["id_token_signing_alg_values_supported"])
    options = {"iss": {"value": ISSUER}, "aud": {"value": client.client_id}}
    params = {"nonce": nonce, "client_id": client.client_id, "access_token": token["access_token"]}
    claims = CodeIDToken(decoded.claims, decoded.header, options, params)
    claims.validate(leeway=5)
    return claims


def journey(client):
    """From the login to the end of the session."""
    claims = log_in(client)
    told = client.get(SERVER["userinfo_endpoint"]).json()
    assert (told["sub"], told["email"]) == (claims["sub"], USER["username"]), told
    assert client.get(f"{ISSUER}/orders").status_code == 200
    first = client.token["refresh_token"]
    token = client.refresh_token(SERVER["token_endpoint"], refresh_token=first)
    assert token["refresh_token"] != first
    assert validated(client, token)["sub"] == claims["sub"]
    revocation = client.revoke_token(SERVER["revocation_endpoint"], token["refresh_token"])
    assert revocation.status_code == 200, revocation.text
    refused(lambda: client.refresh_token(SERVER["token_endpoint"], refresh_token=token["refresh_token"]))
    assert client.get(f"{ISSUER}/orders").status_code == 401


def refused(request):
    try:
        request()
    except OAuthError as error:
        assert error.error == "invalid_grant", error
    else:
        raise AssertionError("it was not refused")


SECRET = os.environ["SITE_SECRET"]
run(
    "authlib",
    {
        "public app": lambda: journey(session("phone", "none")),
        "client_secret_basic": lambda: journey(session("site", "client_secret_basic", SECRET)),
        "client_secret_post": lambda: journey(session("site", "client_secret_post", SECRET)),
        "private_key_jwt, ES256 ID token": lambda: journey(signer()),
    },
)
