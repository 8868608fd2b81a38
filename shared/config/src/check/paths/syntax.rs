//! Reads the path of a route, and what becomes of it at the back end.

use crate::api::{Api, Route};
use crate::routes::{Forwarding, Parameter, Part, RouteId, TAKEN, Target, Way, parameter, segments};
use gateway_domain::ids::ApiName;
use gateway_domain::path::{CheckedPath, Segment};

/// A field of the route, and what is wrong there.
type Mistake = (&'static str, String);

/// The paths of a route: one, or three for all paths below one and that path with and without a slash.
pub(super) fn ways(name: &ApiName, api: &Api, index: usize, route: &Route) -> Result<Vec<Way>, Mistake> {
    let (field, written) = match (&route.path, &route.prefix) {
        (Some(path), None) => ("path", path),
        (None, Some(prefix)) => ("prefix", prefix),
        (None, None) => return Err(("path", "no path: write `path: /orders/{id}`, or `prefix: /orders`".to_owned())),
        (Some(_), Some(_)) => return Err(("prefix", "there is a `path` already: write one of the two".to_owned())),
    };
    let below = field == "prefix";
    let parts = parts(written, route.public, below).map_err(|reason| (field, reason))?;
    let stripped = stripped(api, &parts).map_err(|reason| (field, reason))?;
    let back_end = route.back_end.as_ref().unwrap_or(&api.back_end);
    let mut targets: Vec<Target> = back_end.base().iter().cloned().map(Target::Literal).collect();
    match &route.rewrite {
        Some(rewrite) => targets.extend(rewritten(rewrite, written, below).map_err(|reason| ("rewrite", reason))?),
        None => targets.extend(parts.iter().enumerate().skip(stripped).map(|(at, part)| match part {
            Part::Literal(literal) => Target::Literal(literal.segment.clone()),
            Part::Any => Target::Segment(at),
            Part::Rest => Target::Rest(at),
        })),
    }
    let is_moved = !back_end.base().is_empty() || stripped > 0 || route.rewrite.is_some();
    let way = |parts: Vec<Part>, targets: Vec<Target>| Way {
        id: RouteId { api: name.clone(), index },
        parts,
        forwarding: is_moved.then_some(Forwarding(targets)),
    };
    let mut ways = Vec::new();
    if below {
        let with = |part: Part, target: Target| {
            way([parts.clone(), vec![part]].concat(), [targets.clone(), vec![target]].concat())
        };
        if let Ok(slash) = Segment::parse("") {
            let literal = Part::of("").map_err(|refused| (field, refused.to_string()))?;
            ways.push(with(literal, Target::Literal(slash)));
        }
        ways.push(with(Part::Rest, Target::Rest(parts.len())));
    }
    ways.push(way(parts, targets));
    Ok(ways)
}

/// The parts of a path, checked for what no call can have and for what belongs to the gateway.
fn parts(path: &str, public: bool, below: bool) -> Result<Vec<Part>, String> {
    if !path.starts_with('/') {
        return Err(format!("`{path}` does not begin with a slash: write /{path}"));
    }
    names(path)?;
    if below && (path.ends_with('/') || path.ends_with("+}")) {
        return Err("everything below belongs to a prefix: leave out what is behind its last name".to_owned());
    }
    let example: Vec<&str> =
        segments(path).map(|segment| if parameter(segment).is_some() { "x" } else { segment }).collect();
    let example = format!("/{}", example.join("/"));
    let unreachable = |refused| format!("no call can have this path, because {refused}: write another");
    let canonical = CheckedPath::parse(&example).map_err(unreachable)?;
    let parts = segments(path).map(Part::of).collect::<Result<Vec<_>, _>>().map_err(unreachable)?;
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

/// Checks the names in braces.
fn names(path: &str) -> Result<(), String> {
    let last = segments(path).count().saturating_sub(1);
    for (at, segment) in segments(path).enumerate().filter(|(_, segment)| segment.contains(['{', '}'])) {
        let Parameter { name, rest } = parameter(segment).unwrap_or(Parameter { name: "", rest: false });
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name || !segment.ends_with('}') {
            return Err(format!(
                "`{segment}` is not a placeholder: write a whole segment as {{name}}, such as /orders/{{id}}, or \
                 {{rest+}} at the end for all that follows"
            ));
        }
        if rest && at != last {
            return Err(format!("`{segment}` stands for all that follows: write it at the end"));
        }
    }
    Ok(())
}

/// The segments that an API removes from the beginning of its paths; `None` if what it says is no beginning of a path.
pub(in crate::check) fn prefix(api: &Api) -> Option<Vec<Segment>> {
    let Some(prefix) = &api.strip_prefix else { return Some(Vec::new()) };
    let segments = CheckedPath::parse(prefix).ok()?.segments().to_vec();
    segments.iter().all(|segment| !segment.as_str().is_empty()).then_some(segments)
}

/// How many parts of the path the API removes.
fn stripped(api: &Api, parts: &[Part]) -> Result<usize, String> {
    // One that is no beginning of a path is reported for the API.
    let wanted = prefix(api).unwrap_or_default();
    let same = |(part, wanted): (&Part, &Segment)| {
        part.literal().is_some_and(|literal| literal.canonical() == wanted.as_str())
    };
    if parts.len() >= wanted.len() && parts.iter().zip(&wanted).all(same) {
        return Ok(wanted.len());
    }
    let prefix = api.strip_prefix.as_deref().unwrap_or_default();
    Err(format!("`{prefix}` is removed from its paths (`strip_prefix`): write a path that begins with it"))
}

/// The parts of a `rewrite`. Every name in it must be one of the path, at most once, and of the same kind.
fn rewritten(rewrite: &str, path: &str, below: bool) -> Result<Vec<Target>, String> {
    let Some(rest) = rewrite.strip_prefix('/') else {
        return Err(format!("`{rewrite}` does not begin with a slash: write /{rewrite}"));
    };
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    names(rewrite)?;
    let mut targets = Vec::new();
    for (at, segment) in rest.split('/').enumerate() {
        let Some(wanted) = parameter(segment) else {
            let literal = Segment::parse(segment).map_err(|refused| format!("`{segment}`: {refused}"))?;
            if literal.as_str().is_empty() && (below || at.saturating_add(1) != rest.split('/').count()) {
                return Err(format!("`{rewrite}` has an empty segment: remove a slash"));
            }
            targets.push(Target::Literal(literal));
            continue;
        };
        let found = segments(path).position(|other| parameter(other) == Some(wanted));
        let position = found.ok_or_else(|| format!("`{segment}` is no name of {path}: write one that is there"))?;
        let target = if wanted.rest { Target::Rest(position) } else { Target::Segment(position) };
        if targets.contains(&target) {
            return Err(format!("`{segment}` is there twice: write it once"));
        }
        targets.push(target);
    }
    Ok(targets)
}
