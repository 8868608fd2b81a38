"""The gateway under test as .ci/clients has prepared it, its user with a browser that has no window, and how flows are run."""

import os
import re
import sys
import traceback
from urllib.parse import urljoin, urlsplit

import requests

ISSUER = os.environ["GATEWAY"]
REDIRECT_URI = "http://127.0.0.1:49152/signed-in"
SCOPE = "openid email orders:read"
USER = {"username": "ada@example.com", "password": "correct horse battery staple"}
MOST_PAGES = 10


def visit(url):
    """Logs in, allows, and returns the URL of the app to which the gateway redirects."""
    browser = requests.Session()
    response = browser.get(url, allow_redirects=False)
    for _ in range(MOST_PAGES):
        if response.status_code == 303:
            url = urljoin(response.url, response.headers["Location"])
            if urlsplit(url)[:2] != urlsplit(ISSUER)[:2]:
                return url
            response = browser.get(url, allow_redirects=False)
        else:
            response.raise_for_status()
            token = re.search('name="form_token" value="([^"]*)"', response.text)
            answers = USER if 'name="password"' in response.text else {"decision": "allow"}
            form = {"form_token": token[1], **answers}
            response = browser.post(response.url, data=form, allow_redirects=False)
    raise AssertionError(f"the pages have no end at {response.url}")


def run(client, flows):
    """Runs flows one after another, prints one line for each, and ends the process with 1 if one has failed."""
    failures = 0
    for name, flow in flows.items():
        try:
            flow()
            print(f"ok      {client}: {name}")
        except Exception:
            failures += 1
            print(f"failed  {client}: {name}")
            traceback.print_exc()
    sys.exit(failures > 0)
