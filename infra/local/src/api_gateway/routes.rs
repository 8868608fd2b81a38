//! Finds the route of a path: the most specific pattern wins. At a REST API, which looks at the raw path, it must have the
//! method; at an HTTP API, which looks at the decoded one, only patterns that have the method are compared.

use crate::template::{ANY, ApiKind, METHODS, Route};

/// Names and values of path parameters.
pub(super) type Parameters<'a> = Vec<(&'a str, String)>;

/// A route and the values of its path parameters.
#[derive(Debug)]
pub(super) struct Matched<'a> {
    /// The route.
    pub(super) route: &'a Route,
    /// Path parameters, as they are in the path.
    pub(super) parameters: Parameters<'a>,
}

/// How specific a segment of a pattern is; the most specific is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Greedy,
    Any,
    Literal,
}

/// The route of an API of this kind for this method and path.
pub(super) fn find<'a>(kind: ApiKind, routes: &'a [Route], method: &str, path: &str) -> Option<Matched<'a>> {
    // At a REST API, what is no method of a route is none of ANY either (API Gateway, Set up an HTTP method).
    let any = kind == ApiKind::Http || METHODS.contains(&method);
    let has_method = |route: &Route| route.method == method || (any && route.method == ANY);
    let fits =
        |route: &'a Route| fit(&route.path, path).map(|(fits, parameters)| (fits, Matched { route, parameters }));
    let compared = routes.iter().filter(|route| kind == ApiKind::Rest || has_method(route));
    let candidates: Vec<_> = compared.filter_map(fits).collect();
    let best = candidates.iter().map(|(fits, _)| fits).max()?.clone();
    let best = candidates.into_iter().filter(|(fits, _)| *fits == best).map(|(_, matched)| matched);
    best.filter(|matched| has_method(matched.route)).max_by_key(|matched| matched.route.method == method)
}

/// How a pattern matches a path, segment by segment, and its parameters; `None` if it does not match.
fn fit<'a>(pattern: &'a str, path: &str) -> Option<(Vec<Fit>, Parameters<'a>)> {
    let mut segments = path.strip_prefix('/')?.split('/');
    let (mut fits, mut parameters) = (Vec::new(), Vec::new());
    for part in pattern.strip_prefix('/')?.split('/') {
        let segment = segments.next()?;
        match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => {
                    let rest: Vec<&str> = std::iter::once(segment).chain(segments).collect();
                    let rest = rest.join("/");
                    fits.push(Fit::Greedy);
                    parameters.push((name, rest.clone()));
                    return (!rest.is_empty()).then_some((fits, parameters));
                }
                None if segment.is_empty() => return None,
                None => {
                    fits.push(Fit::Any);
                    parameters.push((name, segment.to_owned()));
                }
            },
            None if part == segment => fits.push(Fit::Literal),
            None => return None,
        }
    }
    segments.next().is_none().then_some((fits, parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Vec<Route> {
        let route = |method: &str, path: &str| Route {
            method: method.to_owned(),
            path: path.to_owned(),
            function: "F".to_owned(),
            authorizer: None,
            open: false,
            streams: false,
            timeout: None,
        };
        vec![
            route("GET", "/{proxy+}"),
            route("POST", "/{proxy+}"),
            route("POST", "/oauth2/token"),
            route("GET", "/public/{proxy+}"),
            route("GET", "/orders/{id}"),
        ]
    }

    fn found(method: &str, path: &str) -> Option<String> {
        find(ApiKind::Rest, &routes(), method, path).map(|matched| matched.route.path.clone())
    }

    #[test]
    fn the_most_specific_pattern_wins() {
        assert_eq!(found("POST", "/oauth2/token").as_deref(), Some("/oauth2/token"));
        assert_eq!(found("GET", "/public/ping").as_deref(), Some("/public/{proxy+}"));
        assert_eq!(found("GET", "/orders/7").as_deref(), Some("/orders/{id}"));
        assert_eq!(found("GET", "/orders/7/lines").as_deref(), Some("/{proxy+}"));
    }

    /// The resource is chosen by its path alone. If it lacks the method, no other resource is tried.
    #[test]
    fn a_method_the_resource_lacks_has_no_route() {
        assert_eq!(found("GET", "/oauth2/token"), None);
        assert_eq!(found("TRACE", "/orders"), None);
    }

    /// Abuse cases A1 and A3: a path that only looks like an open one is behind the authorizer.
    #[test]
    fn only_the_very_bytes_of_a_path_match_a_literal() {
        for path in
            ["/oauth2/token/", "/oauth2%2ftoken", "//oauth2/token", "/OAUTH2/token", "/%6fauth2/token", "/%70ublic/x"]
        {
            assert_eq!(found("POST", path).as_deref(), Some("/{proxy+}"), "{path}");
        }
    }

    #[test]
    fn the_root_has_no_route() {
        assert_eq!(found("GET", "/"), None);
        assert_eq!(found("GET", "/public/"), Some("/{proxy+}".to_owned()));
    }

    #[test]
    fn a_greedy_parameter_takes_the_rest_as_it_is() {
        let routes = routes();
        let matched = find(ApiKind::Rest, &routes, "GET", "/a//b%2Fc/").unwrap();
        assert_eq!(matched.parameters, [("proxy", "a//b%2Fc/".to_owned())]);
    }

    #[test]
    fn an_http_api_takes_the_next_pattern_that_has_the_method_and_prefers_a_named_one_to_any() {
        let mut routes = routes();
        routes.extend(
            [("ANY", "/oauth2/token"), ("OPTIONS", "/{proxy+}"), ("ANY", "/{proxy+}")].map(|(method, path)| Route {
                method: method.to_owned(),
                path: path.to_owned(),
                ..routes[0].clone()
            }),
        );
        let found = |method: &str, path: &str| {
            let matched = find(ApiKind::Http, &routes, method, path).unwrap();
            format!("{} {}", matched.route.method, matched.route.path)
        };
        assert_eq!(found("POST", "/oauth2/token"), "POST /oauth2/token");
        assert_eq!(found("PUT", "/oauth2/token"), "ANY /oauth2/token");
        assert_eq!(found("POST", "/public/ping"), "POST /{proxy+}");
        assert_eq!(found("OPTIONS", "/public/ping"), "OPTIONS /{proxy+}");
        assert_eq!(found("PUT", "/orders"), "ANY /{proxy+}");
    }
}
