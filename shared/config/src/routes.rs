//! The routes of all APIs: which one a call has, and where it is forwarded.
//!
//! What is decided on a path must hold for what the back end understands. So a call's path is looked up twice where a gateway
//! forwards under other paths than its own: among the paths of the routes, and among those at the back end. Both have to lead
//! to the same route, or to one that asks for nothing more.

mod forwarding;
mod part;
mod tree;

use crate::api::{Api, Route};
use crate::url::{BackEnd, Origin};
use gateway_domain::ids::ApiName;
use gateway_domain::path::CheckedPath;
use gateway_domain::scope::Scope;
use std::collections::BTreeMap;

pub(crate) use forwarding::{Forwarding, Target};
pub(crate) use part::{Literal, Parameter, Part, Width, parameter, segments};
pub(crate) use tree::TAKEN;
use tree::{Doubt, Reader, Tree};

/// The route of a call, what the call needs, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteMatch<'g> {
    /// The API.
    pub api: &'g ApiName,
    /// The route's path as configured, such as `/orders/{id}`.
    pub route: &'g str,
    /// The scopes, all of which a call needs. A public route has none.
    pub scopes: &'g Scope,
    /// Whether the call needs no token.
    pub public: bool,
    /// What the call uses of the limits of plans.
    pub weight: u32,
    /// The system that the call is forwarded to.
    pub back_end: &'g BackEnd,
    /// The path there; `None` if it is the call's own.
    pub forwarded: Option<CheckedPath>,
}

/// Why a call has no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRoute<'g> {
    /// No route has this path: 404 (RFC 9110 §15.5.5).
    NotFound,
    /// A route has this path, but a back end could understand it otherwise: 400.
    Ambiguous(Ambiguity<'g>),
    /// A route has this path, but not this method: 405 (RFC 9110 §15.5.6).
    MethodNotAllowed {
        /// The methods of the route, for `Allow`.
        allowed: Vec<http::Method>,
        /// The API the path belongs to.
        api: &'g ApiName,
        /// The route's path as configured.
        route: &'g str,
    },
}

/// How a back end could understand a path otherwise than it is decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ambiguity<'g> {
    /// A literal is spelled with percent-encodings that it does not need (RFC 3986 §6.2.2.2).
    Respelled,
    /// A back end could split a segment of it, or see none.
    Unclear,
    /// A back end could take it for the path of this other route.
    Other {
        /// The route's API.
        api: &'g ApiName,
        /// Its path as configured.
        route: &'g str,
    },
    /// The path at the back end is that of this other route, which asks for something else.
    ForwardedToOther {
        /// The route's API.
        api: &'g ApiName,
        /// Its path as configured.
        route: &'g str,
    },
}

/// A route, by its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteId {
    pub(crate) api: ApiName,
    /// The index among the routes of the API.
    pub(crate) index: usize,
}

/// A route of a path, with what becomes of the path.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) id: RouteId,
    pub(crate) parts: Vec<Part>,
    /// `None` if the path is forwarded as it is.
    pub(crate) forwarding: Option<Forwarding>,
}

/// Ways are the same if they are of one route: that a back end takes one of its paths for another changes nothing.
impl PartialEq for Way {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// Scheme, host and port, written in one form.
pub(crate) type OriginKey = String;

/// All routes, by their paths here and by those at each back end where the two differ.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    outside: Tree<Way>,
    inside: BTreeMap<OriginKey, Tree<Way>>,
}

impl Routes {
    /// Adds a route by its path here. The error names the route that already has this path.
    pub(crate) fn add(&mut self, way: Way) -> Result<(), RouteId> {
        let parts = way.parts.clone();
        self.outside.add(&parts, way).map_err(|taken| taken.id.clone())
    }

    /// Adds a route by its path at a back end. The error names the route that already has this path.
    pub(crate) fn add_inside(&mut self, origin: OriginKey, parts: &[Part], way: Way) -> Result<(), RouteId> {
        self.inside.entry(origin).or_default().add(parts, way).map_err(|taken| taken.id.clone())
    }

    pub(crate) fn find<'g>(
        &'g self,
        apis: &'g BTreeMap<ApiName, Api>,
        method: &http::Method,
        path: &CheckedPath,
    ) -> Result<RouteMatch<'g>, NoRoute<'g>> {
        let named = Named { apis };
        let found = self.outside.find(path.segments()).ok_or(NoRoute::NotFound)?;
        let (name, api, route) = named.route(&found.value).ok_or(NoRoute::NotFound)?;
        let reader = if api.exact_paths { Reader::Exact } else { Reader::Lax };
        if let Some(doubt) = self.outside.doubt(path.segments(), found, reader) {
            return Err(NoRoute::Ambiguous(named.ambiguity(&doubt)));
        }
        let scopes = of_method(route, method).ok_or_else(|| NoRoute::MethodNotAllowed {
            allowed: route.methods.iter().map(|(method, _)| (*method).into()).collect(),
            api: name,
            route: route.written(),
        })?;
        let back_end = route.back_end.as_ref().unwrap_or(&api.back_end);
        let forwarded = found.value.forwarding.as_ref().map(|forwarding| forwarding.of(path.segments()));
        if !self.inside.is_empty()
            && let Some(tree) = self.inside.get(&key(back_end.origin()))
        {
            let segments = forwarded.as_deref().unwrap_or(path.segments());
            let there = tree.find_inside(segments).ok_or(NoRoute::Ambiguous(Ambiguity::Unclear))?;
            let (other_name, _, other) = named.route(&there.value).ok_or(NoRoute::NotFound)?;
            let asks_no_more = || {
                let needed = of_method(other, method);
                let lighter = other.public == route.public && other.weight <= route.weight;
                other_name == name && lighter && needed.is_some_and(|all| all.is_subset(scopes))
            };
            if there.value != found.value && !asks_no_more() {
                let (api, route) = (other_name, other.written());
                return Err(NoRoute::Ambiguous(Ambiguity::ForwardedToOther { api, route }));
            }
            if let Some(doubt) = tree.doubt(segments, there, reader) {
                return Err(NoRoute::Ambiguous(named.ambiguity(&doubt)));
            }
        }
        let (route, public, weight) = (route.written(), route.public, route.weight);
        Ok(RouteMatch { api: name, route, scopes, public, weight, back_end, forwarded: forwarded.map(CheckedPath::of) })
    }

    /// Whether a route has this path, or it begins as those of the gateway's own functions do, of which `public` is none.
    pub(crate) fn has(&self, path: &str) -> bool {
        let segments: Vec<&str> = segments(path).collect();
        let own = segments.first().is_some_and(|first| TAKEN.contains(first) && *first != "public");
        own || self.outside.find_text(&segments).is_some()
    }

    /// The path here of a resource that a back end has under this path, each without its query. `None` if no route leads there.
    pub(crate) fn outside_of(&self, origin: &Origin, path: &str) -> Option<String> {
        let Some(tree) = self.inside.get(&key(origin)) else { return Some(path.to_owned()) };
        let inside: Vec<&str> = segments(path).collect();
        let way = &tree.find_text(&inside)?.value;
        let texts = forwarding::outside(&way.parts, way.forwarding.as_ref(), &inside)?;
        Some(texts.iter().flat_map(|text| ["/", text]).collect())
    }
}

/// Looks up what a way stands for.
struct Named<'g> {
    apis: &'g BTreeMap<ApiName, Api>,
}

impl<'g> Named<'g> {
    fn route(&self, way: &Way) -> Option<(&'g ApiName, &'g Api, &'g Route)> {
        let (name, api) = self.apis.get_key_value(&way.id.api)?;
        Some((name, api, api.routes.get(way.id.index)?))
    }

    fn ambiguity(&self, doubt: &Doubt<'_, Way>) -> Ambiguity<'g> {
        let other = match doubt {
            Doubt::Respelled => return Ambiguity::Respelled,
            Doubt::Unclear => return Ambiguity::Unclear,
            Doubt::Other(way) => self.route(way),
        };
        other.map_or(Ambiguity::Unclear, |(api, _, route)| Ambiguity::Other { api, route: route.written() })
    }
}

/// What a call of this method needs, if the route has the method.
fn of_method<'g>(route: &'g Route, method: &http::Method) -> Option<&'g Scope> {
    let mut methods = route.methods.iter();
    methods.find(|(allowed, _)| http::Method::from(**allowed) == *method).map(|(_, scopes)| scopes)
}

/// One form of an origin: its host in lower case, and its port even if it is the usual one (RFC 9110 §4.2.3).
pub(crate) fn key(origin: &Origin) -> OriginKey {
    let host = origin.authority().host().trim_end_matches('.').to_ascii_lowercase();
    format!("{}://{host}:{}", origin.scheme(), origin.port())
}

#[cfg(test)]
mod tests;
