//! The rules of connectors.

use super::{Findings, kerberos, saml, tls};
use crate::connector::{ConnectorConfig, Expires, Extract, HttpLogin, Inject, LoginField, LoginRequest};
use crate::header;
use http::StatusCode;

/// Parts of member names whose values are secrets: those never stand in a file.
const SECRET_NAMES: [&str; 6] = ["password", "passwd", "secret", "token", "apikey", "api_key"];

pub(super) fn check(field: &str, connector: &ConnectorConfig, findings: &mut Findings) {
    match connector {
        ConnectorConfig::HttpLogin(http_login) => check_http_login(field, http_login, findings),
        ConnectorConfig::KerberosS4u(one) => {
            kerberos::check(field, &one.kdcs, &one.service, one.lifetime, one.timeout, findings);
        }
        ConnectorConfig::KerberosPassword(one) => {
            kerberos::check(field, &one.kdcs, &one.service, one.lifetime, one.timeout, findings);
        }
        ConnectorConfig::SamlEcp(saml_ecp) => saml::check_ecp(field, saml_ecp, findings),
        ConnectorConfig::WsTrust(ws_trust) => saml::check_ws_trust(field, ws_trust, findings),
    }
}

fn check_http_login(field: &str, connector: &HttpLogin, findings: &mut Findings) {
    login(&format!("{field}.login"), &connector.login, findings);
    tls::check(field, connector.tls.as_ref(), connector.login.url.origin(), findings);
    if connector.login.url.origin().is_exposed() && !connector.allow_plain_http {
        findings.add(
            format!("{field}.login.url"),
            format!(
                "{} sends passwords unencrypted: write https, or accept it with `allow_plain_http: true`",
                connector.login.url.origin()
            ),
        );
    }
    if let Some(logout) = &connector.logout
        && logout.url.origin() != connector.login.url.origin()
    {
        findings.add(
            format!("{field}.logout.url"),
            format!(
                "a connector stays on one scheme, host and port: write a URL on {}, as in login.url",
                connector.login.url.origin()
            ),
        );
    }
    if connector.expires == Expires::CookieMaxAge && !matches!(connector.extract, Extract::Cookie(_)) {
        findings.add(
            format!("{field}.expires"),
            "there is no cookie to ask: write `extract: { cookie: NAME }`, or `json_pointer` or `fixed` here",
        );
    }
    if let Expires::Fixed(length) = connector.expires {
        findings.within(format!("{field}.expires.fixed"), length, 1, 3_650 * 86_400);
    }
    inject(field, &connector.inject, findings);
    if !(300..=499).contains(&connector.dead_session.status.as_u16()) {
        status(format!("{field}.dead_session.status"), connector.dead_session.status, "300 to 499", findings);
    }
}

fn login(field: &str, login: &LoginRequest, findings: &mut Findings) {
    for (placeholder, wanted) in [("username", LoginField::Username), ("password", LoginField::Password)] {
        if !login.json.values().any(|value| *value == wanted) {
            findings.add(
                format!("{field}.json"),
                format!("the login sends no {placeholder}: write \"{{{placeholder}}}\" as the value of one member"),
            );
        }
    }
    for (name, value) in &login.json {
        let lower = name.to_ascii_lowercase();
        if matches!(value, LoginField::Literal(_)) && SECRET_NAMES.iter().any(|secret| lower.contains(secret)) {
            findings.add(
                format!("{field}.json.{name}"),
                "a secret does not belong in this file: write \"{username}\" or \"{password}\", or remove the member",
            );
        }
    }
    if !(200..=399).contains(&login.success_status.as_u16()) {
        status(format!("{field}.success_status"), login.success_status, "200 to 399", findings);
    }
    findings.within(format!("{field}.timeout"), login.timeout, 1, 25);
}

fn inject(field: &str, inject: &Inject, findings: &mut Findings) {
    match inject {
        // The app's own `Authorization` never travels on, so the legacy system's may take its place.
        Inject::Header { name, .. } if header::is_reserved(name) && name != http::header::AUTHORIZATION => {
            findings.add(
                format!("{field}.inject.header"),
                format!("`{name}` has a meaning of its own in HTTP: write another, or `cookie: NAME` for a cookie"),
            );
        }
        Inject::Header { .. } | Inject::Cookie(_) => {}
    }
}

fn status(field: String, found: StatusCode, range: &str, findings: &mut Findings) {
    findings.add(field, format!("{} is out of range: write {range}", found.as_u16()));
}
