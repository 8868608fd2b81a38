//! Reads functions with their environment, and the events that invoke them: routes, schedules and streams.

use std::collections::BTreeMap;
use std::time::Duration;

use super::TemplateError;
use super::cursor::{At, Fields};
use super::resolve::{Scope, id_of_arn};
use super::schedule::{self, Schedule};
use super::stream::{self, StreamSource};

/// One Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    /// Logical id.
    pub id: String,
    /// Logical id of its role. It must be named: a role that SAM generates would have more rights than the function needs.
    pub role: String,
    /// Name of its binary.
    pub binary: String,
    /// Memory in MB. It is not limited here; the function only finds it in its environment.
    pub memory: u32,
    /// Longest duration of one invocation.
    pub timeout: Duration,
    /// How often an asynchronous invocation that failed is repeated.
    pub retries: u32,
    /// Environment variables, including those of `Globals`.
    pub environment: BTreeMap<String, String>,
}

/// How often AWS repeats without an `EventInvokeConfig`, and also the most that can be configured.
const RETRIES: u32 = 2;

/// One method of one path.
#[derive(Debug, Clone)]
pub struct Route {
    /// Method in capitals, or `ANY`.
    pub method: String,
    /// Path as declared, such as `/orders/{id}` or `/{proxy+}`.
    pub path: String,
    /// Logical id of the function behind it.
    pub function: String,
    /// Name of its authorizer. `None` is the default one of the API, unless the route is `open`.
    pub authorizer: Option<String>,
    /// Whether it has no authorizer at all (`NONE`).
    pub open: bool,
    /// Whether the function streams its responses.
    pub streams: bool,
    /// How long the function is waited for, if not as long as usual.
    pub timeout: Option<Duration>,
}

/// What invokes functions.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) routes: Vec<Route>,
    pub(super) schedules: Vec<Schedule>,
    pub(super) streams: Vec<StreamSource>,
}

/// Any method, at a route.
pub const ANY: &str = "ANY";

/// The methods that a route can have, and that `ANY` stands for.
pub const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// The properties that a function and `Globals.Function` may have. Those that are not read below matter only in AWS.
const PROPERTIES: [&str; 19] = [
    "Runtime",
    "Handler",
    "MemorySize",
    "Timeout",
    "Environment",
    "Events",
    "Architectures",
    "AutoPublishAlias",
    "CodeUri",
    "DeadLetterQueue",
    "Description",
    "EventInvokeConfig",
    "Layers",
    "LoggingConfig",
    "ReservedConcurrentExecutions",
    "Role",
    "Tags",
    "Tracing",
    "VpcConfig",
];

/// `Globals.Function`.
#[derive(Default)]
pub(super) struct Globals {
    memory: Option<u32>,
    timeout: Option<u64>,
    retries: Option<u32>,
    runtime: Option<String>,
    environment: BTreeMap<String, String>,
}

pub(super) fn globals(sections: &Fields, scope: &Scope) -> Result<Globals, TemplateError> {
    let Some(globals) = sections.get("Globals") else {
        return Ok(Globals::default());
    };
    match globals.fields(&["Function"])?.get("Function") {
        Some(function) => settings(&function, scope),
        None => Ok(Globals::default()),
    }
}

fn settings(at: &At, scope: &Scope) -> Result<Globals, TemplateError> {
    let fields = at.fields(&PROPERTIES)?;
    let resolved = |key: &str| fields.get(key).map(|at| scope.resolve(&at)).transpose();
    if let Some(handler) = resolved("Handler")? {
        handler.one_of(&["bootstrap"])?;
    }
    let runtime = match resolved("Runtime")? {
        Some(runtime) => Some(runtime.one_of(&["provided.al2023"])?.to_owned()),
        None => None,
    };
    let mut environment = BTreeMap::new();
    if let Some(at) = resolved("Environment")?
        && let Some(variables) = at.fields(&["Variables"])?.get("Variables")
    {
        for (name, value) in variables.entries()? {
            environment.insert(name, value.text()?.to_owned());
        }
    }
    Ok(Globals {
        memory: resolved("MemorySize")?.map(|at| at.number()).transpose()?,
        timeout: resolved("Timeout")?.map(|at| at.number()).transpose()?,
        retries: resolved("EventInvokeConfig")?.map(|at| retries(&at)).transpose()?,
        runtime,
        environment,
    })
}

pub(super) fn read(
    id: &str,
    resource: &At,
    globals: &Globals,
    scope: &Scope,
    events: &mut Events,
) -> Result<Function, TemplateError> {
    let parts = resource.fields(&["Type", "Metadata", "Properties", "Condition", "DependsOn", "DeletionPolicy"])?;
    let properties = parts.required("Properties")?;
    let own = settings(&properties, scope)?;
    if own.runtime.is_none() && globals.runtime.is_none() {
        return Err(properties.error("needs `Runtime`"));
    }
    let role = scope.resolve(&properties.fields(&PROPERTIES)?.required("Role")?)?;
    let Some(role) = id_of_arn(role.text()?) else { return Err(role.error("must be !GetAtt Role.Arn")) };
    let mut environment = globals.environment.clone();
    environment.extend(own.environment);
    let function = Function {
        id: id.to_owned(),
        role: role.to_owned(),
        binary: binary(&parts)?,
        memory: own.memory.or(globals.memory).unwrap_or(128),
        timeout: Duration::from_secs(own.timeout.or(globals.timeout).unwrap_or(3)),
        retries: own.retries.or(globals.retries).unwrap_or(RETRIES),
        environment,
    };
    if let Some(declared) = properties.get("Events") {
        for (name, event) in scope.resolve(&declared)?.entries()? {
            let fields = event.fields(&["Type", "Properties"])?;
            let properties = fields.required("Properties")?;
            match fields.required("Type")?.one_of(&["Api", "Schedule", "DynamoDB"])? {
                "Schedule" => events.schedules.extend(schedule::read(id, &name, &properties)?),
                "DynamoDB" => events.streams.extend(stream::read(id, &properties, scope)?),
                _ => events.routes.push(route(id, &properties)?),
            }
        }
    }
    Ok(function)
}

/// Reads how often an event is repeated. The maximum age of events is not used: no event waits that long here.
fn retries(config: &At) -> Result<u32, TemplateError> {
    let fields = config.fields(&["MaximumRetryAttempts", "MaximumEventAgeInSeconds"])?;
    let Some(at) = fields.get("MaximumRetryAttempts") else { return Ok(RETRIES) };
    let retries = at.number()?;
    if retries > RETRIES { Err(at.error("must be 0, 1 or 2")) } else { Ok(retries) }
}

fn binary(parts: &Fields) -> Result<String, TemplateError> {
    let metadata = parts.required("Metadata")?;
    let build = metadata.fields(&["BuildMethod", "BuildProperties"])?;
    build.required("BuildMethod")?.one_of(&["rust-cargolambda"])?;
    let properties = build.required("BuildProperties")?;
    let binary = properties.fields(&["Binary"])?.required("Binary")?;
    Ok(binary.text()?.to_owned())
}

fn route(function: &str, properties: &At) -> Result<Route, TemplateError> {
    let fields =
        properties.fields(&["RestApiId", "Path", "Method", "Auth", "ResponseTransferMode", "TimeoutInMillis"])?;
    fields.required("RestApiId")?;
    let method = fields.required("Method")?;
    let path = fields.required("Path")?;
    if !path.text()?.starts_with('/') {
        return Err(path.error("must start with a slash"));
    }
    let authorizer = match fields.get("Auth") {
        Some(auth) => auth.fields(&["Authorizer"])?.get("Authorizer"),
        None => None,
    };
    let authorizer = authorizer.map(|at| at.text().map(str::to_owned)).transpose()?;
    let open = authorizer.as_deref() == Some("NONE");
    let transfer = fields.get("ResponseTransferMode");
    let transfer = transfer.as_ref().map(|at| at.one_of(&["RESPONSE_STREAM", "BUFFERED"])).transpose()?;
    let streams = transfer == Some("RESPONSE_STREAM");
    let timeout = fields.get("TimeoutInMillis").map(|at| wait(&at, streams)).transpose()?;
    Ok(Route {
        method: method_of(&method)?,
        path: path.text()?.to_owned(),
        function: function.to_owned(),
        authorizer: authorizer.filter(|name| name != "NONE"),
        open,
        streams,
        timeout,
    })
}

fn method_of(at: &At) -> Result<String, TemplateError> {
    let method = at.text()?;
    if method == ANY { Ok(method.to_owned()) } else { Ok(at.one_of(&METHODS)?.to_owned()) }
}

/// Reads how long an integration is waited for: 29 s at most, and 15 minutes if it streams.
fn wait(at: &At, streams: bool) -> Result<Duration, TemplateError> {
    let most = if streams { 900_000 } else { 29_000 };
    let millis: u64 = at.number()?;
    if !(50..=most).contains(&millis) {
        return Err(at.error(&format!("must be 50 to {most}")));
    }
    Ok(Duration::from_millis(millis))
}
