//! The rules of APIs: back ends, header names and scopes.

use super::{Findings, tls};
use crate::api::{Api, Route};
use crate::connector::{ConnectorConfig, Present, Way};
use crate::file::File;
use crate::header;
use crate::methods::{Entry, Key};
use crate::routes::key;
use crate::text::ScopeToken;
use gateway_domain::headers::IdentityHeaders;
use gateway_domain::ids::ConnectorName;
use http::HeaderName;
use std::collections::BTreeSet;

pub(super) fn check(file: &File, findings: &mut Findings) {
    if file.apis.is_empty() {
        findings.add("apis".to_owned(), "no API: write at least one, with `back_end` and `routes`");
    }
    moves(file, findings);
    services(file, findings);
    let declared: Option<BTreeSet<&str>> =
        file.scopes.as_ref().map(|scopes| scopes.keys().map(ScopeToken::as_str).collect());
    for (name, api) in &file.apis {
        let field = format!("apis.{name}");
        back_end(&field, api, findings);
        let connector = connector(&field, api, file, findings);
        headers(&field, api, connector, findings);
        if api.cookie_jar && api.pass_cookies.is_some() {
            findings.add(
                format!("{field}.cookie_jar"),
                "the app keeps the cookies of `pass_cookies`: write one of the two",
            );
        }
        if api.routes.is_empty() {
            findings.add(format!("{field}.routes"), "no route: write at least one, with `path` and `methods`");
        }
        for (index, route) in api.routes.iter().enumerate() {
            scopes(&format!("{field}.routes[{index}].methods"), route, declared.as_ref(), findings);
        }
    }
}

fn back_end(field: &str, api: &Api, findings: &mut Findings) {
    let of_routes = api
        .routes
        .iter()
        .enumerate()
        .filter_map(|(index, route)| Some((format!("{field}.routes[{index}].back_end"), route.back_end.as_ref()?)));
    for (place, back_end) in std::iter::once((format!("{field}.back_end"), &api.back_end)).chain(of_routes) {
        let origin = back_end.origin();
        if origin.is_exposed() && !api.allow_plain_http {
            findings.add(
                place.clone(),
                format!(
                    "{origin} sends identities and sessions unencrypted: write https, or accept it with \
                     `allow_plain_http: true`"
                ),
            );
        }
        tls::check(field, api.tls.as_ref(), origin, findings);
    }
    findings.within(format!("{field}.timeout"), api.timeout, 1, 899);
    findings.within(format!("{field}.idle_timeout"), api.idle_timeout, 1, 300);
    if !(1_024..=209_715_200).contains(&api.max_response_bytes) {
        findings.add(format!("{field}.max_response_bytes"), "out of range: write 1024 to 209715200");
    }
    if !(1_024..=65_536).contains(&api.max_header_bytes) {
        findings.add(format!("{field}.max_header_bytes"), "out of range: write 1024 to 65536");
    }
}

fn connector<'f>(field: &str, api: &Api, file: &'f File, findings: &mut Findings) -> Option<&'f ConnectorConfig> {
    let name = api.connector.as_ref()?;
    let found = file.connectors.get(name);
    if found.is_none() {
        let known: Vec<_> = file.connectors.keys().map(ConnectorName::as_str).collect();
        let advice = if known.is_empty() {
            "write it under `connectors`".to_owned()
        } else {
            format!("write one of {}, or add it under `connectors`", known.join(", "))
        };
        findings.add(format!("{field}.connector"), format!("there is no connector `{name}`: {advice}"));
    }
    found
}

/// The six names must not be reserved, and must differ in their squashed form, because some servers do not distinguish
/// case and punctuation.
fn headers(field: &str, api: &Api, connector: Option<&ConnectorConfig>, findings: &mut Findings) {
    let IdentityHeaders { user_id, subject_type, scope, app_name, subscription, client_id } = &api.headers;
    let fields = [
        ("user_id", user_id),
        ("subject_type", subject_type),
        ("scope", scope),
        ("app_name", app_name),
        ("subscription", subscription),
        ("client_id", client_id),
    ];
    let mut taken: BTreeSet<String> = connector.map(injected).iter().flatten().map(header::squashed).collect();
    if let Some(pass) = &api.pass_access_token {
        passed(field, &pass.header, &mut taken, findings);
        // It opens every API of the app to whoever has it, and one service is named.
        for (index, _) in api.routes.iter().enumerate().filter(|(_, route)| route.back_end.is_some() && !route.public) {
            findings.add(
                format!("{field}.routes[{index}].back_end"),
                format!(
                    "the access token of this API is for `{}` alone: give what is at another back end an API of its own",
                    pass.audience
                ),
            );
        }
    }
    for (key, name) in fields {
        if header::is_reserved(name) {
            findings.add(
                format!("{field}.headers.{key}"),
                format!("`{name}` has a meaning of its own in HTTP: write a name of your own, such as X-User"),
            );
        }
        if !taken.insert(header::squashed(name)) {
            findings.add(
                format!("{field}.headers.{key}"),
                format!("`{name}` is the name of another header of this API: write a different one"),
            );
        }
    }
}

/// The header with the access token, which is none of the connector's.
fn passed(field: &str, name: &HeaderName, taken: &mut BTreeSet<String>, findings: &mut Findings) {
    let field = format!("{field}.pass_access_token");
    if header::is_reserved(name) && name != http::header::AUTHORIZATION {
        findings.add(
            format!("{field}.header"),
            format!("`{name}` has a meaning of its own in HTTP: write Authorization, or a name of your own, such as X-Access-Token"),
        );
    }
    if !taken.insert(header::squashed(name)) {
        findings.add(
            field,
            format!("the connector of this API has `{name}` already: write `header`, such as X-Access-Token"),
        );
    }
}

/// Every token that opens several such APIs names all their services, and has to stay short.
fn services(file: &File, findings: &mut Findings) {
    const MOST: usize = 8;
    let passing = file.apis.iter().filter_map(|(name, api)| Some((name, &api.pass_access_token.as_ref()?.audience)));
    let mut known = BTreeSet::new();
    for (name, audience) in passing {
        if known.insert(audience) && known.len() > MOST {
            findings.add(
                format!("apis.{name}.pass_access_token.audience"),
                format!("more than {MOST} services: access tokens that name them all would be too long"),
            );
        }
    }
}

/// The headers that carry what a connector injects.
fn injected(connector: &ConnectorConfig) -> Vec<HeaderName> {
    let inject = match connector {
        ConnectorConfig::KerberosS4u(_) | ConnectorConfig::KerberosPassword(_) => {
            return vec![http::header::AUTHORIZATION];
        }
        ConnectorConfig::SamlEcp(saml) => return of_assertion(&saml.present),
        ConnectorConfig::WsTrust(trust) => return of_assertion(&trust.present),
        ConnectorConfig::HttpLogin(login) => Some(&login.inject),
        ConnectorConfig::SsoSession(session) => session.inject.as_ref(),
    };
    let ways = inject.into_iter().flat_map(|inject| &inject.ways);
    let header = |way: &Way| match way {
        Way::Header(name, _) => Some(name.clone()),
        Way::Cookie(..) | Way::Query(..) => None,
    };
    ways.filter_map(header).collect()
}

/// The header by which what an identity provider or a token service gave is presented. `Cookie` is reserved anyway.
fn of_assertion(present: &Present) -> Vec<HeaderName> {
    match present {
        Present::Authorization | Present::Exchange(_) => vec![http::header::AUTHORIZATION],
        Present::WsSecurity | Present::Cookies(_) => vec![],
    }
}

fn scopes(field: &str, route: &Route, declared: Option<&BTreeSet<&str>>, findings: &mut Findings) {
    let methods = &route.methods;
    if methods.is_empty() {
        findings.add(field.to_owned(), "no method: write at least one, such as `GET: [orders:read]`");
    }
    let has_any = methods.written.iter().any(|(key, _)| *key == Key::Any);
    for (key, entry) in &methods.written {
        let field = format!("{field}.{}", key.name());
        let Entry::Scopes(scopes) = entry else {
            if *key == Key::Any || !has_any {
                findings.add(field, "nothing to take it from: write `refused` beside `ANY: […]`, or leave it out");
            }
            continue;
        };
        match (route.public, scopes.is_empty()) {
            (true, false) => findings.add(field.clone(), "a public route has no scopes: write []"),
            (false, true) => {
                findings
                    .add(field.clone(), "a route needs at least one scope, such as [orders:read], or `public: true`");
            }
            (true, true) | (false, false) => {}
        }
        let Some(declared) = declared else { continue };
        for unknown in scopes.iter().filter(|scope| !declared.contains(scope)) {
            findings.add(
                field.clone(),
                format!("there is no scope `{unknown}`: add it under `scopes`, or write one that is there"),
            );
        }
    }
}

/// A session that moves is of one back end: the cookie of another host, with the same name, is another session's.
fn moves(file: &File, findings: &mut Findings) {
    for (name, connector) in &file.connectors {
        let moves = match connector {
            ConnectorConfig::HttpLogin(login) => login.moves,
            ConnectorConfig::SsoSession(session) => session.moves,
            ConnectorConfig::KerberosS4u(_)
            | ConnectorConfig::KerberosPassword(_)
            | ConnectorConfig::SamlEcp(_)
            | ConnectorConfig::WsTrust(_) => None,
        };
        if moves.is_none() {
            continue;
        }
        let apis = file.apis.values().filter(|api| api.connector.as_ref() == Some(name));
        let origins: BTreeSet<_> = apis
            .flat_map(|api| {
                std::iter::once(&api.back_end).chain(api.routes.iter().filter_map(|route| route.back_end.as_ref()))
            })
            .map(|back_end| key(back_end.origin()))
            .collect();
        if origins.len() > 1 {
            findings.add(
                format!("connectors.{name}.moves"),
                "its APIs have several back ends, and each would move the session of the others: write a connector for each",
            );
        }
    }
}
