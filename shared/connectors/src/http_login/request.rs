//! Builds the requests of a login over HTTP, with each value encoded for its place.

use std::collections::BTreeMap;

use bytes::Bytes;
use gateway_config::connector::{
    Field, Headers, Inject, Piece, RenewRequest, SessionRequest, Step, StepRequest, Template, UrlRequest, Way,
};
use gateway_config::{HttpUrl, Method};
use gateway_domain::query::with_injected;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, REFERER};
use http::uri::PathAndQuery;
use http::{Request, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;
use zeroize::Zeroizing;

use super::state::State;
use super::submit::Submission;
use crate::{Injection, reference};

/// The characters that a form escapes (WHATWG URL, application/x-www-form-urlencoded).
pub(super) const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// Responses of a login are small and have secrets in them, so nothing is gained by compression. A system that compresses all
/// the same is understood.
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

type Members = BTreeMap<String, Field>;
pub(super) type Values<'v> = &'v dyn Fn(&str) -> Option<&'v str>;

/// A configured request that carries a session.
pub(super) struct Wanted<'c> {
    method: Method,
    url: &'c HttpUrl,
    headers: &'c Headers,
    json: Option<&'c Members>,
    form: Option<&'c Members>,
}

impl<'c> Wanted<'c> {
    pub(super) fn logout(logout: &'c SessionRequest) -> Self {
        let SessionRequest { method, url, headers, json, form } = logout;
        Self { method: *method, url, headers, json: json.as_ref(), form: form.as_ref() }
    }

    pub(super) fn renewal(renew: &'c RenewRequest) -> Self {
        let RenewRequest { method, url, headers, json, form, lasting: _ } = renew;
        Self { method: *method, url, headers, json: json.as_ref(), form: form.as_ref() }
    }
}

/// Whether a step has the password in its body.
pub(super) fn sends_password(step: &Step) -> bool {
    fn has(field: &Field) -> bool {
        match field {
            Field::Text(template) => template.names().any(|name| name == "password"),
            Field::Literal(_) => false,
            Field::Members(members) => members.values().any(has),
        }
    }
    match &step.request {
        StepRequest::Url(request) => {
            let mut members = request.json.iter().chain(&request.form).flat_map(|members| members.values());
            members.any(has)
        }
        StepRequest::Submit(submit) => {
            submit.fields.values().any(|template| template.names().any(|name| name == "password"))
        }
    }
}

/// The request of a step to a configured URL. The password is written only to memory that is overwritten afterwards.
pub(super) fn of_url(wanted: &UrlRequest, headers: &Headers, values: Values<'_>) -> Option<Request<Bytes>> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = wanted.method.into();
    let mut query = Vec::new();
    for (name, template) in &wanted.query {
        query.push((name.clone(), expanded(template, values)?.to_string()));
    }
    *request.uri_mut() = with_query(wanted.url.uri(), &query)?;
    put_accept(request.headers_mut(), wanted.json.is_some());
    put_body(&mut request, wanted.json.as_ref(), wanted.form.as_ref(), values)?;
    put_headers(request.headers_mut(), headers, values)?;
    Some(request)
}

/// The request that sends a form of a page. Like a browser, it names the page in `Referer`, unless `headers` has another.
pub(super) fn of_form(
    submission: Submission,
    page: &Url,
    headers: &Headers,
    values: Values<'_>,
) -> Option<Request<Bytes>> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = submission.method;
    *request.uri_mut() = reference::uri(&submission.url)?;
    put_accept(request.headers_mut(), false);
    request.headers_mut().insert(REFERER, referrer(page, &submission.url)?);
    if let Some(body) = submission.body {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        *request.body_mut() = Bytes::from_owner(body);
    }
    put_headers(request.headers_mut(), headers, values)?;
    Some(request)
}

/// The whole URL of the page for its own host, and no more than the host for another.
fn referrer(page: &Url, target: &Url) -> Option<HeaderValue> {
    let origin = format!("{}/", page.origin().ascii_serialization());
    secret_header(if reference::same_origin(page, target) { page.as_str() } else { &origin })
}

fn put_accept(headers: &mut HeaderMap, json: bool) {
    let accept = if json { "application/json" } else { "*/*" };
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    headers.insert(ACCEPT_ENCODING, IDENTITY);
}

/// A request that carries this session.
pub(super) fn of_session(inject: &Inject, wanted: &Wanted<'_>, state: &State<'_>) -> Option<Request<Bytes>> {
    let Injection { headers, query, body: _ } = injection(inject, state)?;
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = wanted.method.into();
    *request.uri_mut() = with_query(wanted.url.uri(), &query)?;
    request.headers_mut().extend(headers);
    request.headers_mut().insert(ACCEPT_ENCODING, IDENTITY);
    let values = |name: &str| state.value(name);
    put_body(&mut request, wanted.json, wanted.form, &values)?;
    put_headers(request.headers_mut(), wanted.headers, &values)?;
    Some(request)
}

/// What carries this session to the back end.
pub(super) fn injection(inject: &Inject, state: &State<'_>) -> Option<Injection> {
    let values = |name: &str| state.value(name);
    let mut injection = Injection::default();
    let mut cookies = Vec::new();
    for way in &inject.ways {
        let value = expanded(way.value(), &values)?;
        match way {
            Way::Cookie(name, _) => cookies.push(format!("{}={}", name.as_str(), *value)),
            Way::Header(name, _) => injection.headers.push((name.clone(), secret_header(&value)?)),
            Way::Query(name, _) => injection.query.push((name.clone(), (*value).clone())),
        }
    }
    if !cookies.is_empty() {
        injection.headers.push((COOKIE, secret_header(&Zeroizing::new(cookies.join("; ")))?));
    }
    Some(injection)
}

fn with_query(uri: &Uri, query: &[(String, String)]) -> Option<Uri> {
    if query.is_empty() {
        return Some(uri.clone());
    }
    let query = with_injected(uri.query().unwrap_or_default(), query);
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{}?{query}", uri.path())).ok()?);
    Uri::from_parts(parts).ok()
}

fn put_headers(to: &mut HeaderMap, headers: &Headers, values: Values<'_>) -> Option<()> {
    for (name, template) in &headers.0 {
        to.insert::<HeaderName>(name.clone(), secret_header(&expanded(template, values)?)?);
    }
    Some(())
}

fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn put_body(
    request: &mut Request<Bytes>,
    json: Option<&Members>,
    form: Option<&Members>,
    values: Values<'_>,
) -> Option<()> {
    let (kind, body) = match (json, form) {
        (Some(members), _) => {
            let mut body = Zeroizing::new(Vec::with_capacity(room(members, values)));
            write_json(members, values, &mut body)?;
            ("application/json", body)
        }
        (None, Some(members)) => {
            let mut body = Zeroizing::new(Vec::with_capacity(room(members, values)));
            write_form(members, values, &mut body)?;
            ("application/x-www-form-urlencoded", body)
        }
        (None, None) => return Some(()),
    };
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    *request.body_mut() = Bytes::from_owner(body);
    Some(())
}

/// The capacity for a body in which every byte is escaped as `\u00XX`. With it, the buffer never moves and leaves no copy
/// of a secret in memory.
fn room(members: &Members, values: Values<'_>) -> usize {
    let one = |(name, field): (&String, &Field)| {
        let value = match field {
            Field::Text(template) => length(template, values).saturating_mul(6),
            Field::Literal(value) => value.to_string().len().saturating_mul(6),
            Field::Members(members) => room(members, values),
        };
        name.len().saturating_mul(6).saturating_add(value).saturating_add(16)
    };
    members.iter().map(one).sum::<usize>().saturating_add(16)
}

fn write_json(members: &Members, values: Values<'_>, body: &mut Zeroizing<Vec<u8>>) -> Option<()> {
    for (position, (name, field)) in members.iter().enumerate() {
        body.push(if position == 0 { b'{' } else { b',' });
        serde_json::to_writer(&mut **body, name).ok()?;
        body.push(b':');
        match field {
            Field::Text(template) => serde_json::to_writer(&mut **body, expanded(template, values)?.as_str()).ok()?,
            Field::Literal(value) => serde_json::to_writer(&mut **body, value).ok()?,
            Field::Members(members) => write_json(members, values, body)?,
        }
    }
    body.extend_from_slice(if members.is_empty() { b"{}" } else { b"}" });
    Some(())
}

fn write_form(members: &Members, values: Values<'_>, body: &mut Zeroizing<Vec<u8>>) -> Option<()> {
    for (position, (name, field)) in members.iter().enumerate() {
        if position > 0 {
            body.push(b'&');
        }
        write_encoded(name, body);
        body.push(b'=');
        match field {
            Field::Text(template) => write_encoded(&expanded(template, values)?, body),
            Field::Literal(value) => write_encoded(&value.to_string(), body),
            Field::Members(_) => return None,
        }
    }
    Some(())
}

fn write_encoded(text: &str, body: &mut Zeroizing<Vec<u8>>) {
    for piece in utf8_percent_encode(text, FORM) {
        body.extend_from_slice(piece.as_bytes());
    }
}

/// The template with its values in place.
pub(super) fn expanded(template: &Template, values: Values<'_>) -> Option<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(length(template, values)));
    for piece in template.pieces() {
        text.push_str(match piece {
            Piece::Text(text) => text,
            Piece::Value(name) => values(name.as_str())?,
        });
    }
    Some(text)
}

fn length(template: &Template, values: Values<'_>) -> usize {
    let pieces = template.pieces().iter();
    let lengths = pieces.map(|piece| match piece {
        Piece::Text(text) => text.len(),
        Piece::Value(name) => values(name.as_str()).map_or(0, str::len),
    });
    lengths.sum()
}
