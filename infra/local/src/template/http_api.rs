//! Reads an HTTP API from its resources: stage, authorizers, integrations and routes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::TemplateError;
use super::api::{Api, ApiKind, Authorizer};
use super::cursor::At;
use super::function::{ANY, METHODS, Route};
use super::logs::{self, AccessLog};
use super::resolve::{Scope, id_of_arn};

/// How the types of these resources begin.
pub(super) const PREFIX: &str = "AWS::ApiGatewayV2::";

/// The resources of an HTTP API that have been found, by logical id, and with their references resolved.
#[derive(Debug, Default)]
pub(super) struct HttpApi {
    apis: Vec<String>,
    stages: Vec<Stage>,
    authorizers: BTreeMap<String, Authorizer>,
    integrations: BTreeMap<String, Integration>,
    routes: Vec<(Declared, At)>,
}

#[derive(Debug)]
struct Stage {
    name: String,
    variables: BTreeMap<String, String>,
    access_log: Option<AccessLog>,
}

#[derive(Debug)]
struct Integration {
    function: String,
    timeout: Option<Duration>,
}

#[derive(Debug)]
struct Declared {
    method: String,
    path: String,
    integration: String,
    authorizer: Option<String>,
}

impl HttpApi {
    /// Adds a resource. What the local stack does not imitate is an error.
    pub(super) fn add(&mut self, id: &str, resource: &At, scope: &Scope) -> Result<(), TemplateError> {
        let parts = resource.fields(&["Type", "Properties", "Condition", "DependsOn"])?;
        let kind = parts.required("Type")?;
        let name = kind.text()?.trim_start_matches(PREFIX);
        // Domains and what they are mapped to matter only in AWS.
        if ["DomainName", "ApiMapping"].contains(&name) {
            return Ok(());
        }
        let properties = scope.resolve(&parts.required("Properties")?)?;
        match name {
            "Api" => {
                let known = ["Name", "ProtocolType", "Description", "DisableExecuteApiEndpoint", "Tags"];
                properties.fields(&known)?.required("ProtocolType")?.one_of(&["HTTP"])?;
                self.apis.push(id.to_owned());
            }
            "Stage" => self.stages.push(stage(&properties)?),
            "Authorizer" => {
                self.authorizers.insert(id.to_owned(), authorizer(&properties)?);
            }
            "Integration" => {
                self.integrations.insert(id.to_owned(), integration(&properties)?);
            }
            "Route" => self.routes.push((route(&properties)?, properties)),
            _ => return Err(kind.error("is no resource of an HTTP API that the local stack runs")),
        }
        Ok(())
    }

    /// The API and its routes, if there is one.
    pub(super) fn read(self, resources: &At) -> Result<Option<(Api, Vec<Route>)>, TemplateError> {
        let mut apis = self.apis.into_iter();
        let Some(id) = apis.next() else { return Ok(None) };
        let mut stages = self.stages.into_iter();
        let (Some(stage), None, None) = (stages.next(), stages.next(), apis.next()) else {
            return Err(resources.error("the local stack runs one HTTP API with one stage"));
        };
        let mut routes = Vec::new();
        for (declared, at) in self.routes {
            let Declared { method, path, integration, authorizer } = declared;
            let Some(Integration { function, timeout }) = self.integrations.get(&integration) else {
                return Err(at.error(&format!("names `{integration}`, which is no integration here")));
            };
            routes.push(Route {
                method,
                path,
                function: function.clone(),
                open: authorizer.is_none(),
                authorizer,
                streams: false,
                timeout: *timeout,
            });
        }
        let api = Api {
            kind: ApiKind::Http,
            id,
            stage: stage.name,
            variables: stage.variables,
            default_authorizer: None,
            default_authorizer_on_options: false,
            authorizers: self.authorizers,
            gateway_responses: BTreeMap::new(),
            binary: true,
            access_log: stage.access_log,
        };
        Ok(Some((api, routes)))
    }
}

fn stage(properties: &At) -> Result<Stage, TemplateError> {
    let fields = properties.fields(&[
        "ApiId",
        "StageName",
        "AutoDeploy",
        "StageVariables",
        "AccessLogSettings",
        "DefaultRouteSettings",
        "Description",
        "RouteSettings",
        "Tags",
    ])?;
    // Otherwise a change of a route would not go live.
    fields.required("AutoDeploy")?.one_of(&["true"])?;
    let mut variables = BTreeMap::new();
    if let Some(at) = fields.get("StageVariables") {
        for (name, value) in at.entries()? {
            variables.insert(name, value.text()?.to_owned());
        }
    }
    let access_log = fields.get("AccessLogSettings").map(|at| logs::access_log(&at)).transpose()?;
    Ok(Stage { name: fields.required("StageName")?.text()?.to_owned(), variables, access_log })
}

fn authorizer(properties: &At) -> Result<Authorizer, TemplateError> {
    let fields = properties.fields(&[
        "ApiId",
        "Name",
        "AuthorizerType",
        "AuthorizerUri",
        "AuthorizerPayloadFormatVersion",
        "AuthorizerResultTtlInSeconds",
        "EnableSimpleResponses",
        "IdentitySource",
    ])?;
    fields.required("AuthorizerType")?.one_of(&["REQUEST"])?;
    fields.required("AuthorizerPayloadFormatVersion")?.one_of(&["2.0"])?;
    fields.required("EnableSimpleResponses")?.one_of(&["true"])?;
    // With a cached response a call would not be counted, so caching is refused.
    fields.required("AuthorizerResultTtlInSeconds")?.one_of(&["0"])?;
    let uri = fields.required("AuthorizerUri")?;
    let arn = uri.text()?.split_once("/functions/").and_then(|(_, rest)| rest.strip_suffix("/invocations"));
    let Some(function) = arn.and_then(id_of_arn) else {
        return Err(uri.error("must end with /functions/${Function.Arn}/invocations"));
    };
    let mut identity_headers = Vec::new();
    for source in fields.required("IdentitySource")?.items()? {
        let Some(header) = source.text()?.strip_prefix("$request.header.") else {
            return Err(source.error("must be $request.header.…"));
        };
        identity_headers.push(header.to_owned());
    }
    Ok(Authorizer { function: function.to_owned(), identity_headers })
}

fn integration(properties: &At) -> Result<Integration, TemplateError> {
    let fields = properties.fields(&[
        "ApiId",
        "IntegrationType",
        "IntegrationUri",
        "PayloadFormatVersion",
        "TimeoutInMillis",
    ])?;
    fields.required("IntegrationType")?.one_of(&["AWS_PROXY"])?;
    fields.required("PayloadFormatVersion")?.one_of(&["2.0"])?;
    let uri = fields.required("IntegrationUri")?;
    let Some(function) = id_of_arn(uri.text()?) else { return Err(uri.error("must be !GetAtt Function.Arn")) };
    let timeout = fields.get("TimeoutInMillis").map(|at| match at.number()? {
        millis @ 50..=30_000 => Ok(Duration::from_millis(millis)),
        _ => Err(at.error("must be 50 to 30000")),
    });
    Ok(Integration { function: function.to_owned(), timeout: timeout.transpose()? })
}

fn route(properties: &At) -> Result<Declared, TemplateError> {
    let fields = properties.fields(&["ApiId", "RouteKey", "AuthorizationType", "AuthorizerId", "Target"])?;
    let key = fields.required("RouteKey")?;
    let known = |method: &str| method == ANY || METHODS.contains(&method);
    let Some((method, path)) =
        key.text()?.split_once(' ').filter(|(method, path)| known(method) && path.starts_with('/'))
    else {
        return Err(key.error("must be a method, or ANY, and a path"));
    };
    let target = fields.required("Target")?;
    let Some(integration) = target.text()?.strip_prefix("integrations/") else {
        return Err(target.error("must be integrations/${Integration}"));
    };
    let authorizer = match fields.required("AuthorizationType")?.one_of(&["CUSTOM", "NONE"])? {
        "NONE" => None,
        _ => Some(fields.required("AuthorizerId")?.text()?.to_owned()),
    };
    Ok(Declared { method: method.to_owned(), path: path.to_owned(), integration: integration.to_owned(), authorizer })
}
