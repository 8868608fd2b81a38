//! The rules of a configuration that cannot be checked while a single field is read.

mod apis;
mod connectors;
mod http_login;
mod kerberos;
pub(crate) mod literals;
mod paths;
mod plans;
mod requests;
mod saml;
mod steps;
pub(crate) mod tls;

use crate::connector::{ConnectorConfig, Whose};
use crate::file::File;
use crate::routes::Routes;
use crate::{NotAllowed, duration};
use crate::{accounts, app_families, devices, directory, events, hooks, issuers, passkeys, portal, registration};
use gateway_domain::access_token::MAX_LIFETIME;
use gateway_domain::time::Seconds;

/// The problems found so far, each with its field.
#[derive(Default)]
pub(crate) struct Findings(Vec<(String, NotAllowed)>);

impl Findings {
    pub(crate) fn add(&mut self, field: String, reason: impl Into<String>) {
        self.0.push((field, NotAllowed::new(reason)));
    }

    /// How many there are so far.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a finding unless the length is from `least` to `most` seconds, both included.
    pub(crate) fn within(&mut self, field: String, length: Seconds, least: u64, most: u64) {
        let (least, most) = (Seconds::new(least), Seconds::new(most));
        if length < least || length > most {
            let (length, least, most) = (duration::written(length), duration::written(least), duration::written(most));
            self.add(field, format!("{length} is out of range: write {least} to {most}"));
        }
    }
}

/// Checks the whole file and builds the tree of its routes.
pub(crate) fn check(file: &File) -> Result<Routes, Vec<(String, NotAllowed)>> {
    let mut findings = Findings::default();
    lifetimes(file, &mut findings);
    accounts::check(&file.accounts, &mut findings);
    directory::check(file, &mut findings);
    hooks::check(&file.hooks, &mut findings);
    events::check(file, &mut findings);
    issuers::check(file, &mut findings);
    devices::check(file, &mut findings);
    passkeys::check(file, &mut findings);
    app_families::check(file, &mut findings);
    registration::check(file, &mut findings);
    portal::check(file, &mut findings);
    plans::check(file, &mut findings);
    cors(file, &mut findings);
    for (name, connector) in &file.connectors {
        connectors::check(&format!("connectors.{name}"), connector, &mut findings);
    }
    passwords(file, &mut findings);
    apis::check(file, &mut findings);
    let routes = paths::check(&file.apis, &mut findings);
    if findings.0.is_empty() { Ok(routes) } else { Err(findings.0) }
}

/// A system that has the passwords decides who logs in: asked only after a password that is kept here, it would lock out whoever has
/// changed it there. One password cannot belong to two such systems either.
fn passwords(file: &File, findings: &mut Findings) {
    let theirs = file.connectors.iter().filter(|(_, connector)| {
        let rule = connector.password();
        rule.is_some_and(|rule| rule.whose == Whose::Theirs)
    });
    for (at, (name, connector)) in theirs.enumerate() {
        let field = format!("connectors.{name}.password");
        if at > 0 {
            findings.add(field, "a password of another system is there already: write `separate`");
        } else if file.accounts.directory.is_none() {
            let kerberos = matches!(connector, ConnectorConfig::KerberosPassword(_));
            let asked = if kerberos { "`validate_user_pass`".into() } else { format!("`connector: {name}`") };
            findings.add(field, format!("that system decides who logs in: write `accounts.directory` with {asked}"));
        }
    }
}

/// Checklist B-09: an access token is valid for at most one hour.
fn lifetimes(file: &File, findings: &mut Findings) {
    let lifetimes = &file.lifetimes;
    findings.within("lifetimes.access_token".to_owned(), lifetimes.access_token, 1, MAX_LIFETIME.as_u64());
    findings.within("lifetimes.refresh_retry_window".to_owned(), lifetimes.refresh_retry_window, 0, 86_400);
    findings.within("lifetimes.session_absolute".to_owned(), lifetimes.session_absolute, 1, 3_650 * 86_400);
    if lifetimes.session_idle > lifetimes.session_absolute || lifetimes.session_idle == Seconds::new(0) {
        findings.add(
            "lifetimes.session_idle".to_owned(),
            format!(
                "{} is out of range: write 1s to {}, the session_absolute",
                duration::written(lifetimes.session_idle),
                duration::written(lifetimes.session_absolute)
            ),
        );
    }
    findings.within("lifetimes.browser_absolute".to_owned(), lifetimes.browser_absolute, 1, 90 * 86_400);
    if lifetimes.browser_idle > lifetimes.browser_absolute || lifetimes.browser_idle == Seconds::new(0) {
        findings.add(
            "lifetimes.browser_idle".to_owned(),
            format!(
                "{} is out of range: write 1s to {}, the browser_absolute",
                duration::written(lifetimes.browser_idle),
                duration::written(lifetimes.browser_absolute)
            ),
        );
    }
    if !(1..=16).contains(&file.sessions_per_user_and_app) {
        findings.add("sessions_per_user_and_app".to_owned(), "out of range: write 1 to 16");
    }
}

fn cors(file: &File, findings: &mut Findings) {
    let Some(cors) = &file.cors else { return };
    if !(1..=32).contains(&cors.origins.len()) {
        findings.add("cors.origins".to_owned(), "out of range: write 1 to 32 origins, or remove `cors`");
    }
    if let Some(index) = cors.repeated() {
        findings.add(format!("cors.origins[{index}]"), "this origin is there twice: keep one");
    }
    findings.within("cors.max_age".to_owned(), cors.max_age, 0, 86_400);
    for (name, list) in [("request_headers", &cors.request_headers), ("response_headers", &cors.response_headers)] {
        if list.len() > 16 {
            findings.add(format!("cors.{name}"), "out of range: write at most 16 headers");
        }
        if let Some(index) = list.iter().position(|name| name.name() == "*") {
            findings.add(format!("cors.{name}[{index}]"), "`*` stands for every header: write each by its name");
        }
    }
}
