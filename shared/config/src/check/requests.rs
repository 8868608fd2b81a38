//! The rules of the requests of a login over HTTP, whatever they carry.

use super::Findings;
use crate::connector::{Field, Headers, HttpLogin, Statuses, Template};
use crate::{HttpUrl, header};
use std::collections::BTreeMap;

/// Parts of names whose values are secrets. Such a member or header must have a placeholder, because no secret may be in
/// the file.
const SECRET_NAMES: [&str; 6] = ["password", "passwd", "secret", "token", "apikey", "api_key"];

/// The most members of a body, and the most headers of one request.
pub(super) const MOST: usize = 32;

/// The headers and the body of one request.
#[derive(Clone, Copy)]
pub(super) struct Sent<'c> {
    pub(super) headers: &'c Headers,
    pub(super) json: Option<&'c BTreeMap<String, Field>>,
    pub(super) form: Option<&'c BTreeMap<String, Field>>,
}

/// A request that carries the session.
pub(super) fn of_session(field: &str, url: &HttpUrl, sent: Sent<'_>, connector: &HttpLogin, findings: &mut Findings) {
    known_origin(&format!("{field}.url"), url, connector, findings);
    let known = |name: &str| {
        let known = name == "token" || connector.extract_also.contains_key(name);
        known.then_some(()).ok_or_else(|| {
            format!("there is no value `{name}`: write \"{{token}}\", or add `{name}` under `extract_also`")
        })
    };
    request(field, sent, &known, findings);
}

/// Adds a finding for each status that is not from `least` to `most`, both included.
pub(super) fn statuses(field: &str, statuses: &Statuses, least: u16, most: u16, findings: &mut Findings) {
    for status in statuses.iter().map(|status| status.as_u16()).filter(|status| !(least..=most).contains(status)) {
        findings.add(field.to_owned(), format!("{status} is out of range: write {least} to {most}"));
    }
}

/// A URL of a connector lies on its own address or on one of `also_at`.
pub(super) fn known_origin(field: &str, url: &HttpUrl, connector: &HttpLogin, findings: &mut Findings) {
    let own = connector.login.origin();
    if url.origin() != own && !connector.also_at.contains(url.origin()) {
        findings.add(
            field.to_owned(),
            format!(
                "a connector stays on the scheme, host and port of its first request: write a URL on {own}, or add {} \
                 to `also_at`",
                url.origin()
            ),
        );
    }
}

pub(super) type Known<'k> = &'k dyn Fn(&str) -> Result<(), String>;

pub(super) fn request(field: &str, sent: Sent<'_>, known: Known<'_>, findings: &mut Findings) {
    if sent.json.is_some() && sent.form.is_some() {
        findings.add(format!("{field}.form"), "a request has one body: write `json` or `form`");
    }
    for (body, members) in [("json", sent.json), ("form", sent.form)] {
        let Some(members) = members else { continue };
        let field = format!("{field}.{body}");
        if members.len() > MOST {
            findings.add(field.clone(), format!("more than {MOST} members: keep those that are needed"));
        }
        for (name, value) in members {
            member(&format!("{field}.{name}"), name, value, known, findings);
        }
    }
    headers(&format!("{field}.headers"), sent.headers, known, findings);
}

pub(super) fn member(field: &str, name: &str, value: &Field, known: Known<'_>, findings: &mut Findings) {
    match value {
        Field::Text(template) => values(field, template, known, findings),
        Field::Literal(_) => {}
        Field::Members(members) => {
            for (name, value) in members {
                member(&format!("{field}.{name}"), name, value, known, findings);
            }
        }
    }
    if !matches!(value, Field::Members(_)) && value.names().is_empty() && is_secret(name) {
        findings.add(
            field.to_owned(),
            "a secret does not belong in this file: write \"{username}\" or \"{password}\", or remove the member",
        );
    }
}

pub(super) fn headers(field: &str, headers: &Headers, known: Known<'_>, findings: &mut Findings) {
    if headers.0.len() > MOST {
        findings.add(field.to_owned(), format!("more than {MOST} headers: keep those that are needed"));
    }
    for (name, value) in &headers.0 {
        if header::is_reserved(name) {
            findings.add(field.to_owned(), format!("`{name}` has a meaning of its own in HTTP: remove it"));
        }
        if !value.texts().all(|text| text.bytes().all(|b| (0x20..=0x7e).contains(&b))) {
            findings.add(field.to_owned(), format!("`{name}` is not sendable: write printable ASCII"));
        }
        if value.names().next().is_none() && is_secret(name.as_str()) {
            findings.add(field.to_owned(), format!("a secret does not belong in this file: remove `{name}`"));
        }
        values(field, value, known, findings);
    }
}

pub(super) fn values(field: &str, template: &Template, known: Known<'_>, findings: &mut Findings) {
    for reason in template.names().filter_map(|name| known(name).err()) {
        findings.add(field.to_owned(), reason);
    }
}

pub(super) fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase().replace('-', "_");
    SECRET_NAMES.iter().any(|secret| lower.contains(secret))
}
