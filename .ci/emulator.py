"""Starts ministack, which knows all resource types of template.yaml but one, with that one, with whole events of an HTTP
API, and with methods that stand for any."""

import inspect
import sys

from ministack import app
from ministack.services import apigateway, apigateway_v1, lambda_svc, secretsmanager
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


def with_any(api_id, path, methods, *more):
    """Takes what a REST API calls x-amazon-apigateway-any-method for the method ANY."""
    named = {"any" if name == ANY else name: operation for name, operation in methods.items()}
    return import_path_item(api_id, path, named, *more)


ANY = "x-amazon-apigateway-any-method"
import_path_item, apigateway_v1._import_path_item = apigateway_v1._import_path_item, with_any
assert ANY not in inspect.getsource(import_path_item) and "any" not in apigateway_v1._OPENAPI_HTTP_METHODS, "ministack knows it by now"
apigateway_v1._OPENAPI_HTTP_METHODS |= {"any"}
assert "stageVariables" not in inspect.getsource(apigateway._invoke_lambda_proxy), "ministack sends them by now"
execute, lambda_svc._execute_function_with_config_scope = lambda_svc._execute_function_with_config_scope, whole
handlers = provisioners._RESOURCE_HANDLERS
assert "AWS::SecretsManager::RotationSchedule" not in handlers, "ministack knows it by now: start it as it is"
handlers["AWS::SecretsManager::RotationSchedule"] = {"create": create, "delete": delete}
sys.exit(app.main())
