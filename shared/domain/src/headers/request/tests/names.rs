//! Which of the client's headers are dropped, in every spelling of their names.

use super::*;

/// The spellings that some back end takes for this name.
fn written(name: &str) -> Vec<String> {
    let separators = ["-", "_", ".", "", "--", "~", "-_", "!", "|", "^", "'", "`", "*", "+", "#", "&", "%", "$"];
    let joined = separators.map(|separator| name.replace(['-', '$'], separator));
    let cases = joined.into_iter().flat_map(|name| [name.to_uppercase(), name.to_lowercase(), name]);
    cases.chain([format!("_{name}"), format!("{name}_"), format!("{name}-.")]).collect()
}

/// Abuse cases A8, B2, B5, B7; checklist S-09, H-02, H-11: every name of the list, in every spelling.
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

/// Names that some back ends are known to trust, so that none can be removed from the list unnoticed.
const TRUSTED: [&str; 96] = [
    "X-Authenticated-Scope",
    "X-Authenticated-Subject-Type",
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
    "DPoP",
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
];

#[test]
fn names_that_back_ends_trust_are_on_the_list() {
    for name in TRUSTED {
        let headers = Call::default().build(&[(name, "of-the-client"), ("Accept", "*/*")]).unwrap();
        assert!(headers.values().all(|value| value != "of-the-client"), "{name}");
        assert_eq!(values(&headers, "accept"), ["*/*"]);
    }
}

/// The valid counterpart: names that apps do send, some of them close to the list.
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
