//! The rules of a login over HTTP, and of a web single sign-on, which is one.

use super::requests::{self, Sent};
use super::{Findings, steps, tls};
use crate::connector::{
    DeadSession, End, Expires, Extract, HttpLogin, Inject, Moves, SsoSession, Template, ValueName, Way,
};
use crate::header;
use std::collections::{BTreeMap, BTreeSet};

/// Names that already have a meaning in templates.
pub(super) const TAKEN: [&str; 3] = ["token", "username", "password"];

/// Ten years, in seconds. A longer time is taken for a mistake.
const LONGEST: u64 = 3_650 * 86_400;

pub(super) fn check(field: &str, connector: &HttpLogin, findings: &mut Findings) {
    both(field, connector, findings);
    expires(field, connector, findings);
    if let Some(renew) = &connector.renew {
        let sent = Sent { headers: &renew.headers, json: renew.json.as_ref(), form: renew.form.as_ref() };
        requests::of_session(&format!("{field}.renew"), &renew.url, sent, connector, findings);
        findings.within(format!("{field}.renew.for"), renew.lasting, 1, LONGEST);
    }
}

pub(super) fn check_sso(field: &str, connector: &SsoSession, findings: &mut Findings) {
    both(field, &connector.to_http_login(), findings);
    findings.within(format!("{field}.ends"), connector.ends, 1, LONGEST);
    findings.within(format!("{field}.idle"), connector.idle, 1, connector.ends.as_u64().max(1));
}

/// The rules of both kinds of login.
fn both(field: &str, connector: &HttpLogin, findings: &mut Findings) {
    steps::check(field, connector, findings);
    tls::check(field, connector.tls.as_ref(), connector.login.origin(), findings);
    findings.within(format!("{field}.timeout"), connector.timeout, 1, 25);
    addresses(field, connector, findings);
    if let Some(logout) = &connector.logout {
        let sent = Sent { headers: &logout.headers, json: logout.json.as_ref(), form: logout.form.as_ref() };
        requests::of_session(&format!("{field}.logout"), &logout.url, sent, connector, findings);
    }
    for name in connector.extract_also.keys().map(ValueName::as_str).filter(|name| TAKEN.contains(name)) {
        findings.add(
            format!("{field}.extract_also.{name}"),
            format!("`{name}` has a meaning of its own: write another name, such as csrf"),
        );
    }
    if connector.extract_also.len() > 8 {
        findings.add(format!("{field}.extract_also"), "more than 8 values: keep those that calls need");
    }
    let mut places = std::iter::once(&connector.extract).chain(connector.extract_also.values());
    if connector.moves.is_some() && !places.any(|place| matches!(place, Extract::Cookie(_) | Extract::Header(..))) {
        findings.add(
            format!("{field}.moves"),
            "no response can move it: write `extract: { cookie: NAME }` or `{ header: NAME }`, or leave `moves` out",
        );
    }
    if connector.moves == Some(Moves::InTurn) && connector.renew.is_some() {
        findings.add(
            format!("{field}.renew"),
            "a renewal would meet a call, and one of the two would carry a value that is gone: leave it out, or write \
             `moves: freely`",
        );
    }
    inject(field, &connector.inject, &connector.extract_also, findings);
    dead_session(&format!("{field}.dead_session"), &connector.dead_session, findings);
}

/// The addresses that the connector sends to.
fn addresses(field: &str, connector: &HttpLogin, findings: &mut Findings) {
    if connector.also_at.len() > 8 {
        findings.add(format!("{field}.also_at"), "more than 8 addresses: keep those that the login needs");
    }
    let first = if connector.login.listed { "login[0].url" } else { "login.url" };
    let also = connector.also_at.iter().enumerate();
    let also = also.map(|(position, origin)| (format!("{field}.also_at[{position}]"), origin));
    for (field, origin) in [(format!("{field}.{first}"), connector.login.origin())].into_iter().chain(also) {
        if origin.is_exposed() && !connector.allow_plain_http {
            findings.add(
                field,
                format!(
                    "{origin} sends passwords unencrypted: write https, or accept it with `allow_plain_http: true`"
                ),
            );
        }
    }
}

fn expires(field: &str, connector: &HttpLogin, findings: &mut Findings) {
    let Expires { end, idle } = &connector.expires;
    if *end == Some(End::Cookie) && !matches!(connector.extract, Extract::Cookie(_)) {
        findings.add(
            format!("{field}.expires"),
            "there is no cookie to ask: write `extract: { cookie: NAME }`, or `json_pointer` or `fixed` here",
        );
    }
    if let Some(End::Fixed(length)) = end {
        findings.within(format!("{field}.expires.fixed"), *length, 1, LONGEST);
    }
    if let Some(idle) = idle {
        findings.within(format!("{field}.expires.idle"), *idle, 1, LONGEST);
    }
}

fn inject(field: &str, inject: &Inject, also: &BTreeMap<ValueName, Extract>, findings: &mut Findings) {
    let mut names = BTreeSet::new();
    for (position, way) in inject.ways.iter().enumerate() {
        let field = if inject.listed { format!("{field}.inject[{position}]") } else { format!("{field}.inject") };
        let (name, value) = match way {
            Way::Cookie(name, value) => (format!("the cookie `{}`", name.as_str()), value),
            Way::Header(name, value) => (format!("the header `{name}`"), value),
            Way::Query(name, value) => (format!("the parameter `{name}`"), value),
        };
        match way {
            // The client's own `Authorization` is never forwarded, so the legacy system's can take its place.
            Way::Header(name, _) if header::is_reserved(name) && *name != http::header::AUTHORIZATION => findings.add(
                format!("{field}.header"),
                format!("`{name}` has a meaning of its own in HTTP: write another, or `cookie: NAME` for a cookie"),
            ),
            Way::Header(..) | Way::Cookie(..) | Way::Query(..) => {}
        }
        injected_value(&format!("{field}.value"), value, also, findings);
        let seen = match way {
            Way::Header(name, _) => format!("header {}", header::squashed(name)),
            Way::Cookie(..) | Way::Query(..) => name.clone(),
        };
        if !names.insert(seen) {
            findings.add(field, format!("{name} is there twice: keep one"));
        }
    }
    if !inject.ways.iter().any(|way| way.value().names().any(|name| name == "token")) {
        let value = if inject.listed || inject.ways.is_empty() { "" } else { ".value" };
        findings.add(
            format!("{field}.inject{value}"),
            "the token is not sent: write \"{token}\" once, such as `cookie: SESSID`, or `header: X-Session` with \
             `value: \"{token}\"`",
        );
    }
}

/// An injected value must be text that a header can carry, and each value in it must exist and occur once.
fn injected_value(field: &str, value: &Template, also: &BTreeMap<ValueName, Extract>, findings: &mut Findings) {
    if !value.texts().all(|text| text.bytes().all(|b| (0x20..=0x7e).contains(&b))) {
        findings.add(field.to_owned(), "not sendable: write printable ASCII around \"{token}\"");
    }
    let mut names = BTreeSet::new();
    for name in value.names() {
        if !names.insert(name) {
            findings.add(field.to_owned(), format!("write \"{{{name}}}\" once"));
        } else if name != "token" && !also.contains_key(name) {
            findings.add(
                field.to_owned(),
                format!("there is no value `{name}`: write \"{{token}}\", or add `{name}` under `extract_also`"),
            );
        }
    }
}

fn dead_session(field: &str, dead: &DeadSession, findings: &mut Findings) {
    if dead.status.is_none() && dead.redirect_to.is_none() && dead.body_has.is_none() {
        findings.add(field.to_owned(), "says nothing: write `status`, `redirect_to` or `body_has`");
    }
    if let Some(statuses) = &dead.status {
        requests::statuses(&format!("{field}.status"), statuses, 300, 499, findings);
    }
}
