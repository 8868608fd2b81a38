//! Reads the API: stage, variables, authorizers and gateway responses.

use std::collections::BTreeMap;

use super::TemplateError;
use super::cursor::At;
use super::logs::{self, AccessLog};
use super::resolve::{Scope, id_of_arn};

/// A kind of API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKind {
    /// REST API, with events of payload 1.0.
    Rest,
    /// HTTP API, with events of payload 2.0.
    Http,
}

impl ApiKind {
    /// The value of the template's parameter `ApiKind` that makes an API of this kind.
    pub fn parameter(self) -> &'static str {
        match self {
            Self::Rest => "REST",
            Self::Http => "HTTP",
        }
    }
}

/// An API.
#[derive(Debug, Clone)]
pub struct Api {
    /// Its kind.
    pub kind: ApiKind,
    /// Its logical id, which is also its API id here.
    pub id: String,
    /// Name of its stage.
    pub stage: String,
    /// Stage variables.
    pub variables: BTreeMap<String, String>,
    /// The authorizer of routes that do not name one.
    pub default_authorizer: Option<String>,
    /// Whether the default authorizer applies to `OPTIONS` too.
    pub default_authorizer_on_options: bool,
    /// Authorizers by name.
    pub authorizers: BTreeMap<String, Authorizer>,
    /// Gateway responses by type, such as `UNAUTHORIZED`.
    pub gateway_responses: BTreeMap<String, GatewayResponse>,
    /// Whether `*/*` is a binary media type, so that bodies travel as base64.
    pub binary: bool,
    /// Its log of requests.
    pub access_log: Option<AccessLog>,
}

/// A REQUEST authorizer that is invoked for every call.
#[derive(Debug, Clone)]
pub struct Authorizer {
    /// Logical id of its function.
    pub function: String,
    /// Header fields without which it is not invoked, and the call is unauthorized.
    pub identity_headers: Vec<String>,
}

/// A response that the gateway gives by itself.
#[derive(Debug, Clone, Default)]
pub struct GatewayResponse {
    /// Status, if the template sets one.
    pub status: Option<u16>,
    /// Header fields with the expressions of their values.
    pub headers: Vec<(String, HeaderTemplate)>,
    /// Body, in which `$context.…` is replaced.
    pub body: Option<String>,
}

/// Value of a header in a gateway response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderTemplate {
    /// `'text'`.
    Static(String),
    /// `context.…`, kept here without `context.`.
    Context(String),
}

/// Types of gateway responses, with the status that AWS gives them.
pub const RESPONSE_TYPES: [(&str, u16); 20] = [
    ("ACCESS_DENIED", 403),
    ("API_CONFIGURATION_ERROR", 500),
    ("AUTHORIZER_CONFIGURATION_ERROR", 500),
    ("AUTHORIZER_FAILURE", 500),
    ("BAD_REQUEST_BODY", 400),
    ("BAD_REQUEST_PARAMETERS", 400),
    ("DEFAULT_4XX", 400),
    ("DEFAULT_5XX", 500),
    ("EXPIRED_TOKEN", 403),
    ("INTEGRATION_FAILURE", 504),
    ("INTEGRATION_TIMEOUT", 504),
    ("INVALID_API_KEY", 403),
    ("INVALID_SIGNATURE", 403),
    ("MISSING_AUTHENTICATION_TOKEN", 403),
    ("QUOTA_EXCEEDED", 429),
    ("REQUEST_TOO_LARGE", 413),
    ("RESOURCE_NOT_FOUND", 404),
    ("THROTTLED", 429),
    ("UNAUTHORIZED", 401),
    ("UNSUPPORTED_MEDIA_TYPE", 415),
];

/// Why the template may not use the message of AWS.
const QUOTING: &str = "Amazon's message may quote the request's Authorization, token and all: write a text of your own";

/// The properties that an API may have. The local stack runs the first six; the others matter only in AWS.
const PROPERTIES: [&str; 16] = [
    "StageName",
    "Auth",
    "BinaryMediaTypes",
    "GatewayResponses",
    "Variables",
    "AccessLogSetting",
    "AlwaysDeploy",
    "Description",
    "DisableExecuteApiEndpoint",
    "Domain",
    "EndpointConfiguration",
    "MethodSettings",
    "Name",
    "OpenApiVersion",
    "Tags",
    "TracingEnabled",
];

pub(super) fn read(id: &str, resource: &At, scope: &Scope) -> Result<Api, TemplateError> {
    let parts = resource.fields(&["Type", "Properties", "Condition", "DependsOn"])?;
    let properties = scope.resolve(&parts.required("Properties")?)?;
    let fields = properties.fields(&PROPERTIES)?;
    let mut variables = BTreeMap::new();
    if let Some(at) = fields.get("Variables") {
        for (name, value) in at.entries()? {
            variables.insert(name, value.text()?.to_owned());
        }
    }
    let mut api = Api {
        kind: ApiKind::Rest,
        id: id.to_owned(),
        stage: fields.required("StageName")?.text()?.to_owned(),
        variables,
        default_authorizer: None,
        default_authorizer_on_options: true,
        authorizers: BTreeMap::new(),
        gateway_responses: BTreeMap::new(),
        binary: false,
        access_log: fields.get("AccessLogSetting").map(|at| logs::access_log(&at)).transpose()?,
    };
    if let Some(auth) = fields.get("Auth") {
        auth_of(&auth, &mut api)?;
    }
    if let Some(types) = fields.get("BinaryMediaTypes") {
        for item in types.items()? {
            item.one_of(&["*~1*", "*/*"])?;
            api.binary = true;
        }
    }
    if let Some(responses) = fields.get("GatewayResponses") {
        for (kind, at) in responses.entries()? {
            if !RESPONSE_TYPES.iter().any(|(known, _)| *known == kind) {
                return Err(at.error("is no type of gateway response"));
            }
            api.gateway_responses.insert(kind, gateway_response(&at)?);
        }
    }
    Ok(api)
}

fn auth_of(auth: &At, api: &mut Api) -> Result<(), TemplateError> {
    let fields = auth.fields(&["DefaultAuthorizer", "AddDefaultAuthorizerToCorsPreflight", "Authorizers"])?;
    if let Some(at) = fields.get("AddDefaultAuthorizerToCorsPreflight") {
        api.default_authorizer_on_options = at.one_of(&["true", "false"])? == "true";
    }
    if let Some(authorizers) = fields.get("Authorizers") {
        for (name, at) in authorizers.entries()? {
            api.authorizers.insert(name, authorizer(&at)?);
        }
    }
    if let Some(at) = fields.get("DefaultAuthorizer") {
        let name = at.text()?;
        if !api.authorizers.contains_key(name) {
            return Err(at.error(&format!("there is no authorizer `{name}`")));
        }
        api.default_authorizer = Some(name.to_owned());
    }
    Ok(())
}

fn authorizer(at: &At) -> Result<Authorizer, TemplateError> {
    let fields = at.fields(&["FunctionArn", "FunctionPayloadType", "Identity"])?;
    fields.required("FunctionPayloadType")?.one_of(&["REQUEST"])?;
    let function = fields.required("FunctionArn")?;
    let Some(id) = id_of_arn(function.text()?) else { return Err(function.error("must be !GetAtt Function.Arn")) };
    let identity = fields.required("Identity")?;
    let identity = identity.fields(&["Headers", "ReauthorizeEvery"])?;
    // With a cached policy a call would not be counted, so caching is refused.
    identity.required("ReauthorizeEvery")?.one_of(&["0"])?;
    let headers = identity.required("Headers")?.items()?;
    let identity_headers = headers.iter().map(|at| at.text().map(str::to_owned)).collect::<Result<_, _>>()?;
    Ok(Authorizer { function: id.to_owned(), identity_headers })
}

fn gateway_response(at: &At) -> Result<GatewayResponse, TemplateError> {
    let fields = at.fields(&["StatusCode", "ResponseParameters", "ResponseTemplates"])?;
    let status = match fields.get("StatusCode") {
        Some(at) => match at.number()? {
            code @ 400..=599 => Some(code),
            _ => return Err(at.error("must be a status from 400 to 599")),
        },
        None => None,
    };
    let mut headers = Vec::new();
    if let Some(parameters) = fields.get("ResponseParameters")
        && let Some(at) = parameters.fields(&["Headers"])?.get("Headers")
    {
        for (name, value) in at.entries()? {
            headers.push((name, header_template(&value)?));
        }
    }
    let body = match fields.get("ResponseTemplates") {
        Some(templates) => templates.fields(&["application/json"])?.get("application/json"),
        None => None,
    };
    let body = match body {
        Some(at) => {
            let text = at.text()?;
            if text.split('$').skip(1).any(|rest| !rest.starts_with("context.")) {
                return Err(at.error("only $context.… can be replaced in a body"));
            }
            if text.contains("$context.error.message") {
                return Err(at.error(QUOTING));
            }
            Some(text.to_owned())
        }
        None => None,
    };
    Ok(GatewayResponse { status, headers, body })
}

fn header_template(at: &At) -> Result<HeaderTemplate, TemplateError> {
    let text = at.text()?;
    if let Some(value) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return Ok(HeaderTemplate::Static(value.to_owned()));
    }
    match text.strip_prefix("context.") {
        Some(path) if path.starts_with("error.message") => Err(at.error(QUOTING)),
        Some(path) => Ok(HeaderTemplate::Context(path.to_owned())),
        None => Err(at.error("must be 'text' in single quotes or context.…")),
    }
}
