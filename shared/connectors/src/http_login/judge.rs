//! Judges the response of one step: the login goes on, the password was wrong, or something else is there than was expected.
//!
//! What is told of it comes from a closed vocabulary and from the configuration, never from the response.

use gateway_config::connector::{Condition, Statuses, Step};
use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION};

use super::content::{Absent, Content};
use super::page::Form;
use super::{dead, misbehaved, request};
use crate::{ConnectorError, reference};

/// A step and its place in the login.
#[derive(Clone, Copy)]
pub(super) struct At<'s> {
    pub(super) step: &'s Step,
    /// From 1.
    pub(super) number: usize,
    pub(super) last: bool,
}

impl At<'_> {
    pub(super) fn misbehaved(self, text: &str) -> ConnectorError {
        misbehaved(&format!("step {}: {text}", self.number))
    }
}

/// What a status means if the configuration does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 2xx.
    Fine,
    /// 3xx, which is not followed, or no final status.
    Elsewhere,
    /// Any other 4xx.
    Refused,
    /// 404, 405, 410 or 415: nothing at this URL accepts the request, so the status says nothing about the password.
    NotThere,
    /// 408, 429 or 5xx: a later attempt may succeed.
    Later,
}

pub(super) fn kind(status: StatusCode) -> Kind {
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Kind::Later,
        StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED
        | StatusCode::GONE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::NotThere,
        _ if status.is_success() => Kind::Fine,
        _ if status.is_client_error() => Kind::Refused,
        _ if status.is_server_error() => Kind::Later,
        _ => Kind::Elsewhere,
    }
}

/// One part of a condition, in words, and whether it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) what: String,
    pub(super) holds: bool,
}

/// The parts of a condition. A body that cannot be decoded fails only where the body is asked for: otherwise a wrong
/// password could look like a right one, or the reverse.
fn parts(condition: &Condition, content: &Content) -> Result<Vec<Part>, Absent> {
    let Condition { status, redirect_to, header, cookie, body_has, body_lacks } = condition;
    let mut parts = Vec::new();
    let mut part = |what: String, holds: bool| parts.push(Part { what, holds });
    if let Some(statuses) = status {
        part(written(statuses), statuses.contains(content.status));
    }
    if let Some(to) = redirect_to {
        let location = content.header(LOCATION).filter(|_| content.status.is_redirection());
        let leads = location.is_some_and(|location| dead::leads_to(to, &content.url, location));
        part("a redirect to the place of `redirect_to`".to_owned(), leads);
    }
    if let Some(header) = header {
        let mut values = content.headers.get_all(&header.name).iter();
        let holds = values.any(|value| match &header.pattern {
            None => true,
            Some(pattern) => value.to_str().is_ok_and(|value| pattern.is_in(value)),
        });
        let matching = if header.pattern.is_some() { " that matches" } else { "" };
        part(format!("the header {}{matching}", header.name), holds);
    }
    if let Some(cookie) = cookie {
        let set = content.set.iter().any(|name| name == cookie.as_str());
        part(format!("the cookie {}", cookie.as_str()), set);
    }
    if let Some(marker) = body_has {
        part("the text of `body_has`".to_owned(), marker.is_in(&content.text()?));
    }
    if let Some(marker) = body_lacks {
        part("no text of `body_lacks`".to_owned(), !marker.is_in(&content.text()?));
    }
    Ok(parts)
}

fn written(statuses: &Statuses) -> String {
    let statuses: Vec<_> = statuses.iter().map(|status| status.as_u16().to_string()).collect();
    format!("status {}", statuses.join(" or "))
}

/// The parts of `success`, with the status that holds where none is written.
pub(super) fn success(at: At<'_>, content: &Content) -> Result<Vec<Part>, Absent> {
    let success = at.step.success.as_ref();
    let mut all = match success {
        Some(success) if success.status.is_some() || success.redirect_to.is_some() => Vec::new(),
        _ if at.last => vec![Part { what: "status 200".to_owned(), holds: content.status == StatusCode::OK }],
        _ => vec![Part { what: "status 200 to 299".to_owned(), holds: content.status.is_success() }],
    };
    if let Some(success) = success {
        all.append(&mut parts(success, content)?);
    }
    Ok(all)
}

/// The parts of `refused`, if it is written.
pub(super) fn refused(at: At<'_>, content: &Content) -> Result<Option<Vec<Part>>, Absent> {
    at.step.refused.as_ref().map(|refused| parts(refused, content)).transpose()
}

fn hold(parts: &[Part]) -> bool {
    parts.iter().all(|part| part.holds)
}

/// Whether a redirect is what `success` or `refused` says, so that it is not followed.
pub(super) fn is_expected(at: At<'_>, content: &Content) -> bool {
    let conditions = at.step.success.iter().chain(&at.step.refused);
    let mut of_redirects = conditions.filter(|condition| {
        let status = condition.status.as_ref().is_some_and(|statuses| statuses.iter().any(|s| s.is_redirection()));
        status || condition.redirect_to.is_some() || condition.header.as_ref().is_some_and(|h| h.name == LOCATION)
    });
    of_redirects.any(|condition| parts(condition, content).is_ok_and(|parts| hold(&parts)))
}

/// Whether a page asks for a password.
fn asks_for_a_password(content: &Content) -> bool {
    content.page().is_ok_and(|page| page.forms.iter().any(Form::has_password))
}

/// Whether the login goes on after this response.
pub(super) fn judge(at: At<'_>, content: &Content) -> Result<(), ConnectorError> {
    let undecided = |absent: Absent| at.misbehaved(&absent.to_string());
    let (success, refused) = (success(at, content).map_err(undecided)?, refused(at, content).map_err(undecided)?);
    let is_refused = refused.as_ref().is_some_and(|parts| hold(parts));
    // A `success` that is not written says nothing against a `refused` that is. Of two that are written and hold both, nobody
    // knows which is meant: that is no login.
    if hold(&success) && is_refused && at.step.success.is_some() {
        return Err(at.misbehaved("both `success` and `refused` hold: write them so that one of them does"));
    }
    if hold(&success) && !is_refused {
        // A wrong password is often answered with the form again, in a page with status 200.
        if at.last && at.step.success.is_none() && asks_for_a_password(content) {
            let reason = "expected no form with a password field: write `success`, or `refused` for a wrong password";
            return Err(at.misbehaved(&format!("{reason}; got {}", seen(content))));
        }
        return Ok(());
    }
    let kind = match kind(content.status) {
        _ if is_refused => Kind::Refused,
        // Another response than the one to the password says nothing about the password by its status.
        Kind::Refused if refused.is_some() || content.redirects > 0 || !request::sends_password(at.step) => {
            Kind::NotThere
        }
        kind @ (Kind::Fine | Kind::Elsewhere | Kind::Refused | Kind::NotThere | Kind::Later) => kind,
    };
    let told = || format!("step {}: expected {}; got {}", at.number, expected(&success), seen(content));
    match kind {
        Kind::Refused => Err(ConnectorError::Refused),
        Kind::Later => Err(ConnectorError::Unavailable(told())),
        Kind::Fine | Kind::Elsewhere | Kind::NotThere => Err(ConnectorError::Misbehaved(told())),
    }
}

fn expected(parts: &[Part]) -> String {
    parts.iter().map(|part| part.what.as_str()).collect::<Vec<_>>().join(", ")
}

/// What kind of response is there instead. Nothing of it is repeated but its status.
pub(super) fn seen(content: &Content) -> String {
    let mut seen = format!("status {}", content.status.as_u16());
    if content.redirects > 0 {
        seen.push_str(" after redirects");
    }
    for kind in [media(content), shape(content), redirect(content), Some(cookies(content))].into_iter().flatten() {
        seen.push_str(", ");
        seen.push_str(kind);
    }
    seen
}

fn media(content: &Content) -> Option<&'static str> {
    let essence = content.header(CONTENT_TYPE)?.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match essence.as_str() {
        "text/html" => "text/html",
        "application/xhtml+xml" => "application/xhtml+xml",
        "application/json" => "application/json",
        "application/problem+json" => "application/problem+json",
        "application/xml" | "text/xml" => "XML",
        "text/plain" => "text/plain",
        _ => "another type",
    })
}

fn shape(content: &Content) -> Option<&'static str> {
    let body = match content.body() {
        Ok(body) if body.is_empty() => return Some("an empty body"),
        Ok(body) => body,
        Err(_) => return Some("a body that cannot be decoded"),
    };
    let html = matches!(media(content), Some("text/html" | "application/xhtml+xml"));
    if !html && !body.trim_ascii_start().starts_with(b"<") {
        return None;
    }
    Some(match content.page() {
        Ok(page) if page.forms.iter().any(Form::has_password) => "a page with a form with a password field",
        Ok(page) if !page.forms.is_empty() => "a page with a form without a password field",
        Ok(_) => "a page without a form",
        Err(_) => "a page that cannot be read",
    })
}

fn redirect(content: &Content) -> Option<&'static str> {
    if !content.status.is_redirection() {
        return None;
    }
    let location = content.header(LOCATION)?;
    Some(match reference::resolved(&content.url, location) {
        Some(target) if target == content.url => "a redirect to the same page",
        Some(target) if reference::same_origin(&target, &content.url) => "a redirect within the host",
        Some(_) => "a redirect to another host",
        None => "a redirect to no address",
    })
}

fn cookies(content: &Content) -> &'static str {
    match content.set.len() {
        0 => "no cookie set",
        1 => "one cookie set",
        _ => "cookies set",
    }
}
