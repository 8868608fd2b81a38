use super::*;

/// A call of `/shop/cart/7?a=b`, at a stage or at none, of a gateway at `https://api.example.com`.
struct Sides {
    called: Url,
    forwarded: Url,
    stage: &'static str,
    bases: (&'static str, &'static str),
    place: Lookup<'static>,
}

/// `https://shop.internal:8443/app/…` is `/shop/…`, but for `/app/secret/…`, to which no route leads; `/reports/…` of
/// `http://reports.internal` is the same here. Another port of a known host is an inner address too.
fn place(host: &str, port: Option<u16>, path: &str) -> Place {
    let shop = match path.strip_prefix("/app") {
        Some(rest) if !rest.starts_with("/secret") && (rest.is_empty() || rest.starts_with('/')) => {
            Place::Here(format!("/shop{rest}"))
        }
        _ => Place::Nowhere,
    };
    match (host, port) {
        ("shop.internal", Some(8443) | None) => shop,
        ("reports.internal", None) => Place::Here(path.to_owned()),
        ("orders", _) => Place::Nowhere,
        (host, _) if host.ends_with(".internal") => Place::Nowhere,
        _ => Place::Elsewhere,
    }
}

fn sides(stage: &'static str) -> Sides {
    Sides {
        called: Url::parse(&format!("https://api.example.com{stage}/shop/cart/7?a=b")).unwrap(),
        forwarded: Url::parse("https://shop.internal:8443/app/cart/7?a=b").unwrap(),
        stage,
        bases: ("/app", "/shop"),
        place: &place,
    }
}

/// A call whose path is the same on both sides, of one back end alone.
pub(in crate::headers) fn same(stage: &'static str, path: &str) -> (Url, Url, &'static str) {
    let url = |origin: &str, stage| Url::parse(&format!("{origin}{stage}{path}")).unwrap();
    (url("https://api.example.com", stage), url("https://one.internal", ""), stage)
}

impl Sides {
    fn of(&self) -> Outside<'_> {
        Outside {
            called: &self.called,
            forwarded: &self.forwarded,
            stage: self.stage,
            bases: self.bases,
            place: self.place,
            // Another API has a path that looks like one of the back end's.
            is_path: &|path| path.starts_with("/shop") || path == "/app/known",
        }
    }
}

impl<'a> Outside<'a> {
    /// Both sides of such a call.
    pub(in crate::headers) fn same((called, forwarded, stage): &'a (Url, Url, &'static str)) -> Self {
        let place = &|host: &str, _: Option<u16>, path: &str| {
            if host == "one.internal" { Place::Here(path.to_owned()) } else { Place::Elsewhere }
        };
        Self { called, forwarded, stage, bases: ("", ""), place, is_path: &|_| true }
    }
}

#[test]
fn a_reference_to_a_back_end_is_one_to_the_gateway() {
    for (inside, outside, at_a_stage) in [
        ("https://shop.internal:8443/app/cart?x=1#y", "/shop/cart?x=1#y", "/prod/shop/cart?x=1#y"),
        ("http://SHOP.internal/app", "/shop", "/prod/shop"),
        ("//shop.internal/app/", "/shop/", "/prod/shop/"),
        ("http://reports.internal/reports/7", "/reports/7", "/prod/reports/7"),
        ("/app/login?next=/app/cart", "/shop/login?next=/app/cart", "/prod/shop/login?next=/app/cart"),
        ("/app/../app/x", "/shop/x", "/prod/shop/x"),
        (" /app/a b|c ", "/shop/a%20b|c", "/prod/shop/a%20b|c"),
        // What leads to the right place from outside too stays as it is.
        ("8", "8", "8"),
        ("./8?x", "./8?x", "./8?x"),
        ("?page=2", "?page=2", "?page=2"),
        ("#top", "#top", "#top"),
        ("", "", ""),
        // Addresses of others, and the gateway's own.
        ("https://www.example.com/app/x", "https://www.example.com/app/x", "https://www.example.com/app/x"),
        ("https://api.example.com/shop/x", "https://api.example.com/shop/x", "https://api.example.com/shop/x"),
        ("https://API.example.com:443/shop", "https://API.example.com:443/shop", "https://API.example.com:443/shop"),
        ("com.example.app:/callback?code=x", "com.example.app:/callback?code=x", "com.example.app:/callback?code=x"),
        ("mailto:help@shop.internal", "mailto:help@shop.internal", "mailto:help@shop.internal"),
        ("https://www.example.com:8443/x", "https://www.example.com:8443/x", "https://www.example.com:8443/x"),
        // Relative ones name no address.
        ("../../other", "../../other", "../../other"),
    ] {
        assert_eq!(sides("").of().reference(inside).as_deref(), Some(outside), "{inside}");
        assert_eq!(sides("/prod").of().reference(inside).as_deref(), Some(at_a_stage), "{inside}");
    }
    for nowhere in [
        "https://shop.internal:8443/admin",
        "https://shop.internal:9000/app/x",
        "http://db.internal/",
        "/admin",
        "/app/secret/x",
        "/app/../admin",
        "/app/%2e%2e/admin",
        "https:/shop.internal/admin",
        "\\\\shop.internal\\admin",
        "https://user@shop.internal/admin",
        "https://SHOP.internal/admin",
        "//shop\u{3002}internal/admin",
        "https://shop.internal:99999/",
        "wss://shop.internal/socket",
        "ftp://db.internal/x",
    ] {
        assert!(sides("").of().reference(nowhere).is_none(), "{nowhere}");
    }
}

#[test]
fn where_nothing_is_moved_paths_stay_as_they_are() {
    let urls = same("", "/orders/7");
    for text in ["/orders/8", "8", "//elsewhere.example/x", "/a b|c?d e", "/orders/..%2f", "../x", "/a%2Fb", "/a[1]"] {
        assert_eq!(Outside::same(&urls).reference(text).as_deref(), Some(text));
    }
    // Behind a stage, a path from the root begins with it.
    let urls = same("/prod", "/orders/7");
    let staged = Outside::same(&urls);
    assert_eq!(staged.reference("/orders/8?x").as_deref(), Some("/prod/orders/8?x"));
    assert_eq!(staged.reference("8").as_deref(), Some("8"));
}

/// What is safe at the back end, since its own host stands before it, must not lead elsewhere without that host.
#[test]
fn no_reference_leads_elsewhere_once_its_host_is_gone() {
    for stage in ["", "/prod"] {
        let urls = same(stage, "/orders/7");
        for text in [
            "https://one.internal//evil.example/x",
            "https://one.internal/\\evil.example",
            "//one.internal//evil.example",
        ] {
            let found = Outside::same(&urls).reference(text);
            let led = found.as_deref().map(|text| urls.0.join(text).unwrap().host_str().unwrap().to_owned());
            assert!(led.is_none_or(|host| host == "api.example.com"), "{text} becomes {found:?}");
        }
    }
}

/// Systems that heed `X-Forwarded-Host` alone name the gateway's host before a path of their own.
#[test]
fn a_path_of_the_back_end_at_the_gateways_host_is_one_of_the_gateway() {
    for stage in ["", "/prod"] {
        for (inside, outside) in [
            ("https://api.example.com/app/cart?x=1", Some("/shop/cart?x=1")),
            ("//api.example.com/app", None),
            ("https://api.example.com/app/known", Some("/app/known")),
            ("https://api.example.com/shop/cart", None),
            ("https://api.example.com/app/secret", None),
            ("https://api.example.com/elsewhere", None),
        ] {
            let sides = sides(stage);
            let found = sides.of().reference(inside).unwrap().into_owned();
            let expected = match (inside, outside) {
                ("//api.example.com/app", _) => format!("{stage}/shop"),
                // Another API has that path, behind the stage.
                ("https://api.example.com/app/known", Some(path)) if stage.is_empty() => {
                    format!("https://api.example.com{path}")
                }
                ("https://api.example.com/app/known", _) => format!("{stage}/shop/known"),
                (_, Some(path)) => format!("{stage}{path}"),
                (unchanged, None) => unchanged.to_owned(),
            };
            assert_eq!(found, expected, "{inside} at {stage:?}");
        }
    }
}

#[test]
fn cookies_have_the_paths_and_the_host_of_the_gateway() {
    let cookie = |stage: &'static str, text: &str| {
        let found = sides(stage).of().cookie(&HeaderValue::from_str(text).unwrap());
        found.map(|value| value.to_str().unwrap().to_owned())
    };
    for (inside, outside) in [
        ("a=1; Path=/app; HttpOnly", Some("a=1; Path=/shop; HttpOnly")),
        ("a=1; path=/app/cart ;Secure", Some("a=1; Path=/shop/cart;Secure")),
        ("a=1; Path=/app/", Some("a=1; Path=/shop/")),
        ("a=1; Path=/", Some("a=1; Path=/shop")),
        ("a=1", Some("a=1")),
        ("a=1; Path=relative", Some("a=1; Path=relative")),
        ("a=1; Path=/other", None),
        ("a=1; Path=/appendix", None),
        ("a=1; Domain=shop.internal; Path=/app", Some("a=1; Path=/shop")),
        ("a=1; Domain=.internal", Some("a=1")),
        ("a=1; Domain=example.com; Secure", Some("a=1; Domain=example.com; Secure")),
        ("a=1; domain=.api.example.com", Some("a=1; domain=.api.example.com")),
        ("a=1; Domain=ample.com", Some("a=1")),
        ("a=1; Domain", Some("a=1")),
        ("__Host-a=1; Path=/; Secure", Some("__Host-a=1; Path=/; Secure")),
        (
            "a=1; Expires=Wed, 09 Jun 2021 10:18:14 GMT; Path=/app",
            Some("a=1; Expires=Wed, 09 Jun 2021 10:18:14 GMT; Path=/shop"),
        ),
    ] {
        assert_eq!(cookie("", inside).as_deref(), outside, "{inside}");
    }
    let bytes = HeaderValue::from_bytes(b"a=J\xfcrgen; Domain=shop.internal; Path=/app").unwrap();
    assert_eq!(sides("").of().cookie(&bytes).unwrap().as_bytes(), b"a=J\xfcrgen; Path=/shop");
    assert_eq!(cookie("/prod", "a=1; Path=/app/x").as_deref(), Some("a=1; Path=/prod/shop/x"));
    assert_eq!(cookie("/prod", "a=1; Path=/").as_deref(), Some("a=1; Path=/prod/shop"));
    let urls = same("", "/x");
    assert_eq!(Outside::same(&urls).cookie(&HeaderValue::from_static("a=1; Path=/")).unwrap(), "a=1; Path=/");
}

#[test]
fn no_other_field_names_a_back_end() {
    for (inside, outside) in [
        (
            "default-src https://shop.internal:8443 'self'; img-src http://reports.internal/x",
            "default-src https://api.example.com 'self'; img-src https://api.example.com/x",
        ),
        ("see https://www.example.com/shop.internal", "see https://www.example.com/shop.internal"),
        ("(http://db.internal)", "(https://api.example.com)"),
        ("https://user@shop.internal", "https://api.example.com"),
        ("no address, :// alone", "no address, :// alone"),
        ("1.1 shop.internal", "1.1 api.example.com"),
        ("shop.internal:8443", "api.example.com"),
        ("199 SHOP.internal:8443 \"stale\", 1.0 fred", "199 api.example.com \"stale\", 1.0 fred"),
        ("default-src shop.internal *.shop.internal 'self'", "default-src api.example.com *.shop.internal 'self'"),
        ("//reports.internal/x", "//api.example.com/x"),
        ("Thu, 28 Nov 2026 12:00:00 GMT", "Thu, 28 Nov 2026 12:00:00 GMT"),
        ("application/vnd.example.v1+json; v=1.2", "application/vnd.example.v1+json; v=1.2"),
        ("internal", "internal"),
        // One without a dot is one with the port of the back end of the call alone.
        ("orders:42", "orders:42"),
        ("urn:orders:17", "urn:orders:17"),
        ("api.example.com:443", "api.example.com:443"),
        ("://", "://"),
        ("max-age=60", "max-age=60"),
    ] {
        assert_eq!(sides("").of().text(inside), outside);
    }
}
