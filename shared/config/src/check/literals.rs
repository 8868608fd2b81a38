//! Finds numbers and booleans of JSON bodies that would not be sent as the file writes them.
//!
//! They are sent in the form of JSON. One in another form, such as `010` or `1.50`, may be meant as a text, and would
//! reach the legacy system with other characters than those in the file.

use crate::NotAllowed;
use crate::connector::{ConnectorConfig, Field, StepRequest};
use crate::file::File;
use crate::place::Places;
use serde_json::Value;
use std::collections::BTreeMap;

/// The fields of `http_login` connectors whose number or boolean would not be sent as this text has it.
pub(crate) fn check(text: &str, file: &File) -> Vec<(String, NotAllowed)> {
    let connectors = file.connectors.iter();
    let literals: Vec<_> =
        connectors.flat_map(|(name, connector)| of(&format!("connectors.{name}"), connector)).collect();
    if literals.is_empty() {
        return Vec::new();
    }
    let places = Places::of(text);
    let finding = |(field, value): (String, &Value)| {
        let written = places.written_at(&field);
        (written != Some(value.to_string().as_str())).then(|| {
            let sent = format!("it would be sent as {value}");
            let advice = match written {
                Some(written) if written != "*" => format!("write \"{written}\" in quotes for this text, or {value}"),
                _ => "write it out here".to_owned(),
            };
            (field, NotAllowed::new(format!("{sent}: {advice}")))
        })
    };
    literals.into_iter().filter_map(finding).collect()
}

fn of<'c>(field: &str, connector: &'c ConnectorConfig) -> Vec<(String, &'c Value)> {
    let (login, renew, logout) = match connector {
        ConnectorConfig::HttpLogin(settings) => (&settings.login, settings.renew.as_ref(), settings.logout.as_ref()),
        ConnectorConfig::SsoSession(settings) => (&settings.login, None, settings.logout.as_ref()),
        ConnectorConfig::KerberosS4u(_)
        | ConnectorConfig::KerberosPassword(_)
        | ConnectorConfig::SamlEcp(_)
        | ConnectorConfig::WsTrust(_) => return Vec::new(),
    };
    let steps = login.steps().iter().enumerate().map(|(position, step)| {
        let body = match &step.request {
            StepRequest::Url(request) => request.json.as_ref(),
            StepRequest::Submit(_) => None,
        };
        (if login.listed { format!("login[{position}]") } else { "login".to_owned() }, body)
    });
    let others = [
        ("renew".to_owned(), renew.and_then(|renew| renew.json.as_ref())),
        ("logout".to_owned(), logout.and_then(|logout| logout.json.as_ref())),
    ];
    let bodies = steps.chain(others).filter_map(|(name, body)| Some((name, body?)));
    bodies.flat_map(|(name, body)| members(&format!("{field}.{name}.json"), body)).collect()
}

fn members<'c>(field: &str, members: &'c BTreeMap<String, Field>) -> Vec<(String, &'c Value)> {
    members.iter().flat_map(|(name, value)| value.literals(format!("{field}.{name}"))).collect()
}
