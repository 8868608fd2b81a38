//! The routes of all APIs as one tree of path segments.

use crate::api::{Api, Method};
use gateway_domain::ids::ApiName;
use gateway_domain::path::{CheckedPath, PathRefused, Readings, Segment, loose};
use gateway_domain::scope::Scope;
use std::collections::BTreeMap;

/// First segments that other functions serve or that need no authorizer, so a name in braces never matches them.
pub(crate) const TAKEN: [&str; 4] = ["oauth2", ".well-known", "account", "public"];

/// The route of a call and what the call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteMatch<'g> {
    /// The API.
    pub api: &'g ApiName,
    /// The route's path as configured, such as `/orders/{id}`.
    pub route: &'g str,
    /// The scopes, all of which a call needs. A public route has none.
    pub scopes: &'g Scope,
    /// Whether the call needs no token.
    pub public: bool,
}

/// Why a call has no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRoute<'g> {
    /// No route has this path: 404 (RFC 9110 §15.5.5).
    NotFound,
    /// A route has this path, but a back end could take it for the path of another route: 400.
    Ambiguous,
    /// A route has this path, but not this method: 405 (RFC 9110 §15.5.6).
    MethodNotAllowed {
        /// The methods of the route, for `Allow`.
        allowed: Vec<http::Method>,
        /// The API the path belongs to.
        api: &'g ApiName,
    },
}

/// A segment of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A name in braces, which matches any one segment that is not empty.
    Any,
    /// A literal, which matches this text only.
    Literal(Literal),
}

/// The text of a literal segment, in each form in which calls are compared with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Literal {
    /// The canonical form. A call matches the literal only in this form.
    pub(crate) canonical: String,
    /// The decoded text.
    pub(crate) decoded: String,
    /// The form that lax back ends compare.
    pub(crate) loose: String,
}

impl Part {
    /// The parts of a route's path. A literal that no call can have is refused.
    pub(crate) fn of(path: &str) -> Result<Vec<Self>, PathRefused> {
        let literal = |segment| {
            Segment::parse(segment).map(|segment| {
                let (canonical, decoded) = (segment.as_str().to_owned(), segment.decoded().to_owned());
                Self::Literal(Literal { canonical, loose: loose(&decoded), decoded })
            })
        };
        segments(path).map(|segment| if is_parameter(segment) { Ok(Self::Any) } else { literal(segment) }).collect()
    }

    /// Its text, if it is a literal.
    pub(crate) const fn literal(&self) -> Option<&Literal> {
        match self {
            Self::Any => None,
            Self::Literal(literal) => Some(literal),
        }
    }
}

/// All routes by their segments. Each node has one parent, so a search visits it at most once.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    /// By their canonical text.
    literals: BTreeMap<String, (Literal, Routes)>,
    any: Option<Box<Routes>>,
    here: Option<Place>,
}

/// A route that ends at a node.
#[derive(Debug, Clone)]
struct Place {
    api: ApiName,
    /// The index among the routes of the API.
    index: usize,
    /// For each segment, whether it is a name in braces.
    open: Vec<bool>,
}

impl Routes {
    /// Adds a route of checked syntax. The error names the route that already has this path.
    pub(crate) fn add(&mut self, parts: &[Part], api: &ApiName, index: usize) -> Result<(), (ApiName, usize)> {
        let mut node = self;
        for part in parts {
            node = match part {
                Part::Any => node.any.get_or_insert_default(),
                Part::Literal(literal) => {
                    let entry = node.literals.entry(literal.canonical.clone());
                    &mut entry.or_insert_with(|| (literal.clone(), Self::default())).1
                }
            };
        }
        if let Some(taken) = &node.here {
            return Err((taken.api.clone(), taken.index));
        }
        let open = parts.iter().map(|part| part.literal().is_none()).collect();
        node.here = Some(Place { api: api.clone(), index, open });
        Ok(())
    }

    pub(crate) fn find<'g>(
        &'g self,
        apis: &'g BTreeMap<ApiName, Api>,
        method: &http::Method,
        path: &CheckedPath,
    ) -> Result<RouteMatch<'g>, NoRoute<'g>> {
        let segments = path.segments();
        let taken = segments.first().is_some_and(|first| TAKEN.contains(&first.as_str()));
        let Place { api, index, open } = self.descend(segments, taken).ok_or(NoRoute::NotFound)?;
        let found = apis.get(api).ok_or(NoRoute::NotFound)?;
        let route = found.routes.get(*index).ok_or(NoRoute::NotFound)?;
        if self.is_ambiguous(segments, open, found.exact_paths) {
            return Err(NoRoute::Ambiguous);
        }
        let same = route.methods.iter().find(|(allowed, _)| http::Method::from(**allowed) == *method);
        let (_, scopes) = same.ok_or_else(|| NoRoute::MethodNotAllowed {
            allowed: route.methods.keys().copied().map(Method::into).collect(),
            api,
        })?;
        Ok(RouteMatch { api, route: &route.path, scopes, public: route.public })
    }

    fn descend(&self, segments: &[Segment], literally: bool) -> Option<&Place> {
        let Some((first, rest)) = segments.split_first() else {
            return self.here.as_ref();
        };
        let literal = self.literals.get(first.as_str()).and_then(|(_, node)| node.descend(rest, false));
        literal.or_else(|| {
            let any = self.any.as_ref().filter(|_| !literally && !first.as_str().is_empty())?;
            any.descend(rest, false)
        })
    }

    /// Whether a back end could take the path of a call for a narrower route than the one that was found. `open` tells
    /// which segments of that route are names in braces. A literal matches in its canonical spelling only, and a value that
    /// a back end could read as a literal is refused.
    fn is_ambiguous(&self, segments: &[Segment], open: &[bool], exact: bool) -> bool {
        let mut parts = segments.iter().zip(open);
        if parts.any(|(segment, open)| !open && segment.is_respelled()) {
            return true;
        }
        let readings = segments.iter().zip(open).map(|(segment, open)| {
            let byte_for_byte = || Some(Readings::exact(segment.decoded()));
            match if exact { byte_for_byte() } else { Readings::lax(segment.decoded()) } {
                // The configuration has this literal, so it is compared as it is, however a lax back end would split it.
                None if !open => byte_for_byte(),
                readings => readings,
            }
        });
        let Some(mut readings) = readings.collect::<Option<Vec<_>>>() else { return true };
        if self.ends_early(&readings, segments) {
            return true;
        }
        if !exact && segments.last().is_some_and(|last| last.as_str().is_empty()) {
            readings.pop();
        }
        self.leads_to_narrower(&readings, open, false, exact)
    }

    /// Whether a back end that ends the path inside a value would reach a route. The last segment ends the path anyway, so
    /// it counts only if that back end reads it as empty.
    fn ends_early(&self, readings: &[Readings], segments: &[Segment]) -> bool {
        readings.iter().enumerate().any(|(at, reading)| {
            let Some(last) = reading.as_last() else { return false };
            let is_empty = last.are("");
            if at.saturating_add(1) == segments.len() && !is_empty {
                return false;
            }
            let mut path: Vec<Readings> = readings.get(..at).unwrap_or_default().to_vec();
            path.extend((!is_empty).then_some(last));
            self.leads_to_narrower(&path, &vec![true; path.len()], true, false)
        })
    }

    /// Whether some route matches these readings and has a literal where the route that was found has a name in braces.
    fn leads_to_narrower(&self, readings: &[Readings], open: &[bool], narrower: bool, exact: bool) -> bool {
        let (Some((first, rest)), Some((is_open, open_rest))) = (readings.split_first(), open.split_first()) else {
            // Lax back ends ignore a slash at the end.
            let slash = || self.literals.get("").is_some_and(|(_, node)| node.here.is_some());
            return narrower && (self.here.is_some() || (!exact && slash()));
        };
        let mut literals = self.literals.values();
        literals.any(|(literal, node)| {
            let same = first.are(&literal.decoded) || (!exact && first.are(&literal.loose));
            same && node.leads_to_narrower(rest, open_rest, narrower || *is_open, exact)
        }) || self.any.as_ref().is_some_and(|node| node.leads_to_narrower(rest, open_rest, narrower, exact))
    }
}

/// The segments of a route's path, as it is written.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// Whether a segment of a route is a name in braces.
pub(crate) fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}

#[cfg(test)]
mod tests;
