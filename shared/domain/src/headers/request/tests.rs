//! The headers that reach a back end, for honest and hostile clients.

mod names;

use proptest::prelude::*;

use super::*;

/// A call of the user alice, unless it is public.
struct Call {
    reserved: Reserved,
    injection: Vec<(HeaderName, HeaderValue)>,
    names: IdentityHeaders,
    public: bool,
    cookies: Option<BTreeSet<String>>,
    max_bytes: usize,
}

impl Default for Call {
    fn default() -> Self {
        Self {
            reserved: Reserved::default(),
            injection: Vec::new(),
            names: IdentityHeaders::default(),
            public: false,
            cookies: None,
            max_bytes: 8190,
        }
    }
}

impl Call {
    fn with_session_cookie() -> Self {
        Self {
            reserved: Reserved { headers: ["cookie".to_owned()].into(), cookies: ["LEGACYSESSID".to_owned()].into() },
            injection: vec![(http::header::COOKIE, HeaderValue::from_static("LEGACYSESSID=alices"))],
            ..Self::default()
        }
    }

    fn build_as(&self, app_name: &str, fields: &[(String, String)]) -> Result<HeaderMap, CannotBuild> {
        let (user, client_id) = (UserId::parse("alice").unwrap(), ClientId::parse("pub1").unwrap());
        let scope = Scope::parse("read write").unwrap();
        let identity = Identity { user: &user, scope: &scope, app_name, subscription: "sub-1", client_id: &client_id };
        let client = Client {
            headers: fields,
            address: Some("192.0.2.7"),
            host: Some("api.example.com"),
            scheme: "https",
            prefix: "",
            request_id: Some("req-1"),
            trace_id: Some("Root=1-2-3"),
        };
        build_request(&Outgoing {
            client,
            identity: (!self.public).then_some(identity),
            names: &self.names,
            reserved: &self.reserved,
            cookies: self.cookies.as_ref(),
            injection: &self.injection,
            max_bytes: self.max_bytes,
        })
    }

    fn build(&self, fields: &[(&str, &str)]) -> Result<HeaderMap, CannotBuild> {
        let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.build_as("Demo", &fields)
    }
}

fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

/// How many names a lenient back end could take for `name`. It does not use `squash`, which is under test.
fn spellings(headers: &HeaderMap, name: &str) -> usize {
    let careless = |name: &str| name.to_lowercase().replace(|character: char| !character.is_alphanumeric(), "");
    headers.iter().filter(|(other, _)| careless(other.as_str()) == careless(name)).count()
}

/// Checklist Y-05, H-03, H-06.
/// Abuse case B10.
#[test]
fn the_gateways_own_headers_are_always_set() {
    let headers = Call::default().build(&[]).unwrap();
    for (name, value) in [
        ("x-authenticated-userid", "alice"),
        ("x-authenticated-subject-type", "user"),
        ("x-authenticated-scope", "read write"),
        ("x-consumer-username", "Demo"),
        ("x-consumer-custom-id", "sub-1"),
        ("x-credential-identifier", "pub1"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-host", "api.example.com"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=192.0.2.7;host=api.example.com;proto=https"),
        ("x-request-id", "req-1"),
        ("x-amzn-trace-id", "Root=1-2-3"),
        ("via", "1.1 mobile-api-gateway"),
    ] {
        assert_eq!(values(&headers, name), [value], "{name}");
    }
    assert_eq!(headers.len(), 14);
}

/// Checklist H-12: the valid counterpart of every case below.
#[test]
fn ordinary_headers_travel_repeated_and_in_order() {
    let headers = Call::default()
        .build(&[("Accept", "text/html"), ("X-Custom", "1"), ("ACCEPT", "*/*"), ("Cookie", "a=1"), ("X-Custom", "")])
        .unwrap();
    assert_eq!(values(&headers, "accept"), ["text/html", "*/*"]);
    assert_eq!(values(&headers, "x-custom"), ["1", ""]);
    assert_eq!(values(&headers, "cookie"), ["a=1"]);
}

/// Abuse cases B1, B2, B3; checklist S-09.
#[test]
fn an_identity_of_the_client_is_dropped_in_every_spelling() {
    for name in [
        "X-Authenticated-Userid",
        "X_Authenticated_Userid",
        "X_Authenticated-Userid",
        "x.AUTHENTICATED.userid",
        "XAuthenticatedUserid",
        "X!Authenticated~Userid",
    ] {
        let headers = Call::default().build(&[(name, "admin"), (name, "root")]).unwrap();
        assert_eq!(values(&headers, "x-authenticated-userid"), ["alice"], "{name}");
        assert_eq!(spellings(&headers, "x-authenticated-userid"), 1, "{name}");
    }
}

/// Abuse case B4; checklist S-09.
#[test]
fn a_public_call_carries_no_identity_at_all() {
    let call = Call { public: true, injection: Vec::new(), ..Call::with_session_cookie() };
    let headers = call
        .build(&[
            ("X-Authenticated-UserId", "admin"),
            ("X-Authenticated-Subject-Type", "device"),
            ("X-Authenticated-Scope", "all"),
            ("X-Consumer-Username", "evil"),
            ("X-Consumer-Custom-Id", "evil"),
            ("X-Credential-Identifier", "evil"),
            ("Cookie", "LEGACYSESSID=stolen"),
            ("Authorization", "Bearer x"),
            ("Accept", "*/*"),
        ])
        .unwrap();
    let client_side: Vec<_> = headers.keys().map(HeaderName::as_str).filter(|name| !name.starts_with("x-")).collect();
    assert_eq!(client_side, ["accept", "forwarded", "via"]);
    for family in ["x-authenticated", "x-consumer", "x-credential", "x-anonymous"] {
        assert!(headers.keys().all(|name| !name.as_str().starts_with(family)), "{family}");
    }
}

/// Abuse case B8; checklist H-11.
#[test]
fn the_mapped_credential_is_only_ever_ours() {
    let headers = Call::with_session_cookie().build(&[("Cookie", "LEGACYSESSID=stolen; theme=dark")]).unwrap();
    assert_eq!(values(&headers, "cookie"), ["LEGACYSESSID=alices"]);
    let call = Call {
        reserved: Reserved { headers: ["X-Internal-Token".to_owned()].into(), ..Reserved::default() },
        injection: vec![(HeaderName::from_static("x-internal-token"), HeaderValue::from_static("alices"))],
        ..Call::default()
    };
    let headers = call.build(&[("X_Internal.Token", "stolen"), ("x-internal-token", "stolen")]).unwrap();
    assert_eq!(values(&headers, "x-internal-token"), ["alices"]);
    assert_eq!(spellings(&headers, "x-internal-token"), 1);
}

#[test]
fn the_gateways_own_cookies_stay_behind() {
    let headers = Call::default().build(&[("Cookie", "a=1; __Host-gateway-login=x"), ("Cookie", "gateway-browser=y")]);
    assert_eq!(values(&headers.unwrap(), "cookie"), ["a=1"]);
}

/// Abuse case B8: a back end may accept its session in a cookie although the connector sends it in a header.
#[test]
fn cookies_of_the_client_stay_behind_where_the_back_end_has_a_session_cookie() {
    let reserved = Reserved { headers: ["x-session".to_owned()].into(), cookies: ["SID".to_owned()].into() };
    let headers = Call { reserved, ..Call::default() }.build(&[("Cookie", "SID=stolen")]).unwrap();
    assert!(!headers.contains_key("cookie"));
}

#[test]
fn renamed_identity_headers_are_protected_beside_the_usual_names() {
    let names = IdentityHeaders { user_id: HeaderName::from_static("x-user"), ..IdentityHeaders::default() };
    let call = Call { names, ..Call::default() };
    let headers = call.build(&[("X_USER", "admin"), ("X-Authenticated-UserId", "admin")]).unwrap();
    assert_eq!(values(&headers, "x-user"), ["alice"]);
    assert!(!headers.contains_key("x-authenticated-userid") && !headers.contains_key("x_user"));
}

/// Abuse case C1; checklist H-01.
#[test]
fn connection_options_cannot_remove_headers_of_ours() {
    let fields = [("Connection", "X-Authenticated-UserId, cookie"), ("Connection", " X_Hop ,close"), ("X-Hop", "1")];
    let headers = Call::with_session_cookie().build(&fields).unwrap();
    assert_eq!(values(&headers, "x-authenticated-userid"), ["alice"]);
    assert_eq!(values(&headers, "cookie"), ["LEGACYSESSID=alices"]);
    assert!(!headers.contains_key("connection") && !headers.contains_key("x-hop"));
}

/// Abuse cases C2, C5; checklist H-06, H-07.
#[test]
fn framing_and_host_are_never_the_clients() {
    let fields = [("Transfer-Encoding", "chunked"), ("Content-Length", "999"), ("Host", "evil.test")];
    let headers = Call::default().build(&fields).unwrap();
    assert!(!headers.contains_key("transfer-encoding") && !headers.contains_key("content-length"));
    assert!(!headers.contains_key("host"));
    assert_eq!(values(&headers, "x-forwarded-host"), ["api.example.com"]);
}

/// Abuse case C6; checklist H-04.
#[test]
fn values_of_ours_that_cannot_be_sent_stop_the_call() {
    for app_name in ["", "a\r\nX-Admin: 1", "a\0", "caf\u{e9}", "a\u{7f}"] {
        let refused = Call::default().build_as(app_name, &[]);
        assert_eq!(refused, Err(CannotBuild::OwnValue("the application")), "{app_name:?}");
    }
    assert!(Call::default().build_as("Demo app", &[]).is_ok());
}

/// Abuse case C8.
#[test]
fn headers_of_the_client_that_are_no_headers_are_refused() {
    for (name, value) in
        [("X-A", "a\r\nB: c"), ("X-A", "\0"), ("X-A", "caf\u{e9}"), ("X A", "1"), ("", "1"), ("X\n", "1")]
    {
        assert_eq!(Call::default().build(&[(name, value)]), Err(CannotBuild::ClientHeader), "{name:?}: {value:?}");
    }
    assert!(Call::default().build(&[("X-A", "a\tb")]).is_ok());
}

/// Checklist H-03.
#[test]
fn via_is_appended_to_the_clients() {
    let headers = Call::default().build(&[("Via", "1.0 fred")]).unwrap();
    assert_eq!(values(&headers, "via"), ["1.0 fred", "1.1 mobile-api-gateway"]);
}

#[test]
fn headers_over_the_back_ends_limit_are_refused_and_say_whose_they_are() {
    let exact = size(&Call::default().build(&[("X-Big", "0123456789")]).unwrap());
    let fits = Call { max_bytes: exact, ..Call::default() };
    assert!(fits.build(&[("X-Big", "0123456789")]).is_ok());
    assert_eq!(fits.build(&[("X-Big", "0123456789a")]), Err(CannotBuild::TooLarge));
    assert_eq!(Call { max_bytes: 20, ..Call::default() }.build(&[]), Err(CannotBuild::OwnTooLarge));
}

fn field() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        4 => "[xX][-_.](authenticated|consumer|forwarded|custom)[-_.](userid|username|scope|for)",
        4 => "(cookie|connection|via|Host|COOKIE)",
        1 => "[!-~]{1,12}",
    ];
    let value = prop_oneof![
        8 => "evil[ -~]{0,8}",
        4 => "x-authenticated-userid, cookie|LEGACYSESSID=evil",
        1 => any::<String>(),
    ];
    (name, value)
}

proptest! {
    /// Abuse cases B1 to B8, C1: whatever a client sends, the identity is the gateway's and occurs once, under any spelling.
    #[test]
    fn no_client_header_changes_who_calls(fields in prop::collection::vec(field(), 0..12)) {
        let call = Call::with_session_cookie();
        if let Ok(headers) = call.build_as("Demo", &fields) {
            let own = call.build_as("Demo", &[]).unwrap();
            for (name, value) in own.iter().filter(|(name, _)| *name != VIA) {
                prop_assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), vec![value]);
                prop_assert_eq!(spellings(&headers, name.as_str()), 1);
            }
        }
    }
}

/// A cookie that a back end has set, and that an event shows in one of several ways, stops no call.
#[test]
fn cookies_that_are_not_ascii_stay_behind() {
    for (theirs, expected) in [
        ("user=J\u{fc}rgen; lang=de", &["lang=de"][..]),
        ("user=J\u{fc}rgen", &[]),
        ("a=1;b=2", &["a=1;b=2"]),
        ("user=\u{fc}; gateway-x=1; lang=de", &["lang=de"]),
    ] {
        let headers = Call::default().build(&[("Cookie", theirs)]).unwrap();
        assert_eq!(values(&headers, "cookie"), expected, "{theirs}");
    }
    assert!(Call::default().build(&[("Cookie", "a=\u{fc}; b=\0")]).is_err());
}

/// Listed cookies travel beside the session's, in one field, in the one form that all servers read alike.
#[test]
fn listed_cookies_of_the_app_go_along_with_the_session() {
    let listed =
        Some(BTreeSet::from(["lang".to_owned(), "cart".to_owned(), "LEGACYSESSID".to_owned(), "gateway-x".to_owned()]));
    let call = Call { cookies: listed.clone(), ..Call::with_session_cookie() };
    let sent = |call: &Call, fields: &[(&str, &str)]| {
        let headers = call.build(fields).unwrap();
        values(&headers, "cookie").iter().map(|&value| value.to_owned()).collect::<Vec<_>>()
    };
    for (theirs, expected) in [
        ("lang=de; other=1; cart=7", "LEGACYSESSID=alices; lang=de; cart=7"),
        ("LEGACYSESSID=mallorys; lang=de", "LEGACYSESSID=alices; lang=de"),
        ("legacysessid=mallorys", "LEGACYSESSID=alices"),
        ("Lang=de; gateway-x=1; __Host-gateway-x=1", "LEGACYSESSID=alices"),
        ("lang=\"a; LEGACYSESSID=mallorys\"", "LEGACYSESSID=alices"),
        ("lang=a,LEGACYSESSID=mallorys", "LEGACYSESSID=alices"),
        ("lang=a b; cart=a\\b", "LEGACYSESSID=alices"),
        ("lang", "LEGACYSESSID=alices; lang"),
        ("lang=\"de\"; cart=\"1", "LEGACYSESSID=alices; lang=\"de\""),
        ("lang=J\u{fc}rgen; cart=7", "LEGACYSESSID=alices; cart=7"),
        ("", "LEGACYSESSID=alices"),
    ] {
        assert_eq!(sent(&call, &[("Cookie", theirs)]), [expected], "{theirs}");
    }
    assert_eq!(sent(&call, &[("Cookie", "lang=de"), ("cookie", "cart=7")]), ["LEGACYSESSID=alices; lang=de; cart=7"]);
    assert_eq!(sent(&call, &[("Cookie", "lang=de"), ("Connection", "cookie")]), ["LEGACYSESSID=alices"]);
    // Without a session cookie, they are all that passes.
    let plain = Call { cookies: listed, ..Call::default() };
    assert_eq!(sent(&plain, &[("Cookie", "lang=de; other=1")]), ["lang=de"]);
    assert!(sent(&plain, &[("Cookie", "other=1")]).is_empty());
    assert_eq!(sent(&Call::default(), &[("Cookie", "lang=de; other=1")]), ["lang=de; other=1"]);
}
