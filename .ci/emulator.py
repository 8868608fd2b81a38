"""Starts ministack, which knows all resource types of template.yaml but one, with that one, and with whole events of an HTTP API."""

import inspect
import sys

from ministack import app
from ministack.services import apigateway, lambda_svc, secretsmanager
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


def whole(function, event):
    """Gives an event of an HTTP API what AWS gives it: the variables of its stage, and the stage before the path."""
    if event.get("version") == "2.0":
        context = event["requestContext"]
        event["stageVariables"] = apigateway._get_stage_variables(context["apiId"], context["stage"])
        event["rawPath"] = context["http"]["path"] = f"/{context['stage']}{event['rawPath']}"
    return execute(function, event)


assert "stageVariables" not in inspect.getsource(apigateway._invoke_lambda_proxy), "ministack sends them by now"
execute, lambda_svc._execute_function_with_config_scope = lambda_svc._execute_function_with_config_scope, whole
handlers = provisioners._RESOURCE_HANDLERS
assert "AWS::SecretsManager::RotationSchedule" not in handlers, "ministack knows it by now: start it as it is"
handlers["AWS::SecretsManager::RotationSchedule"] = {"create": create, "delete": delete}
sys.exit(app.main())
