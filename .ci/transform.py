"""Prints the CloudFormation that SAM makes of a template, without an AWS account, when a deploy of it does what it should.

The checks are of what no emulator shows: what SAM makes anew, and so CloudFormation updates, when something changes.
"""

import json
import logging
import os
import re
import sys
import time

from cfnlint.decode.cfn_yaml import load
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The template writes its own statements and names no managed policy."""

    def load(self):
        return {}


def transformed(path, changed=None, at=0, **parameters):
    """What SAM makes of the template at this time, with the content of one resource changed."""
    template = json.loads(json.dumps(load(path)))
    for logical_id, resource in template["Resources"].items():
        # `sam build` and `sam deploy` put S3 locations here.
        properties = resource.get("Properties", {})
        for name in ("CodeUri", "ContentUri"):
            if name in properties:
                properties[name] = f"s3://bucket/{'changed' if logical_id == changed else 'key'}"
    time.time, now = (lambda: at), time.time
    try:
        return transform(template, parameters, NoManagedPolicies())
    finally:
        time.time = now


def deployment(template):
    """The deployment that the stage serves: API Gateway serves a snapshot, not what the API is by now."""
    (stage,) = (one for one in template["Resources"].values() if one["Type"] == "AWS::ApiGateway::Stage")
    return stage["Properties"]["DeploymentId"]["Ref"]


def asked(template):
    """What CloudFormation compares to decide whether the keys function is asked, and so reads gateway.yaml."""
    return template["Resources"]["Keys"]["Properties"]


def check(path):
    """Decision 0022: what is deployed goes live, unless gateway.yaml is wrong for the code that reads it."""
    first = transformed(path)
    assert deployment(first) != deployment(transformed(path, at=60)), "a deploy without a new deployment of the API"
    changed = transformed(path, CorsOrigin="https://app.example.com", at=60)
    assert deployment(first) != deployment(changed), "a new CorsOrigin that does not go live"
    assert asked(first) == asked(transformed(path, at=60)), "the keys function is asked though nothing changed"
    # Compared as they are written, so the reference is what must be there; its value is another when the parameter is.
    assert asked(first)["CorsOrigin"] == {"Ref": "CorsOrigin"}, "a new CorsOrigin that is not compared with gateway.yaml"
    for what in ("GatewayConfig", "KeysFunction"):
        assert asked(first) != asked(transformed(path, changed=what)), f"a new {what} that is not checked"
    streaming(first)
    permitted(first)
    alarms(first)
    (api,) = (one for one in first["Resources"].values() if one["Type"] == "AWS::ApiGateway::RestApi")
    servers = api["Properties"]["Body"]["servers"]
    # With OpenAPI 3 it counts only there.
    closed = [server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"] for server in servers]
    assert closed == [{"Fn::If": ["ClosesRestApi", True, False]}], servers
    closes = {"Fn::Or": [{"Condition": "HasDomain"}, {"Condition": "IsHttpApi"}]}
    assert first["Conditions"]["ClosesRestApi"] == closes, "a REST API that stays open beside an HTTP API"


def permitted(template):
    """What lets API Gateway and others call a function fits into the policy of the function.

    Lambda takes 20,480 bytes (AWS Lambda, Quotas) and CloudFormation tells of more only when it deploys. A statement is
    written here with the longest names that people give a stack and a region.
    """
    stack, region, account = "a-stack-with-a-name-of-forty-characters!", "ap-southeast-1", "1" * 12
    sizes = {}
    for name, one in template["Resources"].items():
        if one["Type"] != "AWS::Lambda::Permission":
            continue
        properties = one["Properties"]
        (function,) = re.findall(r"\w+Function", json.dumps(properties["FunctionName"]))[:1]
        source = json.dumps(properties.get("SourceArn", ""))
        path = re.search(r"\$\{__Stage__\}(/.*?)\"", source)
        statement = {
            "Sid": f"{stack}-{name}-ABCDEFGHIJKL",
            "Effect": "Allow",
            "Principal": {"Service": "apigateway.amazonaws.com"},
            "Action": "lambda:InvokeFunction",
            "Resource": f"arn:aws:lambda:{region}:{account}:function:{stack}-{function}-ABCDEFGHIJKL",
            "Condition": {
                "StringEquals": {"AWS:SourceAccount": account},
                "ArnLike": {
                    "AWS:SourceArn": f"arn:aws:execute-api:{region}:{account}:abcdefghij/*{path[1] if path else '/*'}"
                },
            },
        }
        sizes[function] = sizes.get(function, 0) + len(json.dumps(statement))
    assert len(sizes) > 5, sizes
    for function, size in sizes.items():
        assert size < 20_480, f"{function}: its permissions take {size} bytes; give it fewer events"


def alarms(template):
    """An alarm takes ten metrics (CloudWatch, Quotas), and CloudFormation tells of more only when it deploys."""
    counts = {
        name: sum("MetricStat" in metric for metric in one["Properties"].get("Metrics", []))
        for name, one in template["Resources"].items()
        if one["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert max(counts.values()) >= 8, counts
    assert all(count <= 10 for count in counts.values()), counts


def streaming(template):
    """Decision 0037: what a function says of its answers, and what API Gateway expects of them, is the same."""
    (api,) = (one for one in template["Resources"].values() if one["Type"] == "AWS::ApiGateway::RestApi")
    says = {
        name: one["Properties"].get("Environment", {}).get("Variables", {}).get("RESPONSE_TRANSFER_MODE")
        for name, one in template["Resources"].items()
        if one["Type"] == "AWS::Lambda::Function"
    }
    assert says["ProxyFunction"] in ("RESPONSE_STREAM", "BUFFERED"), says
    for place, methods in api["Properties"]["Body"]["paths"].items():
        for method, operation in methods.items():
            integration = operation.get("x-amazon-apigateway-integration")
            if not integration or integration["type"] != "aws_proxy":
                continue
            uri = integration["uri"]["Fn::Sub"]
            function = uri.split("functions/${")[1].split(".Arn}")[0]
            streams = says[function] == "RESPONSE_STREAM"
            assert (integration.get("responseTransferMode") == "STREAM") == streams, (place, method)
            assert uri.endswith("/response-streaming-invocations") == streams, (place, method)
            assert ("timeoutInMillis" in integration) == (function == "ProxyFunction"), (place, method)


logging.disable(logging.WARNING)
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
check(sys.argv[1])
print(json.dumps(transformed(sys.argv[1]), indent=1))
