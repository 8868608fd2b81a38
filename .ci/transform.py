"""Prints the CloudFormation that SAM makes of a template, without an AWS account."""

import json
import logging
import os
import sys

from cfnlint.decode.cfn_yaml import load
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The template writes its own statements and names no managed policy."""

    def load(self):
        return {}


logging.disable(logging.WARNING)
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
template = json.loads(json.dumps(load(sys.argv[1])))
for resource in template["Resources"].values():
    # `sam build` and `sam deploy` put S3 locations here.
    properties = resource.get("Properties", {})
    for name in ("CodeUri", "ContentUri"):
        if name in properties:
            properties[name] = "s3://bucket/key"
print(json.dumps(transform(template, {}, NoManagedPolicies()), indent=1))
