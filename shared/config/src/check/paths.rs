//! The rules of the paths of routes: of each alone, of all together, and of what they become at the back ends.

mod overlap;
mod syntax;

use super::Findings;
use crate::api::{Api, Route};
use crate::routes::{OriginKey, Part, RouteId, Routes, Way, key};
use gateway_domain::ids::ApiName;
use std::collections::{BTreeMap, BTreeSet};

use overlap::{Sound, Space};

/// The most routes of a gateway. Every function compares all routes while it starts, so their number is bounded.
const MOST_ROUTES: usize = 1_000;

/// Checks every path and builds the tree of the valid ones.
pub(super) fn check(apis: &BTreeMap<ApiName, Api>, findings: &mut Findings) -> Routes {
    let mut routes = Routes::default();
    let total: usize = apis.values().map(|api| api.routes.len()).sum();
    if total > MOST_ROUTES {
        findings.add("apis".to_owned(), format!("{total} routes are too many: write at most {MOST_ROUTES}"));
        return routes;
    }
    let mut all = Vec::new();
    for (name, api) in apis {
        if let (Some(prefix), None) = (&api.strip_prefix, syntax::prefix(api)) {
            let reason = format!("`{prefix}` is not the beginning of a path: write one such as /shop");
            findings.add(format!("apis.{name}.strip_prefix"), reason);
        }
        for (index, route) in api.routes.iter().enumerate() {
            let place = format!("apis.{name}.routes[{index}]");
            match syntax::ways(name, api, index, route) {
                Ok(ways) => all.extend(ways.into_iter().map(|way| Candidate { name, api, route, way })),
                Err((field, reason)) => findings.add(format!("{place}.{field}"), reason),
            }
        }
    }
    outside(&all, &mut routes, findings);
    inside(&all, &mut routes, findings);
    routes
}

/// A path of a route, with a valid syntax.
struct Candidate<'f> {
    name: &'f ApiName,
    api: &'f Api,
    route: &'f Route,
    way: Way,
}

impl<'f> Candidate<'f> {
    fn sound<'p>(&'p self, parts: &'p [Part]) -> Sound<'p>
    where
        'f: 'p,
    {
        Sound { name: self.name, api: self.api, route: self.route, id: &self.way.id, parts }
    }

    /// The parts of its path at the back end.
    fn parts_inside(&self) -> Vec<Part> {
        let forwarding = self.way.forwarding.as_ref();
        forwarding.map_or_else(|| self.way.parts.clone(), |forwarding| forwarding.parts(&self.way.parts))
    }

    fn origin(&self) -> OriginKey {
        key(self.route.back_end.as_ref().unwrap_or(&self.api.back_end).origin())
    }
}

/// Adds the paths as calls have them.
fn outside(all: &[Candidate<'_>], routes: &mut Routes, findings: &mut Findings) {
    let mut space = Space::outside();
    for candidate in all {
        let sound = candidate.sound(&candidate.way.parts);
        if let Err(RouteId { api, index }) = routes.add(candidate.way.clone()) {
            let reason = format!("apis.{api}.routes[{index}] has the same path: write its methods in one place");
            findings.add(sound.field(), reason);
            continue;
        }
        space.compare(&sound, findings);
        space.add(sound);
    }
}

/// Adds the paths as back ends have them, at each origin that has others than its calls. Two routes may become one path there
/// only if it does not matter which of them a call takes.
fn inside(all: &[Candidate<'_>], routes: &mut Routes, findings: &mut Findings) {
    let moved = all.iter().filter(|candidate| candidate.way.forwarding.is_some());
    let origins: BTreeSet<OriginKey> = moved.map(Candidate::origin).collect();
    for origin in origins {
        let here: Vec<_> =
            all.iter().filter(|one| one.origin() == origin).map(|one| (one, one.parts_inside())).collect();
        let mut space = Space::inside();
        for (candidate, parts) in &here {
            let sound = candidate.sound(parts);
            space.compare(&sound, findings);
            // The first of several that ask for the same stands for all of them.
            let _ = routes.add_inside(origin.clone(), parts, candidate.way.clone());
            space.add(sound);
        }
    }
}
