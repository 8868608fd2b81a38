//! The rules of routes' paths, one by one and against each other.

use super::Findings;
use crate::api::Api;
use crate::routes::{Routes, TAKEN, is_parameter, segments};
use domain::ids::ApiName;
use domain::path::CheckedPath;
use std::collections::BTreeMap;

/// More routes than this are more than one gateway should have, and more than can be compared while a function starts.
const MOST_ROUTES: usize = 1_000;

/// A route whose syntax is right.
struct Sound<'f> {
    path: &'f str,
    segments: Vec<&'f str>,
    field: String,
}

/// Checks every path and puts the sound ones into one tree.
pub(super) fn check(apis: &BTreeMap<ApiName, Api>, findings: &mut Findings) -> Routes {
    let mut routes = Routes::default();
    let total: usize = apis.values().map(|api| api.routes.len()).sum();
    if total > MOST_ROUTES {
        findings.add("apis".to_owned(), format!("{total} routes are too many: write at most {MOST_ROUTES}"));
        return routes;
    }
    let mut sound: Vec<Sound<'_>> = Vec::new();
    for (name, api) in apis {
        for (index, route) in api.routes.iter().enumerate() {
            let field = format!("apis.{name}.routes[{index}].path");
            if let Err(reason) = syntax(&route.path, route.public) {
                findings.add(field, reason);
                continue;
            }
            if let Err((other, at)) = routes.add(&route.path, name, index) {
                findings
                    .add(field, format!("apis.{other}.routes[{at}] has the same path: write its methods in one place"));
                continue;
            }
            let route = Sound { path: &route.path, segments: segments(&route.path).collect(), field };
            if let Some(rival) = sound.iter().find(|other| ambiguous(&route.segments, &other.segments)) {
                findings.add(
                    route.field.clone(),
                    format!(
                        "some calls fit {} as well, and neither is narrower: write one of them differently",
                        rival.path
                    ),
                );
            }
            sound.push(route);
        }
    }
    routes
}

fn syntax(path: &str, public: bool) -> Result<(), String> {
    if !path.starts_with('/') {
        return Err(format!("`{path}` does not begin with a slash: write /{path}"));
    }
    for segment in segments(path).filter(|segment| segment.contains(['{', '}'])) {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            return Err(format!(
                "`{segment}` is not a placeholder: write a whole segment as {{name}}, such as /orders/{{id}}"
            ));
        }
    }
    let example: Vec<&str> = segments(path).map(|segment| if is_parameter(segment) { "x" } else { segment }).collect();
    let example = format!("/{}", example.join("/"));
    CheckedPath::parse(&example)
        .map_err(|refused| format!("no call can have this path, because {refused}: write another"))?;
    let mut parts = segments(path);
    let (first, more) = (parts.next().unwrap_or_default(), parts.next().is_some_and(|second| !second.is_empty()));
    match (public, first) {
        (true, "public") if more => Ok(()),
        (true, _) => {
            Err("calls without a token come in under /public/ only: write /public/…, or remove `public: true`"
                .to_owned())
        }
        (false, "public") => {
            Err("under /public/ nobody asks for a token: write another path, or `public: true`".to_owned())
        }
        (false, taken) if TAKEN.contains(&taken) => {
            Err(format!("/{taken} belongs to the gateway itself: write another path"))
        }
        (false, _) => Ok(()),
    }
}

/// Whether some path fits both routes and each is narrower than the other somewhere.
fn ambiguous(one: &[&str], other: &[&str]) -> bool {
    let mut narrower = (false, false);
    for (position, (a, b)) in one.iter().zip(other).enumerate() {
        let open = |literal: &str| !literal.is_empty() && (position > 0 || !TAKEN.contains(&literal));
        match (is_parameter(a), is_parameter(b)) {
            (false, false) if a != b => return false,
            (false, true) if open(a) => narrower.0 = true,
            (true, false) if open(b) => narrower.1 = true,
            (false, true) | (true, false) => return false,
            (false, false) | (true, true) => {}
        }
    }
    one.len() == other.len() && narrower == (true, true)
}
