"""Asks CloudFormation for what it must refuse. Usage: refused.py TEMPLATE "NAME PARAMETER=VALUE…"…

Each is refused before anything is made, by a message that has NAME. SAM's own command line would ask the same, in 14 s each.
"""

import sys

import boto3
from botocore.exceptions import ClientError

template, *cases = sys.argv[1:]
bucket, key = "refused", "template.yaml"
store = boto3.client("s3")
store.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": store.meta.region_name})
store.upload_file(template, bucket, key)
url = f"{store.meta.endpoint_url}/{bucket}/{key}"
cloudformation = boto3.client("cloudformation")
for number, case in enumerate(cases):
    name, *parameters = case.split()
    pairs = [parameter.split("=", 1) for parameter in parameters]
    try:
        cloudformation.create_change_set(
            StackName="refused",
            ChangeSetName=f"refused-{number}",
            ChangeSetType="CREATE",
            TemplateURL=url,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in pairs],
        )
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if name not in message:
            sys.exit(f"{case}: the message does not name {name}: {error}")
        print(f"{' '.join(parameters)}: {message}")
    else:
        sys.exit(f"it was accepted: {' '.join(parameters)}")
