//! What reaches a back end, for headers honest and hostile.

use proptest::prelude::*;

use super::*;

/// Builds with alice as the caller, unless the call is public.
struct Call {
    reserved: Reserved,
    injection: Vec<(HeaderName, HeaderValue)>,
    names: IdentityHeaders,
    public: bool,
    max_bytes: usize,
}

impl Default for Call {
    fn default() -> Self {
        Self {
            reserved: Reserved::default(),
            injection: Vec::new(),
            names: IdentityHeaders::default(),
            public: false,
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
            request_id: Some("req-1"),
            trace_id: Some("Root=1-2-3"),
        };
        build_request(&Outgoing {
            client,
            identity: (!self.public).then_some(identity),
            names: &self.names,
            reserved: &self.reserved,
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

/// How many names a careless back end could mistake for `name`. Says so in its own way, not with `squash`.
fn spellings(headers: &HeaderMap, name: &str) -> usize {
    let careless = |name: &str| name.to_lowercase().replace(|character: char| !character.is_alphanumeric(), "");
    headers.iter().filter(|(other, _)| careless(other.as_str()) == careless(name)).count()
}

/// Checklist Y-05, H-03, H-06.
#[test]
fn the_gateways_own_headers_are_always_set() {
    let headers = Call::default().build(&[]).unwrap();
    for (name, value) in [
        ("x-authenticated-userid", "alice"),
        ("x-authenticated-scope", "read write"),
        ("x-consumer-username", "Demo"),
        ("x-consumer-custom-id", "sub-1"),
        ("x-credential-identifier", "pub1"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-host", "api.example.com"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "req-1"),
        ("x-amzn-trace-id", "Root=1-2-3"),
        ("via", "1.1 mobile-api-gateway"),
    ] {
        assert_eq!(values(&headers, name), [value], "{name}");
    }
    assert_eq!(headers.len(), 11);
}

/// Checklist H-12: the harmless twin of every header case below.
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
    assert_eq!(client_side.len(), 2, "{client_side:?}");
    assert!(headers.contains_key("accept") && headers.contains_key("via"));
    for family in ["x-authenticated", "x-consumer", "x-credential", "x-anonymous"] {
        assert!(headers.keys().all(|name| !name.as_str().starts_with(family)), "{family}");
    }
}

/// The spellings of a name that some back end takes for it.
fn written(name: &str) -> Vec<String> {
    let separators = ["-", "_", ".", "", "--", "~", "-_", "!", "|", "^", "'", "`", "*", "+", "#", "&", "%", "$"];
    let joined = separators.map(|separator| name.replace(['-', '$'], separator));
    let cases = joined.into_iter().flat_map(|name| [name.to_uppercase(), name.to_lowercase(), name]);
    cases.chain([format!("_{name}"), format!("{name}_"), format!("{name}-.")]).collect()
}

/// Abuse cases A8, B2, B5, B7; checklist S-09, H-02, H-11: the one list, every name of it, in every spelling.
#[test]
fn every_protected_name_is_dropped_in_every_spelling() {
    for name in protected::OF_GATEWAY.iter().chain(protected::OF_IDENTITY) {
        let (name, members) = name
            .strip_suffix('*')
            .map_or((*name, vec![""]), |family| (family.trim_end_matches('-'), vec!["-A", "-User", "Id", "-1"]));
        for spelling in members.iter().flat_map(|member| written(&format!("{name}{member}"))) {
            let headers = Call::default().build(&[(&spelling, "of-the-client"), ("Accept", "*/*")]).expect(&spelling);
            assert!(headers.values().all(|value| value != "of-the-client"), "{spelling}");
            assert_eq!(values(&headers, "accept"), ["*/*"]);
        }
    }
}

/// The list above cannot be emptied unnoticed: names that are known to be trusted somewhere.
#[test]
fn names_that_back_ends_trust_are_on_the_list() {
    for name in [
        "X-Authenticated-Scope",
        "X-Authenticated-Groups",
        "X-Consumer-Id",
        "X-Consumer-Username",
        "X-Consumer-Custom-Id",
        "X-Credential-Identifier",
        "X-Anonymous-Consumer",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Prefix",
        "X-Forwarded-Uri",
        "X-Forwarded-User",
        "X-Forwarded-Client-Cert",
        "X-Forwarded-Preferred-Username",
        "X_Forwarded_For",
        "Forwarded",
        "X-Real-IP",
        "X-HTTP-Method",
        "X-HTTP-Method-Override",
        "X-Method-Override",
        "X-Original-URL",
        "X-Original-URI",
        "X-Original-Method",
        "X-Rewrite-URL",
        "Proxy",
        "Authorization",
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Expect",
        "TE",
        "Trailer",
        "Upgrade",
        "Keep-Alive",
        "Proxy-Connection",
        "Proxy-Authorization",
        "Connection",
        "X-Amzn-Trace-Id",
        "X-Amzn-Remapped-Authorization",
        "X-Amzn-Remapped-Host",
        "X-Amzn-Oidc-Identity",
        "X-Amzn-Mtls-Clientcert-Subject",
        "Remote-User",
        "REMOTE_USER",
        "SM_USER",
        "SM_USERDN",
        "SM_UNIVERSALID",
        "iv-user",
        "iv-groups",
        "$WSRU",
        "OAM_REMOTE_USER",
        "Shib-Session-Id",
        "OIDC_CLAIM_sub",
        "MELLON_uid",
        "Auth-User",
        "X-SSL-Client-Cert",
        "X-SSL-Client-S-DN",
        "X-SSL-Client-Verify",
        "SSL_CLIENT_S_DN",
        "Client-Cert",
        "X-ARR-ClientCert",
        "X-MS-Client-Principal",
        "X-MS-CLIENT-PRINCIPAL-NAME",
        "X-MS-CLIENT-PRINCIPAL-ID",
        "X-Auth-Request-User",
        "X-Auth-Request-Email",
        "X-Auth-Username",
        "X-Goog-Authenticated-User-Email",
        "Cf-Access-Jwt-Assertion",
        "CF-Connecting-IP",
        "True-Client-IP",
        "X-Client-IP",
        "WL-Proxy-Client-IP",
        "X-Remote-User",
        "X-WEBAUTH-USER",
        "X-User-Id",
        "X-JWT-Assertion",
        "Script-Name",
        "X-Middleware-Subrequest",
        "X-User-Role",
        "X-User-Group",
        "Impersonate-User",
        "X-Proxy-User",
        "X-Forward-For",
        "X-Forwarder-For",
        "Forwarded-For",
        "Cluster-Client-IP",
        "X-True-Client-IP",
        "Real-IP",
        "X-Custom-IP-Authorization",
        "X-HTTP-Host-Override",
        "X-Proxy-Url",
        "Http-Url",
    ] {
        let headers = Call::default().build(&[(name, "of-the-client"), ("Accept", "*/*")]).unwrap();
        assert!(headers.values().all(|value| value != "of-the-client"), "{name}");
        assert_eq!(values(&headers, "accept"), ["*/*"]);
    }
}

/// The harmless twin: what apps do send, some of it close to the list.
#[test]
fn names_that_apps_use_are_not_on_the_list() {
    for name in [
        "Accept-Language",
        "Content-Type",
        "Cookie",
        "User-Agent",
        "X-User-Agent",
        "X-Requested-With",
        "X-Api-Key",
        "X-Auth-Token",
        "X-CSRF-Token",
        "X-Client-Version",
        "X-Correlation-Id",
        "X-Device-Id",
        "Idempotency-Key",
        "If-None-Match",
        "Range",
        "Origin",
        "Referer",
        "SOAPAction",
        "Sec-Fetch-Mode",
        "X-Tenant",
        "X-User-Locale",
        "X-Trace",
        "Small-Thing",
        "Team",
    ] {
        let headers = Call::default().build(&[(name, "of-the-client")]).unwrap();
        assert_eq!(values(&headers, name), ["of-the-client"], "{name}");
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

/// Abuse case B8: a session that travels in a header may be known to the back end by a cookie as well.
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
    /// Abuse cases B1 to B8, C1: whatever a client sends, the identity is ours, once, under every spelling.
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
