//! The routes of all APIs as one tree of path segments.

use crate::api::{Api, Method};
use domain::ids::ApiName;
use domain::scope::Scope;
use std::collections::BTreeMap;

/// First segments that are served by other functions or without the authorizer, so that no name in braces takes them.
pub(crate) const TAKEN: [&str; 3] = ["oauth2", ".well-known", "public"];

/// Where a call goes and what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteMatch<'g> {
    /// The API.
    pub api: &'g ApiName,
    /// The route's path as configured, such as `/orders/{id}`.
    pub route: &'g str,
    /// The scopes a call needs, all of them; none on a public route.
    pub scopes: &'g Scope,
    /// Whether the call needs no token.
    pub public: bool,
}

/// Why a call goes nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRoute<'g> {
    /// No route has this path: 404 (RFC 9110 §15.5.5).
    NotFound,
    /// The path is there, the method is not: 405 (RFC 9110 §15.5.6).
    MethodNotAllowed {
        /// The methods that are, for `Allow`; on a public or protected route alike.
        allowed: Vec<http::Method>,
        /// The API the path belongs to.
        api: &'g ApiName,
    },
}

/// All routes by their segments. A node is reached by one path only, so that looking visits each node at most once.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    literals: BTreeMap<String, Routes>,
    any: Option<Box<Routes>>,
    /// The API and the index of the route that ends here.
    here: Option<(ApiName, usize)>,
}

impl Routes {
    /// Adds a route of checked syntax. Says which one is already there, if any.
    pub(crate) fn add(&mut self, path: &str, api: &ApiName, index: usize) -> Result<(), (ApiName, usize)> {
        let mut node = self;
        for segment in segments(path) {
            node = if is_parameter(segment) {
                node.any.get_or_insert_default()
            } else {
                node.literals.entry(segment.to_owned()).or_default()
            };
        }
        if let Some(taken) = &node.here {
            return Err(taken.clone());
        }
        node.here = Some((api.clone(), index));
        Ok(())
    }

    pub(crate) fn find<'g, 'a>(
        &'g self,
        apis: &'g BTreeMap<ApiName, Api>,
        method: &http::Method,
        segments: impl Iterator<Item = &'a str>,
    ) -> Result<RouteMatch<'g>, NoRoute<'g>> {
        let segments: Vec<&str> = segments.collect();
        let taken = segments.first().is_some_and(|first| TAKEN.contains(first));
        let (api, index) = self.descend(&segments, taken).ok_or(NoRoute::NotFound)?;
        let routes = apis.get(api).map(|api| &api.routes);
        let route = routes.and_then(|routes| routes.get(*index)).ok_or(NoRoute::NotFound)?;
        let same = route.methods.iter().find(|(allowed, _)| http::Method::from(**allowed) == *method);
        let (_, scopes) = same.ok_or_else(|| NoRoute::MethodNotAllowed {
            allowed: route.methods.keys().copied().map(Method::into).collect(),
            api,
        })?;
        Ok(RouteMatch { api, route: &route.path, scopes, public: route.public })
    }

    fn descend(&self, segments: &[&str], literally: bool) -> Option<&(ApiName, usize)> {
        let Some((first, rest)) = segments.split_first() else {
            return self.here.as_ref();
        };
        let literal = self.literals.get(*first).and_then(|node| node.descend(rest, false));
        literal.or_else(|| {
            let any = self.any.as_ref().filter(|_| !literally && !first.is_empty())?;
            any.descend(rest, false)
        })
    }
}

/// The segments of a route's path: what `CheckedPath::segments` gives for a call.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// Whether a segment of a route stands for any one segment.
pub(crate) fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}

#[cfg(test)]
mod tests {
    use crate::{Gateway, NoRoute};
    use domain::path::CheckedPath;
    use http::Method;

    const TEXT: &str = r"
plans: { standard: { calls: 60, window: 1m } }
apis:
  orders:
    back_end: https://orders.example.com
    routes:
      - { path: /orders, methods: { GET: [orders:read], POST: [orders:write, orders:read] } }
      - { path: /orders/, methods: { GET: [slash] } }
      - { path: '/orders/{id}', methods: { GET: [orders:read], DELETE: [orders:write] } }
      - { path: /orders/export, methods: { GET: [export] } }
      - { path: '/orders/export/{id}', methods: { GET: [export] } }
      - { path: '/orders/{id}/lines', methods: { GET: [lines] } }
      - { path: /orders/caf%C3%A9, methods: { GET: [cafe] } }
  tenants:
    back_end: https://tenants.example.com
    routes:
      - { path: '/{tenant}', methods: { GET: [tenant] } }
      - { path: '/{tenant}/{part}', methods: { GET: [tenant], POST: [tenant] } }
  open:
    back_end: https://open.example.com
    routes:
      - { path: /, methods: { GET: [root] } }
      - { path: '/public/{name}', methods: { GET: [] }, public: true }
";

    /// API, route and scopes of a call, or why there is none.
    fn found(method: &Method, path: &str) -> String {
        // `/orders/export/{id}` and `/orders/{id}/lines` both fit `/orders/export/lines`, so one of them goes.
        let gateway = Gateway::parse(&TEXT.replace("'/orders/{id}/lines'", "'/lines/{id}'")).expect("good");
        let path = CheckedPath::parse(path).expect(path);
        match gateway.route(method, path.segments()) {
            Ok(found) => {
                format!("{} {} [{}]{}", found.api, found.route, found.scopes, if found.public { " public" } else { "" })
            }
            Err(NoRoute::NotFound) => "not found".to_owned(),
            Err(NoRoute::MethodNotAllowed { allowed, api }) => format!("{api} allows {allowed:?}"),
        }
    }

    #[test]
    fn a_name_in_braces_stands_for_exactly_one_segment() {
        assert_eq!(found(&Method::GET, "/orders/7"), "orders /orders/{id} [orders:read]");
        assert_eq!(found(&Method::GET, "/orders/7/"), "not found");
        assert_eq!(found(&Method::GET, "/orders/7/8"), "not found");
        assert_eq!(found(&Method::GET, "/lines/"), "not found");
        assert_eq!(found(&Method::GET, "/acme/"), "not found");
        assert_eq!(found(&Method::GET, "/orders/%7Bid%7D"), "orders /orders/{id} [orders:read]");
    }

    #[test]
    fn a_literal_goes_before_a_name_in_braces() {
        assert_eq!(found(&Method::GET, "/orders/export"), "orders /orders/export [export]");
        assert_eq!(found(&Method::GET, "/orders/exports"), "orders /orders/{id} [orders:read]");
        assert_eq!(found(&Method::GET, "/orders/export/7"), "orders /orders/export/{id} [export]");
        assert_eq!(found(&Method::GET, "/orders"), "orders /orders [orders:read]");
        assert_eq!(found(&Method::GET, "/orders/ping"), "orders /orders/{id} [orders:read]");
        assert_eq!(found(&Method::GET, "/lines/ping"), "orders /lines/{id} [lines]");
        assert_eq!(found(&Method::GET, "/acme/ping"), "tenants /{tenant}/{part} [tenant]");
        // The literal `lines` leads nowhere by itself, so the name in braces takes it.
        assert_eq!(found(&Method::GET, "/lines"), "tenants /{tenant} [tenant]");
    }

    /// Abuse cases A1, A2, A3: the decision is on the same raw bytes that are forwarded, trailing slash included.
    #[test]
    fn segments_are_compared_byte_for_byte() {
        assert_eq!(found(&Method::GET, "/Orders"), "tenants /{tenant} [tenant]");
        assert_eq!(found(&Method::GET, "/%6Frders"), "tenants /{tenant} [tenant]");
        assert_eq!(found(&Method::GET, "/orders/caf%C3%A9"), "orders /orders/caf%C3%A9 [cafe]");
        assert_eq!(found(&Method::GET, "/orders/caf%c3%a9"), "orders /orders/{id} [orders:read]");
        assert_eq!(found(&Method::GET, "/orders/"), "orders /orders/ [slash]");
        assert_eq!(found(&Method::GET, "/"), "open / [root]");
    }

    /// RFC 9110 §15.5.6: a known path with another method names the methods there are, those of its own route only.
    #[test]
    fn a_method_that_is_not_there_is_told_from_a_path_that_is_not_there() {
        assert_eq!(found(&Method::PUT, "/orders"), "orders allows [GET, POST]");
        assert_eq!(found(&Method::HEAD, "/orders"), "orders allows [GET, POST]");
        assert_eq!(found(&Method::DELETE, "/orders/export"), "orders allows [GET]");
        assert_eq!(found(&Method::from_bytes(b"get").unwrap(), "/orders"), "orders allows [GET, POST]");
        assert_eq!(found(&Method::GET, "/a/b/c"), "not found");
    }

    /// A call that passes no authorizer meets no route that needs one.
    #[test]
    fn no_name_in_braces_stands_for_a_first_segment_that_others_serve() {
        assert_eq!(found(&Method::GET, "/public/ping"), "open /public/{name} [] public");
        assert_eq!(found(&Method::GET, "/public"), "not found");
        assert_eq!(found(&Method::POST, "/oauth2/token"), "not found");
        assert_eq!(found(&Method::POST, "/acme/token"), "tenants /{tenant}/{part} [tenant]");
        assert_eq!(found(&Method::GET, "/.well-known"), "not found");
    }

    #[test]
    fn two_routes_that_fit_the_same_call_are_refused() {
        let error = Gateway::parse(TEXT).unwrap_err().to_string();
        assert!(
            error.contains("line 12, column 17: apis.orders.routes[5].path: some calls fit /orders/export/{id}"),
            "{error}"
        );
    }
}
