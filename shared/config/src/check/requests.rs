//! The rules of the requests of a login over HTTP, and of the conditions on its responses.

use super::Findings;
use crate::connector::{Condition, Field, Headers, HttpLogin, Statuses, Template};
use crate::{HttpUrl, header};
use std::collections::BTreeMap;

/// Parts of names whose values are secrets. Such a member or header must have a placeholder, because no secret may be in
/// the file.
const SECRET_NAMES: [&str; 6] = ["password", "passwd", "secret", "token", "apikey", "api_key"];

/// The most members of a body, and the most headers of one request.
const MOST: usize = 32;

/// The headers and the body of one request.
#[derive(Clone, Copy)]
pub(super) struct Sent<'c> {
    pub(super) headers: &'c Headers,
    pub(super) json: Option<&'c BTreeMap<String, Field>>,
    pub(super) form: Option<&'c BTreeMap<String, Field>>,
}

/// The login and its preflight.
pub(super) fn login(field: &str, connector: &HttpLogin, findings: &mut Findings) {
    let login = &connector.login;
    let has_csrf = connector.preflight.as_ref().is_some_and(|preflight| preflight.csrf.is_some());
    if let Some(preflight) = &connector.preflight {
        same_origin(&format!("{field}.preflight.url"), &preflight.url, connector, findings);
    }
    let field = format!("{field}.login");
    let known = |name: &str| match name {
        "username" | "password" => Ok(()),
        "csrf" if has_csrf => Ok(()),
        "csrf" => Err("there is no such value: write `csrf` under `preflight`".to_owned()),
        _ => Err(format!("`{name}` is not a known value: write \"{{username}}\" or \"{{password}}\"")),
    };
    let sent = Sent { headers: &login.headers, json: login.json.as_ref(), form: login.form.as_ref() };
    let body = if login.form.is_some() { "form" } else { "json" };
    if login.json.is_none() && login.form.is_none() {
        findings.add(field.clone(), "the login sends nothing: write `json` or `form`");
    } else {
        let members = login.json.iter().chain(&login.form).flat_map(BTreeMap::values);
        let names: Vec<_> = members.flat_map(Field::names).collect();
        // An unknown name may be a misspelling of one of these. It is reported by itself, so the missing one is not.
        let sound = names.iter().all(|name| known(name).is_ok());
        for placeholder in ["username", "password"] {
            if sound && !names.contains(&placeholder) {
                findings.add(
                    format!("{field}.{body}"),
                    format!("the login sends no {placeholder}: write \"{{{placeholder}}}\" as the value of one member"),
                );
            }
        }
    }
    request(&field, sent, &known, findings);
    for (name, value) in &login.headers.0 {
        if value.names().any(|value| value == "username" || value == "password") {
            findings.add(
                format!("{field}.headers"),
                format!("`{name}` would carry the user's name or password: they belong in `json` or `form`"),
            );
        }
    }
    success(&field, connector, findings);
    findings.within(format!("{field}.timeout"), login.timeout, 1, 25);
}

/// A request that carries the session.
pub(super) fn of_session(field: &str, url: &HttpUrl, sent: Sent<'_>, connector: &HttpLogin, findings: &mut Findings) {
    same_origin(&format!("{field}.url"), url, connector, findings);
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

fn same_origin(field: &str, url: &HttpUrl, connector: &HttpLogin, findings: &mut Findings) {
    let origin = connector.login.url.origin();
    if url.origin() != origin {
        findings.add(
            field.to_owned(),
            format!("a connector stays on one scheme, host and port: write a URL on {origin}, as in login.url"),
        );
    }
}

type Known<'k> = &'k dyn Fn(&str) -> Result<(), String>;

fn request(field: &str, sent: Sent<'_>, known: Known<'_>, findings: &mut Findings) {
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

fn member(field: &str, name: &str, value: &Field, known: Known<'_>, findings: &mut Findings) {
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

fn headers(field: &str, headers: &Headers, known: Known<'_>, findings: &mut Findings) {
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

fn values(field: &str, template: &Template, known: Known<'_>, findings: &mut Findings) {
    for reason in template.names().filter_map(|name| known(name).err()) {
        findings.add(field.to_owned(), reason);
    }
}

fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase().replace('-', "_");
    SECRET_NAMES.iter().any(|secret| lower.contains(secret))
}

fn success(field: &str, connector: &HttpLogin, findings: &mut Findings) {
    let login = &connector.login;
    if let Some(status) = login.success_status {
        statuses(&format!("{field}.success_status"), &Statuses::one(status), 200, 399, findings);
        if login.success.is_some() {
            findings.add(format!("{field}.success"), "write the status as `success.status`, without `success_status`");
        }
    }
    for (name, condition, most) in [("success", &login.success, 399), ("refused", &login.refused, 499)] {
        let Some(condition) = condition else { continue };
        let Condition { status, header, cookie, body_has, body_lacks } = condition;
        let field = format!("{field}.{name}");
        if let Some(status) = status {
            statuses(&format!("{field}.status"), status, 200, most, findings);
        } else if header.is_none() && cookie.is_none() && body_has.is_none() && body_lacks.is_none() {
            findings.add(field, "says nothing: write `status`, `header`, `cookie`, `body_has` or `body_lacks`");
        }
    }
}
