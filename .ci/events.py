"""Hands every sample in events/ to its function and checks the outcome; then one call, of either version, through three.

Usage: events.py DIRECTORY COMMAND…, where {id} in the command stands for the logical id of the function, {binary} for the
name of its binary and {event} for the file of the event. Events made here are written into DIRECTORY.
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

# The logical id of each function in the template, by the name of its binary.
FUNCTION = re.compile(r"^  (\w+):\n    Type: AWS::Serverless::Function\n(?:    .*\n)*?        Binary: (\w+)$", re.MULTILINE)
IDS = {binary: logical_id for logical_id, binary in FUNCTION.findall(Path("template.yaml").read_text())}

# The tokens and sessions in the samples are no real ones: an authorizer refuses them, and a proxy finds no session. For an
# HTTP API the authorizer hands its refusal on, and the proxy words it.
SAMPLES = {
    "token-rest.json": "200 with access_token",
    "token-http.json": "200 with access_token",
    "authorize-rest.json": "200 with Demo App",
    "authorize-challenge-rest.json": "403 with insufficient_authorization",
    "authorizer-rest.json": "error Unauthorized",
    "authorizer-http.json": "decision invalid_token",
    "proxy-rest-public.json": "200 with pong",
    "proxy-rest.json": "401 with login with the password",
    "proxy-rest-post.json": "401 with login with the password",
    "proxy-http.json": "401 with login with the password",
    "renewal.json": "word over",
    "renewal-logout.json": "word logged_out",
    "renewal-lapsed.json": "word logged_out",
    "account-http.json": "202 with expires_in",
    "outbox-due-events.json": 'json {"done": 0}',
    "outbox-due.json": 'json {"done": 0}',
    "outbox-deliver.json": 'json {"outcome": "not_due"}',
    "outbox-bounce.json": 'json {"noted": 1}',
}

directory, command = Path(sys.argv[1]), sys.argv[2:]


def invoke(path):
    """The answer of a function as JSON, or what was printed instead."""
    binary = path.stem.split("-")[0]
    places = {"id": IDS[binary], "binary": binary, "event": path}
    try:
        run = subprocess.run([part.format(**places) for part in command], capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired as late:
        return None, f"no answer: {late}"
    try:
        answer = json.loads(run.stdout.strip().splitlines()[-1])
        if "errorMessage" not in answer:
            return answer, ""
    except (ValueError, IndexError):
        pass
    return None, run.stdout + run.stderr


def check(path, wanted, note=""):
    """Prints one line when the function does with this event what it should, and ends everything when it does not."""
    started = time.monotonic()
    answer, printed = invoke(path)
    what, _, words = wanted.partition(" with ")
    if what.startswith("error "):
        good = answer is None and what.removeprefix("error ") in printed
    elif what.startswith("json "):
        good = answer == json.loads(what.removeprefix("json "))
    elif what.startswith("word "):
        good = answer == what.removeprefix("word ")
    elif what.startswith("decision "):
        good = answer and answer.get("context", {}).get("decision") == what.removeprefix("decision ")
    else:
        good = answer and str(answer.get("statusCode")) == what and words in answer["body"]
    if not good:
        sys.exit(f"{path}: expected {wanted}, got\n{json.dumps(answer, indent=1) if answer else printed}")
    print(f"ok  {path.name + note:<46} {wanted:<28} {time.monotonic() - started:4.1f} s", flush=True)
    return answer


def written(name, event):
    path = directory / name
    path.write_text(json.dumps(event))
    return path


def followed(version):
    """Logs in, asks the authorizer with that token, and hands the proxy what the authorizer says of the call."""
    token = json.loads(check(Path(f"events/token-{version}.json"), "200 with access_token")["body"])["access_token"]
    event = json.loads(Path(f"events/authorizer-{version}.json").read_text())
    for headers in ("headers", "multiValueHeaders"):
        for name in event.get(headers, {}):
            if name.lower() == "authorization":
                event[headers][name] = f"Bearer {token}" if headers == "headers" else [f"Bearer {token}"]
    if version == "http":
        event["identitySource"] = [f"Bearer {token}"]
    context = check(written(f"authorizer-{version}.json", event), "decision admitted", ", with that token")["context"]
    event = json.loads(Path(f"events/proxy-{version}.json").read_text())
    authorizer = event["requestContext"]["authorizer"]
    (authorizer["lambda"] if version == "http" else authorizer).update(context)
    check(written(f"proxy-{version}.json", event), "200 with a first order", ", admitted by that")


unnamed = {name.split("-")[0].removesuffix(".json") for name in SAMPLES} - IDS.keys()
if unnamed:
    sys.exit(f"template.yaml has no function with the binary {', '.join(sorted(unnamed))}")
unknown = {path.name for path in Path("events").iterdir()} ^ SAMPLES.keys()
if unknown:
    sys.exit(f"events.py and events/ differ in {', '.join(sorted(unknown))}")
for name, wanted in SAMPLES.items():
    check(Path("events") / name, wanted)
for version in ("rest", "http"):
    followed(version)
