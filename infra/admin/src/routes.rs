//! `routes …`: what a request would meet, by the code that authorizer and proxy decide with.

use crate::cli::{Arguments, Format, Routes};
use crate::config_check::load;
use crate::error::Error;
use crate::output::Printer;
use gateway_config::{Ambiguity, Api, Gateway, NoRoute, Route, RouteMatch};
use gateway_domain::ids::ConnectorName;
use gateway_domain::path::CheckedPath;
use gateway_domain::query::checked_query;
use http::Method;
use serde_json::{Value as Json, json};

/// The columns of `routes list`.
const COLUMNS: [(&str, &str); 5] =
    [("API", "/api"), ("PATH", "/path"), ("METHODS", "/methods"), ("TOKEN", "/token"), ("BACK END", "/back_end")];

pub(crate) fn run(arguments: &Arguments, command: &Routes) -> Result<(), Error> {
    let (gateway, _) = load(arguments, None)?;
    let printer = Printer { json: arguments.output == Format::Json };
    match command {
        Routes::Check { method, path } => printer.one(&check(&gateway, method, path)?),
        Routes::List => {
            let rows: Vec<Json> = gateway
                .apis()
                .flat_map(|(name, api)| api.routes.iter().map(move |route| row(name.as_str(), api, route)))
                .collect();
            printer.list(&COLUMNS, &rows, None);
        }
    }
    Ok(())
}

fn row(api: &str, settings: &Api, route: &Route) -> Json {
    let written = |(method, scopes): (&gateway_config::Method, _)| format!("{} [{scopes}]", Method::from(*method));
    let methods: Vec<_> = route.methods.iter().map(written).collect();
    let path =
        if route.prefix.is_some() { format!("{} and below", route.written()) } else { route.written().to_owned() };
    let back_end = route.back_end.as_ref().unwrap_or(&settings.back_end).to_string();
    let rewritten = route.rewrite.as_ref().map(|rewrite| format!(" as {rewrite}")).unwrap_or_default();
    json!({
        "api": api, "path": path, "methods": methods, "token": !route.public,
        "back_end": format!("{back_end}{rewritten}"),
    })
}

/// What a request of this method for this path would meet.
fn check(gateway: &Gateway, method: &str, target: &str) -> Result<Json, Error> {
    let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).map_err(|_| {
        Error::Invalid(format!("`{method}` is not a method: write GET, HEAD, POST, PUT, PATCH or DELETE"))
    })?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = format!("{method} {target}");
    let refused = |status: u16, why: String| json!({ "request": request, "status": status, "why": why });
    if method == Method::OPTIONS {
        let why = "OPTIONS belongs to the gateway, which answers the preflights of browsers (`cors`)";
        return Ok(refused(403, why.to_owned()));
    }
    let path = match CheckedPath::parse(path) {
        Ok(path) => path,
        Err(reason) => return Ok(refused(400, format!("{reason}; no back end sees it"))),
    };
    if let Err(reason) = checked_query(query) {
        return Ok(refused(400, format!("{reason}; no back end sees it")));
    }
    Ok(match gateway.route(&method, &path) {
        Ok(found) => met(gateway, &request, &path, query, &found),
        Err(NoRoute::NotFound) => refused(404, format!("no route has the path {path}{}", hint(gateway, &path))),
        Err(NoRoute::MethodNotAllowed { allowed, api, route }) => {
            let allowed: Vec<_> = allowed.iter().map(Method::as_str).collect();
            let only = "a narrower route answers alone, also for methods that a wider one has";
            refused(405, format!("{route} of {api} has {} only ({only})", allowed.join(", ")))
        }
        Err(NoRoute::Ambiguous(ambiguity)) => refused(400, reason(&path, &ambiguity)),
    })
}

fn met(gateway: &Gateway, request: &str, path: &CheckedPath, query: &str, found: &RouteMatch<'_>) -> Json {
    let there = found.forwarded.as_ref().unwrap_or(path);
    let mark = if query.is_empty() { "" } else { "?" };
    let connector = gateway.api(found.api).and_then(|api| api.connector.as_ref());
    let needs = if found.public {
        "no token".to_owned()
    } else {
        let weight = if found.weight == 1 { String::new() } else { format!("; it counts as {} calls", found.weight) };
        format!("a token with {}, of an app subscribed to {}{weight}", found.scopes, found.api)
    };
    json!({
        "request": request,
        "decided_on": path.as_str(),
        "route": found.route,
        "api": found.api.as_str(),
        "needs": needs,
        "forwarded_to": format!("{}{there}{mark}{query}", found.back_end.origin()),
        "session_of": connector.filter(|_| !found.public).map(ConnectorName::as_str),
    })
}

/// What is near: routes that begin with the same segment.
fn hint(gateway: &Gateway, path: &CheckedPath) -> String {
    let first = path.segments().first().map_or("", |segment| segment.as_str());
    let begins = |route: &&Route| {
        let begin = route.written().trim_start_matches('/').split('/').next().unwrap_or_default();
        begin.eq_ignore_ascii_case(first) || begin.starts_with('{')
    };
    let near = gateway.apis().flat_map(|(_, api)| &api.routes).filter(begins).take(5);
    let near: Vec<_> = near.map(Route::written).collect();
    if near.is_empty() { String::new() } else { format!("; near it are {}", near.join(", ")) }
}

fn reason(path: &CheckedPath, ambiguity: &Ambiguity<'_>) -> String {
    let exact = "; `exact_paths: true` says of an API that its back end compares paths byte for byte";
    match ambiguity {
        Ambiguity::Respelled => {
            "a literal of the route is written with percent-encodings that it does not need: write it plainly"
                .to_owned()
        }
        Ambiguity::Unclear => format!(
            "some back ends split a segment of {path}, or see none: it holds a parameter, dots, or a character that may become \
             a slash{exact}"
        ),
        Ambiguity::Other { api, route } => {
            format!("a back end could take {path} for {route} of {api}, which is decided otherwise{exact}")
        }
        Ambiguity::ForwardedToOther { api, route } => format!(
            "it would be forwarded to what {route} of {api} leads to, which asks for something else: call that, or forward one of \
             the two elsewhere"
        ),
    }
}
