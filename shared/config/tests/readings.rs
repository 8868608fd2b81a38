//! No call is routed that another reading of its path would send to a route that asks for more.
//!
//! The readings and the router here are written anew, plainly, so that they do not share a mistake with the ones that run.

use std::collections::BTreeSet;

use gateway_config::{Gateway, NoRoute};
use gateway_domain::path::CheckedPath;
use http::Method;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;

/// A route as the plain router knows it.
#[derive(Clone, Debug)]
struct Plain {
    api: usize,
    parts: Vec<String>,
    methods: Vec<(Method, BTreeSet<String>)>,
    public: bool,
}

/// How a back end may read a path.
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own, and all combinations are tried")]
#[derive(Clone, Copy, Debug)]
struct Reading {
    decodings: usize,
    folds_case: bool,
    strips: bool,
    ignores_last_slash: bool,
    /// Answers an action in the format that the extension names.
    negotiates: bool,
}

fn readings() -> impl Iterator<Item = Reading> {
    let bools = [false, true];
    (0..4_usize).flat_map(move |decodings| {
        bools.into_iter().flat_map(move |folds_case| {
            bools.into_iter().flat_map(move |strips| {
                bools.into_iter().flat_map(move |ignores_last_slash| {
                    bools.map(|negotiates| Reading { decodings, folds_case, strips, ignores_last_slash, negotiates })
                })
            })
        })
    })
}

impl Reading {
    fn of(self, path: &str) -> Vec<String> {
        let decode = |text: String| percent_decode_str(&text).decode_utf8_lossy().into_owned();
        let mut path = (0..self.decodings).fold(path.to_owned(), |text, _| decode(text));
        if self.ignores_last_slash && path.len() > 1 {
            path = path.trim_end_matches('/').to_owned();
        }
        let mut segments: Vec<String> =
            path.trim_start_matches('/').split('/').map(|segment| self.segment(segment)).collect();
        if let Some(last) = segments.last_mut().filter(|_| self.negotiates) {
            *last = without_format(last).to_owned();
        }
        segments
    }

    fn segment(self, text: &str) -> String {
        let text = if self.folds_case { text.to_lowercase() } else { text.to_owned() };
        let text = if self.strips { text.trim_end_matches(['.', ' ']).to_owned() } else { text };
        if self.strips {
            text.split("::").next().unwrap_or_default().trim_end_matches(['.', ' ']).to_owned()
        } else {
            text
        }
    }

    /// The route that this reader would choose: literals first, from the left.
    fn route(self, routes: &[Plain], path: &str) -> Option<Plain> {
        let segments = self.of(path);
        let fits = |route: &&Plain| {
            let parts: Vec<String> = self.of(&format!("/{}", route.parts.join("/")));
            let rest = route.parts.last().is_some_and(|last| last.ends_with("+}"));
            let long_enough = if rest { parts.len() <= segments.len() } else { parts.len() == segments.len() };
            long_enough
                && route.parts.iter().zip(parts).zip(&segments).all(|((written, part), segment)| {
                    if written.starts_with('{') { !segment.is_empty() } else { part == *segment }
                })
        };
        let width = |part: &String| match part.as_str() {
            rest if rest.ends_with("+}") => 0,
            name if name.starts_with('{') => 1,
            _ => 2,
        };
        let narrowness = |route: &&Plain| route.parts.iter().map(width).collect::<Vec<u8>>();
        routes.iter().filter(fits).max_by_key(narrowness).cloned()
    }
}

/// A text without the ending of one of the formats that are tried here.
fn without_format(text: &str) -> &str {
    let endings = [".json", ".xml"];
    endings.iter().find_map(|ending| text.strip_suffix(ending)).filter(|stem| !stem.is_empty()).unwrap_or(text)
}

fn literal() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "export",
        "Export",
        "export.json",
        "export.xml",
        "a",
        "a:b",
        "a%3Ab",
        "caf%C3%A9",
        "admin",
        "list.",
        "x",
    ])
}

fn part() -> impl Strategy<Value = String> {
    prop_oneof![3 => literal().prop_map(str::to_owned), 2 => Just("{id}".to_owned())]
}

fn route() -> impl Strategy<Value = Plain> {
    let methods = prop::sample::subsequence(vec![Method::GET, Method::DELETE, Method::POST], 1..=3);
    let scopes =
        prop::collection::btree_set(prop::sample::select(vec!["r", "w", "export"]).prop_map(str::to_owned), 1..3);
    let ends = prop::sample::select(vec![None, None, None, None, Some(""), Some("{rest+}"), Some("{rest+}")]);
    let parts = (prop::collection::vec(part(), 1..4), ends).prop_map(|(mut parts, end)| {
        parts.extend(end.map(str::to_owned));
        parts
    });
    (0..2_usize, parts, methods, scopes, prop::bool::weighted(0.15)).prop_map(
        |(api, mut parts, methods, scopes, public)| {
            let scopes = if public { BTreeSet::new() } else { scopes };
            if public {
                parts.insert(0, "public".to_owned());
            }
            Plain { api, parts, methods: methods.into_iter().map(|method| (method, scopes.clone())).collect(), public }
        },
    )
}

/// The segment of a request: a literal as somebody would disguise it, or anything.
fn segment() -> impl Strategy<Value = String> {
    let disguise = |text: &str, mask: u32, times: usize, upper: bool, tail: &str| {
        let mut text: String = text
            .bytes()
            .enumerate()
            .map(|(at, byte)| match (byte.is_ascii_alphanumeric(), mask >> (at % 32) & 1) {
                (true, 1) => format!("%{byte:02x}"),
                _ => char::from(byte).to_string(),
            })
            .collect();
        for _ in 0..times {
            text = text.replace('%', "%25");
        }
        let text = if upper { text.to_uppercase() } else { text };
        text + tail
    };
    let tails = prop::sample::select(vec![
        "", "", ".", "%20", "..", "%2e", "::$DATA", "%2E%20", "%252e", "%2520", ".%20.", ".xml",
    ]);
    let masks = prop_oneof![3 => Just(0_u32), 1 => any::<u32>()];
    let times = prop::sample::select(vec![0_usize, 0, 0, 1, 2]);
    let texts = prop_oneof![3 => literal(), 1 => Just("public"), 1 => Just("7")];
    prop_oneof![
        6 => (texts, masks, times, any::<bool>(), tails)
            .prop_map(move |(text, mask, times, upper, tail)| disguise(text, mask, times, upper, tail)),
        1 => "[a-z0-9%.:]{1,5}",
    ]
}

fn yaml(routes: &[Plain], exact: bool) -> String {
    yaml_at(routes, exact, ["https://api0.example.com", "https://api1.example.com"])
}

fn yaml_at(routes: &[Plain], exact: bool, back_ends: [&str; 2]) -> String {
    let mut text = "plans: { standard: { calls: 60, window: 1m } }\napis:\n".to_owned();
    for (api, back_end) in back_ends.into_iter().enumerate() {
        let mine: Vec<&Plain> = routes.iter().filter(|route| route.api == api).collect();
        if mine.is_empty() {
            continue;
        }
        text.push_str(&["  api", &api.to_string(), ":\n    back_end: ", back_end, "\n"].concat());
        text.push_str(if exact { "    exact_paths: true\n" } else { "" });
        text.push_str("    routes:\n");
        for route in mine {
            let list = |scopes: &BTreeSet<String>| scopes.iter().cloned().collect::<Vec<_>>().join(", ");
            let methods: Vec<String> =
                route.methods.iter().map(|(method, scopes)| format!("{method}: [{}]", list(scopes))).collect();
            let (path, methods) = (route.parts.join("/"), methods.join(", "));
            let public = if route.public { "true" } else { "false" };
            text.push_str(
                &["      - { path: '/", &path, "', methods: { ", &methods, " }, public: ", public, " }\n"].concat(),
            );
        }
    }
    text
}

/// Whether a call that was sent to one route could have needed more at the other.
fn asks_for_more(other: &Plain, found: &gateway_config::RouteMatch<'_>, method: &Method, one_resource: bool) -> bool {
    let granted: BTreeSet<String> = found.scopes.iter().map(str::to_owned).collect();
    let Some((_, scopes)) = other.methods.iter().find(|(allowed, _)| allowed == method) else {
        // Of two configured paths that differ in a slash at the end or in a format alone, one may have more methods.
        return !one_resource;
    };
    format!("api{}", other.api) != found.api.as_str() || (found.public && !other.public) || !scopes.is_subset(&granted)
}

/// Tables that a gateway accepts, mostly.
fn routes() -> impl Strategy<Value = Vec<Plain>> {
    prop::collection::vec(route(), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, max_global_rejects: 1_000_000, ..ProptestConfig::default() })]

    /// Abuse cases A1 to A4; checklist H-13.
    #[test]
    fn no_reading_of_a_routed_path_leads_to_a_stricter_route(
        routes in routes(),
        paths in prop::collection::vec((prop::collection::vec(segment(), 1..4), prop::bool::weighted(0.2)), 1..12),
        public in prop::bool::weighted(0.2),
    ) {
        let Ok(gateway) = Gateway::parse(&yaml(&routes, false)) else { return Err(TestCaseError::reject("not a table")) };
        for (segments, slash) in paths {
            let raw = format!("/{}{}{}", if public { "public/" } else { "" }, segments.join("/"), if slash { "/" } else { "" });
            let Ok(path) = CheckedPath::parse(&raw) else { continue };
            for method in [Method::GET, Method::DELETE, Method::POST] {
                let Ok(found) = gateway.route(&method, &path) else { continue };
                for reading in readings() {
                    let Some(other) = reading.route(&routes, path.as_str()) else { continue };
                    let resource = |route: &str| without_format(route.trim_matches('/')).to_owned();
                    let one_resource = resource(&other.parts.join("/")) == resource(found.route);
                    prop_assert!(
                        !asks_for_more(&other, &found, &method, one_resource),
                        "{method} {raw} goes to {} as {path}, but {reading:?} leads to {other:?} in\n{}",
                        found.route, yaml(&routes, false),
                    );
                }
            }
        }
    }

    /// What is forwarded under another path is guarded there by every route that leads to the same back end.
    #[test]
    fn no_reading_of_a_forwarded_path_leads_to_a_stricter_route(
        routes in routes(),
        bases in [prop::sample::select(vec!["", "/a", "/admin", "/export"]), prop::sample::select(vec!["/a", "/x"])],
        paths in prop::collection::vec((prop::collection::vec(segment(), 1..5), prop::bool::weighted(0.2)), 1..12),
    ) {
        let back_ends = bases.map(|base| format!("https://one.example.com{base}"));
        let text = yaml_at(&routes, false, [&back_ends[0], &back_ends[1]]);
        let Ok(gateway) = Gateway::parse(&text) else { return Err(TestCaseError::reject("not a table")) };
        let inside: Vec<Plain> = routes.iter().map(|route| {
            let base = bases[route.api].trim_start_matches('/');
            let base = (!base.is_empty()).then(|| base.to_owned());
            Plain { parts: base.into_iter().chain(route.parts.clone()).collect(), ..route.clone() }
        }).collect();
        for (segments, slash) in paths {
            let Ok(path) = CheckedPath::parse(&format!("/{}{}", segments.join("/"), if slash { "/" } else { "" })) else { continue };
            for method in [Method::GET, Method::DELETE, Method::POST] {
                let Ok(found) = gateway.route(&method, &path) else { continue };
                let there = found.forwarded.as_ref().unwrap_or(&path);
                for reading in readings() {
                    let Some(other) = reading.route(&inside, there.as_str()) else { continue };
                    let resource = |route: &str| without_format(route.trim_matches('/')).to_owned();
                    let base = bases[usize::from(found.api.as_str() == "api1")];
                    let one_resource = resource(&other.parts.join("/")) == resource(&format!("{base}{}", found.route));
                    prop_assert!(
                        !asks_for_more(&other, &found, &method, one_resource),
                        "{method} {path} goes to {} as {there}, but {reading:?} leads to {other:?} in\n{text}", found.route,
                    );
                }
            }
        }
    }

    /// The harmless twin: a value that looks like no literal is never refused for its looks, and one decoding is never
    /// taken for another path where the back end is exact.
    #[test]
    fn an_honest_value_passes(routes in routes(), id in "[0-9]{1,3}[a-z0-9-]{0,6}", exact in any::<bool>()) {
        let Ok(gateway) = Gateway::parse(&yaml(&routes, exact)) else { return Err(TestCaseError::reject("not a table")) };
        // Beside a path of fixed length that ends in a slash, the rest of a wider one may look like it.
        for route in routes.iter().filter(|route| !route.parts.iter().any(|part| part.ends_with("+}"))) {
            let parts: Vec<&str> = route.parts.iter().map(|part| if part.starts_with('{') { id.as_str() } else { part }).collect();
            let path = CheckedPath::parse(&format!("/{}", parts.join("/"))).expect("a path");
            let (method, _) = route.methods.first().expect("a method");
            prop_assert!(!matches!(gateway.route(method, &path), Err(NoRoute::Ambiguous(_))), "{}", path);
        }
    }

    /// Even an exact back end decodes once.
    #[test]
    fn an_exact_back_end_reads_what_was_decided(
        routes in routes(),
        paths in prop::collection::vec(prop::collection::vec(segment(), 1..4), 1..12),
    ) {
        let Ok(gateway) = Gateway::parse(&yaml(&routes, true)) else { return Err(TestCaseError::reject("not a table")) };
        for segments in paths {
            let Ok(path) = CheckedPath::parse(&format!("/{}", segments.join("/"))) else { continue };
            for method in [Method::GET, Method::DELETE, Method::POST] {
                let Ok(found) = gateway.route(&method, &path) else { continue };
                for decodings in 0..4 {
                    let reading = Reading { decodings, folds_case: false, strips: false, ignores_last_slash: false, negotiates: false };
                    let Some(other) = reading.route(&routes, path.as_str()) else { continue };
                    prop_assert!(!asks_for_more(&other, &found, &method, false), "{method} {path} {reading:?} {other:?}");
                }
            }
        }
    }
}
