"""Starts ministack, which knows all resource types of template.yaml but one, with that one."""

import sys

from ministack import app
from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners


def create(_logical_id, properties, _stack_name):
    """Enables the rotation of a secret without rotating it, as RotateImmediatelyOnUpdate: false asks."""
    assert properties["RotateImmediatelyOnUpdate"] in (False, "false"), properties
    _, secret = secretsmanager._resolve(properties["SecretId"])
    secret["RotationEnabled"] = True
    secret["RotationLambdaARN"] = properties["RotationLambdaARN"]
    secret["RotationRules"] = properties["RotationRules"]
    return secret["ARN"], {}


def delete(_physical_id, _properties):
    """The secret goes with its stack."""


handlers = provisioners._RESOURCE_HANDLERS
assert "AWS::SecretsManager::RotationSchedule" not in handlers, "ministack knows it by now: start it as it is"
handlers["AWS::SecretsManager::RotationSchedule"] = {"create": create, "delete": delete}
sys.exit(app.main())
