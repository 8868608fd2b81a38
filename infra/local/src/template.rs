//! Reads the part of `template.yaml` that the local stack runs.
//!
//! It is a named subset: functions, routes, schedules, streams, authorizer, environment, roles, gateway responses, tables,
//! secrets and their rotations; of an API the HTTP API, where the parameters make one. Anything else in those places is an
//! error that names the place, because it would still be deployed in AWS.

mod api;
pub mod condition;
mod cursor;
mod function;
mod http_api;
mod logs;
mod pattern;
mod resolve;
mod role;
mod rotation;
mod schedule;
mod stream;
mod subscription;
mod table;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

pub use api::{Api, ApiKind, Authorizer, GatewayResponse, HeaderTemplate, RESPONSE_TYPES};
use cursor::At;
use function::Events;
pub use function::{ANY, Function, METHODS, Route};
use http_api::HttpApi;
pub use logs::{AccessLog, LogSubscription, Part};
pub use pattern::{Alternative, Pattern};
use resolve::Scope;
pub use role::{Right, Role};
pub use rotation::Rotation;
pub use schedule::Schedule;
pub use stream::StreamSource;
pub use subscription::Subscription;
pub use table::Table;
use yaml::{Node, Value};

/// The account in every ARN of the local stack.
pub const ACCOUNT: &str = "000000000000";
/// The region in every ARN of the local stack.
pub const REGION: &str = "us-east-1";

/// Why `template.yaml` cannot run here.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It is not YAML.
    #[error("the template is not valid YAML: {0}")]
    Yaml(String),
    /// Something is missing or wrong, or is not run by the local stack.
    #[error("template line {line}, {place}: {reason}")]
    Place {
        /// Line in the file, from 1.
        line: u64,
        /// Path of keys, joined with dots.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

/// What a deployment would give to the template.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Values of parameters, in place of their defaults.
    pub parameters: BTreeMap<String, String>,
    /// The name of a table is this prefix and its logical id.
    pub table_prefix: String,
}

/// The part of the template that runs.
#[derive(Debug, Clone)]
pub struct Template {
    /// The API.
    pub api: Api,
    /// Functions in the order of the file.
    pub functions: Vec<Function>,
    /// Routes of all functions. No pair of method and path is there twice.
    pub routes: Vec<Route>,
    /// Schedules of all functions that are enabled.
    pub schedules: Vec<Schedule>,
    /// Streams that invoke functions.
    pub streams: Vec<StreamSource>,
    /// Tables in the order of the file.
    pub tables: Vec<Table>,
    /// Logical ids of the secrets, which are their names here.
    pub secrets: Vec<String>,
    /// Roles by logical id.
    pub roles: BTreeMap<String, Role>,
    /// Rotations of secrets.
    pub rotations: Vec<Rotation>,
    /// Functions that SNS tells.
    pub subscriptions: Vec<Subscription>,
    /// Functions that get lines of logs.
    pub log_subscriptions: Vec<LogSubscription>,
}

impl Template {
    /// Reads the text of a template.
    pub fn read(text: &str, inputs: &Inputs) -> Result<Self, TemplateError> {
        let root = yaml::parse(text).map_err(|error| TemplateError::Yaml(error.to_string()))?;
        let root = At::root(root);
        let sections = root.fields(&[
            "AWSTemplateFormatVersion",
            "Transform",
            "Description",
            "Metadata",
            "Parameters",
            "Conditions",
            "Mappings",
            "Rules",
            "Globals",
            "Resources",
            "Outputs",
        ])?;
        let scope = Scope::read(&sections, inputs)?;
        let globals = function::globals(&sections, &scope)?;
        let resources = sections.required("Resources")?;
        let (mut apis, mut http_api) = (Vec::new(), HttpApi::default());
        let (mut functions, mut events, mut tables) = (Vec::new(), Events::default(), Vec::new());
        let mut roles = BTreeMap::new();
        let (mut secrets, mut rotations) = (Vec::new(), Vec::new());
        let (mut subscriptions, mut log_subscriptions) = (Vec::new(), Vec::new());
        for (id, resource) in resources.entries()? {
            let Some(kind) = resource.get("Type") else { return Err(resource.error("has no Type")) };
            if let Some(condition) = resource.get("Condition")
                && !scope.condition(condition.text()?, &condition)?
            {
                continue;
            }
            match kind.text()? {
                "AWS::Serverless::Function" => {
                    functions.push(function::read(&id, &resource, &globals, &scope, &mut events)?);
                }
                "AWS::Serverless::Api" => apis.push((api::read(&id, &resource, &scope)?, resource)),
                "AWS::DynamoDB::Table" => tables.push(table::read(&resource, scope.table_name(&id), &scope)?),
                "AWS::SecretsManager::Secret" => secrets.push(id),
                "AWS::IAM::Role" => role::read(&resource, &scope, &mut roles, &id)?,
                "AWS::SecretsManager::RotationSchedule" => rotations.push(rotation::read(&resource, &scope)?),
                "AWS::SNS::Subscription" => subscriptions.push(subscription::read(&resource, &scope)?),
                "AWS::Logs::SubscriptionFilter" => log_subscriptions.push(logs::subscription(&resource, &scope)?),
                "AWS::Serverless::HttpApi" => {
                    return Err(kind.error("the local stack knows an HTTP API by its AWS::ApiGatewayV2 resources only"));
                }
                name if name.starts_with(http_api::PREFIX) => http_api.add(&id, &resource, &scope)?,
                // Resources of other types, such as layers and alarms, have nothing to run.
                _ => {}
            }
        }
        let mut apis = apis.into_iter();
        let Some((api, _)) = apis.next() else { return Err(resources.error("declares no AWS::Serverless::Api")) };
        if let Some((_, second)) = apis.next() {
            return Err(second.error("the local stack runs one API only"));
        }
        let Events { mut routes, schedules, streams } = events;
        // SAM gives the default authorizer to every method without one of its own; the template may except OPTIONS.
        if !api.default_authorizer_on_options {
            for route in routes.iter_mut().filter(|route| route.method == "OPTIONS" && route.authorizer.is_none()) {
                route.open = true;
            }
        }
        // Beside an HTTP API, the REST API is closed.
        let (api, routes) = match http_api.read(&resources)? {
            Some(http) => http,
            None => (api, routes),
        };
        let template = Self {
            api,
            functions,
            routes,
            schedules,
            streams,
            tables,
            secrets,
            roles,
            rotations,
            subscriptions,
            log_subscriptions,
        };
        template.check(&resources)?;
        template.check_streams(&resources)?;
        Ok(template)
    }

    /// The function with this logical id.
    pub fn function(&self, id: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.id == id)
    }

    fn check(&self, resources: &At) -> Result<(), TemplateError> {
        let mut seen = BTreeSet::new();
        for route in &self.routes {
            if !seen.insert((&route.method, &route.path)) {
                return Err(resources.error(&format!("{} {} is declared twice", route.method, route.path)));
            }
            if let Some(name) = &route.authorizer
                && !self.api.authorizers.contains_key(name)
            {
                let reason = format!(
                    "{} {} names the authorizer `{name}`, which the API does not declare",
                    route.method, route.path
                );
                return Err(resources.error(&reason));
            }
        }
        for function in &self.functions {
            if !self.roles.contains_key(&function.role) {
                let reason = format!("`{}` names the role `{}`, which is none here", function.id, function.role);
                return Err(resources.error(&reason));
            }
        }
        for Rotation { secret, function } in &self.rotations {
            if !self.secrets.contains(secret) || self.function(function).is_none() {
                let reason = format!("the rotation of `{secret}` by `{function}` names no secret or no function here");
                return Err(resources.error(&reason));
            }
        }
        for Subscription { topic, function } in &self.subscriptions {
            if self.function(function).is_none() {
                let reason = format!("the subscription of `{topic}` names `{function}`, which is no function here");
                return Err(resources.error(&reason));
            }
        }
        for LogSubscription { group, function, .. } in &self.log_subscriptions {
            if self.function(function).is_none() {
                let reason = format!("the subscription of `{group}` names `{function}`, which is no function here");
                return Err(resources.error(&reason));
            }
        }
        for (name, authorizer) in &self.api.authorizers {
            if self.function(&authorizer.function).is_none() {
                let reason = format!("authorizer `{name}` names `{}`, which is no function here", authorizer.function);
                return Err(resources.error(&reason));
            }
        }
        Ok(())
    }

    fn check_streams(&self, resources: &At) -> Result<(), TemplateError> {
        for StreamSource { table, function, .. } in &self.streams {
            if !self.tables.iter().any(|one| one.stream && one.name == *table) {
                let reason = format!("`{function}` is invoked by the stream of `{table}`, which has none here");
                return Err(resources.error(&reason));
            }
            let role = self.function(function).and_then(|function| self.roles.get(&function.role));
            for action in role::STREAM_READS {
                let right = (action.to_owned(), table.clone());
                if !role.is_some_and(|role| role.reads.contains(&right)) {
                    let reason = format!("the role of `{function}` does not allow {action} on the stream of `{table}`");
                    return Err(resources.error(&reason));
                }
            }
        }
        Ok(())
    }
}

impl Node {
    fn scalar(text: impl Into<String>, line: u64) -> Self {
        Self { value: Value::Scalar(text.into()), tag: None, line }
    }
}

#[cfg(test)]
mod deployed_tests;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;
