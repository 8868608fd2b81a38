"""requests_oauth2client, with tokens that are bound to a key (RFC 9449)."""

import time

import requests
from requests_oauth2client import DPoPKey, DPoPToken, EndpointError, OAuth2Client

from gateway import ISSUER, REDIRECT_URI, SCOPE, USER, run, visit


def client(client_id, dpop=True):
    """Its metadata and keys are read from the gateway, which is on loopback."""
    return OAuth2Client.from_discovery_endpoint(
        issuer=ISSUER,
        client_id=client_id,
        redirect_uri=REDIRECT_URI,
        dpop_bound_access_tokens=dpop,
        testing=True,
    )


def log_in(app, pushes=False, key=None):
    """The key is that of the authorization request: a new one, unless it is given."""
    request = app.authorization_request(scope=SCOPE, dpop_key=key)
    url = app.pushed_authorization_request(request).uri if pushes else request.uri
    # Its validation of an ID token loses the key that the access token is bound to: authlib_flows.py validates them.
    return app.authorization_code(request.validate_callback(visit(url)), validate=False)


def called(token):
    return requests.get(f"{ISSUER}/orders", auth=token).status_code


def journey(client_id, pushes=False):
    """From the login to the end of the session."""
    app = client(client_id)
    token = log_in(app, pushes)
    assert isinstance(token, DPoPToken), token
    assert app.userinfo(token)["email"] == USER["username"]
    assert (called(token), called(token)) == (200, 200)
    refreshed = app.refresh_token(token)
    assert refreshed.refresh_token != token.refresh_token and called(refreshed) == 200
    # A response that was lost comes again.
    assert app.refresh_token(token).refresh_token == refreshed.refresh_token
    assert app.revoke_refresh_token(refreshed)
    refused("invalid_grant", lambda: app.refresh_token(refreshed))


def wrong_clock():
    """The library takes the nonce of the refusal by itself."""
    app = client("phone")
    for wrong_by in (-7_200, 7_200):
        key = DPoPKey.generate(iat_generator=lambda: int(time.time()) + wrong_by)
        token = log_in(app, pushes=True, key=key)
        assert app.refresh_token(token).refresh_token != token.refresh_token


def stolen():
    """Whoever has the tokens and not the key has nothing."""
    app = client("phone")
    token = log_in(app)
    refused("invalid_grant", lambda: app.refresh_token(token.refresh_token))
    refused("invalid_dpop_proof", lambda: client("phone", dpop=False).refresh_token(token.refresh_token))
    headers = {"Authorization": f"Bearer {token.access_token}"}
    assert requests.get(f"{ISSUER}/orders", headers=headers).status_code == 401
    assert called(app.refresh_token(token)) == 200


def refused(error, request):
    try:
        request()
    except EndpointError as refusal:
        assert refusal.error == error, refusal
    else:
        raise AssertionError("it was not refused")


run(
    "requests_oauth2client",
    {
        "app that needs a key": lambda: journey("bound"),
        "pushed request": lambda: journey("phone", pushes=True),
        "wrong clock: use_dpop_nonce": wrong_clock,
        "another key: invalid_grant": stolen,
    },
)
