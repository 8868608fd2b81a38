//! The rules of the paths of routes, of each path alone and of all paths together.

use super::Findings;
use crate::api::{Api, Route};
use crate::routes::{Literal, Part, Routes, TAKEN, is_parameter, segments};
use gateway_domain::ids::ApiName;
use gateway_domain::path::{CheckedPath, Segment, without_format};
use std::collections::BTreeMap;

/// The most routes of a gateway. Every function compares all routes while it starts, so their number is bounded.
const MOST_ROUTES: usize = 1_000;

/// A route with a valid syntax.
struct Sound<'f> {
    name: &'f ApiName,
    api: &'f Api,
    route: &'f Route,
    parts: Vec<Part>,
    field: String,
}

/// Checks every path and adds the valid ones to one tree.
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
            let parts = match syntax(&route.path, route.public) {
                Ok(parts) => parts,
                Err(reason) => {
                    findings.add(field, reason);
                    continue;
                }
            };
            if let Err((other, at)) = routes.add(&parts, name, index) {
                findings
                    .add(field, format!("apis.{other}.routes[{at}] has the same path: write its methods in one place"));
                continue;
            }
            let one = Sound { name, api, route, parts, field };
            if let Some(rival) = sound.iter().find(|other| ambiguous(&one.parts, &other.parts)) {
                findings.add(
                    one.field.clone(),
                    format!(
                        "some calls fit {} as well, and neither is narrower: write one of them differently",
                        rival.route.path
                    ),
                );
            }
            sound.push(one);
        }
    }
    twins(&sound, findings);
    routes
}

/// Reports routes that a lax back end takes for the same path although they need different things. Routes are compared only
/// with those of the same loosest form, because every function does this while it starts.
fn twins(sound: &[Sound<'_>], findings: &mut Findings) {
    let mut alike: BTreeMap<Vec<Option<&str>>, Vec<&Sound<'_>>> = BTreeMap::new();
    for one in sound {
        let others = alike.entry(one.loosest()).or_default();
        if let Some(twin) = others.iter().find(|other| one.is_twin_of(other) && !one.asks_the_same_as(other)) {
            findings.add(
                one.field.clone(),
                format!(
                    "a back end may take {} for the same path, and it has other methods or scopes: write one of them \
                     differently, or `exact_paths: true` if the back end compares paths byte for byte",
                    twin.route.path
                ),
            );
        }
        others.push(one);
    }
}

impl Sound<'_> {
    /// The path as the most lax back end compares it: in the loose form, without a slash at the end, and without the
    /// extension that names a format.
    fn loosest(&self) -> Vec<Option<&str>> {
        let mut forms: Vec<_> = self.texts(|literal| &literal.loose).collect();
        if forms.last() == Some(&Some("")) {
            forms.pop();
        }
        if let Some(Some(last)) = forms.last_mut() {
            *last = without_format(last);
        }
        forms
    }

    /// One form of each literal, and `None` for each name in braces.
    fn texts<'p>(&'p self, form: fn(&'p Literal) -> &'p str) -> impl Iterator<Item = Option<&'p str>> {
        self.parts.iter().map(move |part| part.literal().map(form))
    }

    /// Whether the back end of one of them could take both for the same path. Their loosest forms must be equal.
    fn is_twin_of(&self, other: &Self) -> bool {
        let exact = self.api.exact_paths && other.api.exact_paths;
        !exact || self.texts(|literal| &literal.decoded).eq(other.texts(|literal| &literal.decoded))
    }

    /// Whether a call needs the same on both routes, so it does not matter which one the back end takes it for. Routes that
    /// differ only in a slash at the end or in the format may each have methods that the other does not have.
    fn asks_the_same_as(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.route.methods, &other.route.methods);
        let methods = if self.texts(|literal| &literal.loose).eq(other.texts(|literal| &literal.loose)) {
            ours == theirs
        } else {
            ours.iter().all(|(method, scopes)| theirs.get(method).is_none_or(|other| other == scopes))
        };
        self.name == other.name && self.route.public == other.route.public && methods
    }
}

fn syntax(path: &str, public: bool) -> Result<Vec<Part>, String> {
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
    let unreachable = |refused| format!("no call can have this path, because {refused}: write another");
    let canonical = CheckedPath::parse(&example).map_err(unreachable)?;
    let parts = Part::of(path).map_err(unreachable)?;
    let mut written = canonical.segments().iter().map(Segment::as_str);
    let (first, more) = (written.next().unwrap_or_default(), written.next().is_some_and(|second| !second.is_empty()));
    match (public, first) {
        (true, "public") if more => Ok(parts),
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
        (false, _) => Ok(parts),
    }
}

/// Whether some path matches both routes, and each route has a literal where the other has a name in braces.
fn ambiguous(one: &[Part], other: &[Part]) -> bool {
    let mut narrower = (false, false);
    for (position, parts) in one.iter().zip(other).enumerate() {
        let open = |literal: &Literal| {
            !literal.canonical.is_empty() && (position > 0 || !TAKEN.contains(&literal.canonical.as_str()))
        };
        match parts {
            (Part::Literal(a), Part::Literal(b)) if a.canonical != b.canonical => return false,
            (Part::Literal(a), Part::Any) if open(a) => narrower.0 = true,
            (Part::Any, Part::Literal(b)) if open(b) => narrower.1 = true,
            (Part::Literal(_), Part::Any) | (Part::Any, Part::Literal(_)) => return false,
            (Part::Literal(_), Part::Literal(_)) | (Part::Any, Part::Any) => {}
        }
    }
    one.len() == other.len() && narrower == (true, true)
}
