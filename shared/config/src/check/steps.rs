//! The rules of the requests of a login, one by one and as a whole.

use super::Findings;
use super::http_login::TAKEN;
use super::requests::{self, MOST, Sent};
use crate::connector::{Condition, Field, HttpLogin, Step, StepRequest, Template, ValueName};
use std::collections::BTreeSet;

/// The most values that a login keeps of one response.
const MOST_KEPT: usize = 16;

/// The most redirects that are followed.
const MOST_REDIRECTS: u8 = 10;

pub(super) fn check(field: &str, connector: &HttpLogin, findings: &mut Findings) {
    let login = &connector.login;
    let mut kept = BTreeSet::new();
    let mut sent = Vec::new();
    for (position, step) in login.steps().iter().enumerate() {
        let field = if login.listed { format!("{field}.login[{position}]") } else { format!("{field}.login") };
        let before = findings.len();
        request(&field, step, connector, &kept, findings);
        sent.push((names(step), findings.len() > before));
        conditions(&field, step, findings);
        if step.follow > MOST_REDIRECTS {
            findings.add(format!("{field}.follow"), format!("out of range: write 0 to {MOST_REDIRECTS}"));
        }
        keep(&field, step, position.saturating_add(1) == login.steps().len(), &mut kept, findings);
    }
    // A mistake in a request may be a misspelling of one of these. It is reported by itself, so the missing one is not.
    if sent.iter().any(|(_, mistaken)| *mistaken) {
        return;
    }
    let has_no_body = |step: &Step| match &step.request {
        StepRequest::Url(request) => request.json.is_none() && request.form.is_none(),
        StepRequest::Submit(_) => false,
    };
    if login.steps().iter().all(has_no_body) {
        findings
            .add(format!("{field}.login"), "the login sends nothing: write `json` or `form`, or `submit` after a page");
        return;
    }
    for placeholder in ["username", "password"] {
        if !sent.iter().any(|(names, _)| names.contains(&placeholder)) {
            let (field, place) = missing(field, connector);
            findings.add(field, format!("the login sends no {placeholder}: write \"{{{placeholder}}}\" {place}"));
        }
    }
}

/// Where the placeholder of a login that lacks it is to be written.
fn missing(field: &str, connector: &HttpLogin) -> (String, &'static str) {
    let field = format!("{field}.login");
    let body = match connector.login.steps().first().map(|step| &step.request) {
        Some(StepRequest::Url(request)) if !connector.login.listed => match (&request.json, &request.form) {
            (_, Some(_)) => "form",
            (Some(_), None) => "json",
            (None, None) => return (field, "in its `json` or `form`"),
        },
        _ => return (field, "in `json`, `form` or `submit.fields` of one of its requests"),
    };
    (format!("{field}.{body}"), "as the value of one member")
}

/// The names of the values that the body of a request has.
fn names(step: &Step) -> Vec<&str> {
    match &step.request {
        StepRequest::Url(request) => {
            let members = request.json.iter().chain(&request.form).flat_map(|members| members.values());
            members.flat_map(Field::names).collect()
        }
        StepRequest::Submit(submit) => submit.fields.values().flat_map(Template::names).collect(),
    }
}

fn request(field: &str, step: &Step, connector: &HttpLogin, kept: &BTreeSet<&str>, findings: &mut Findings) {
    let known = |name: &str| match name {
        "username" | "password" => Ok(()),
        _ if kept.contains(name) => Ok(()),
        _ => Err(format!(
            "there is no value `{name}` yet: write \"{{username}}\" or \"{{password}}\", or `{name}` under `keep` of an \
             earlier request"
        )),
    };
    match &step.request {
        StepRequest::Url(request) => {
            requests::known_origin(&format!("{field}.url"), &request.url, connector, findings);
            let sent = Sent { headers: &step.headers, json: request.json.as_ref(), form: request.form.as_ref() };
            requests::request(field, sent, &known, findings);
            let body = if request.form.is_some() { "form" } else { "json" };
            let has_body = request.json.is_some() || request.form.is_some();
            if has_body && matches!(request.method, crate::Method::Get | crate::Method::Head) {
                findings.add(format!("{field}.{body}"), "a GET has no body: write `method: POST`, or `query`");
            }
            if request.query.len() > MOST {
                findings.add(format!("{field}.query"), format!("more than {MOST} parameters: keep those needed"));
            }
            for (name, value) in &request.query {
                let field = format!("{field}.query.{name}");
                requests::values(&field, value, &known, findings);
                not_the_password(&field, name, value, findings);
                if value.names().next().is_none() && requests::is_secret(name) {
                    findings.add(field, "a secret does not belong in this file: remove the parameter");
                }
            }
        }
        StepRequest::Submit(submit) => {
            requests::headers(&format!("{field}.headers"), &step.headers, &known, findings);
            if submit.fields.len() > MOST {
                findings.add(format!("{field}.submit.fields"), format!("more than {MOST} fields: keep those needed"));
            }
            for (name, value) in &submit.fields {
                let value = Field::Text(value.clone());
                requests::member(&format!("{field}.submit.fields.{name}"), name, &value, &known, findings);
            }
        }
    }
    for (name, value) in &step.headers.0 {
        not_the_password(&format!("{field}.headers"), name.as_str(), value, findings);
    }
}

/// URLs and headers are written to logs by many systems.
fn not_the_password(field: &str, name: &str, value: &Template, findings: &mut Findings) {
    if value.names().any(|value| value == "username" || value == "password") {
        findings.add(
            field.to_owned(),
            format!("`{name}` would carry the user's name or password: they belong in `json` or `form`"),
        );
    }
}

fn conditions(field: &str, step: &Step, findings: &mut Findings) {
    for (name, condition, most) in [("success", &step.success, 399), ("refused", &step.refused, 499)] {
        let Some(condition) = condition else { continue };
        let field = format!("{field}.{name}");
        if condition.says_nothing() {
            findings.add(
                field,
                "says nothing: write `status`, `redirect_to`, `header`, `cookie`, `body_has` or `body_lacks`",
            );
            continue;
        }
        let Condition { status, redirect_to, .. } = condition;
        let Some(status) = status else { continue };
        requests::statuses(&format!("{field}.status"), status, 200, most, findings);
        if redirect_to.is_some() && status.iter().any(|status| !status.is_redirection()) {
            findings.add(format!("{field}.status"), "a redirect has a status of 300 to 399: write one, or none");
        }
    }
}

fn keep<'c>(field: &str, step: &'c Step, last: bool, kept: &mut BTreeSet<&'c str>, findings: &mut Findings) {
    if last && !step.keep.is_empty() {
        findings.add(
            format!("{field}.keep"),
            "no request comes after this one: write what calls need under `extract_also`, or remove it",
        );
    }
    if step.keep.len() > MOST_KEPT {
        findings.add(format!("{field}.keep"), format!("more than {MOST_KEPT} values: keep those that are needed"));
    }
    for name in step.keep.keys().map(ValueName::as_str) {
        let field = format!("{field}.keep.{name}");
        if TAKEN.contains(&name) {
            findings.add(field, format!("`{name}` has a meaning of its own: write another name, such as csrf"));
        } else if !kept.insert(name) {
            findings.add(field, format!("an earlier request keeps `{name}`: write another name"));
        }
    }
}
