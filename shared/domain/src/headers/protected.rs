//! The list of header names that are never passed on from a client.
//!
//! Names are compared squashed, with letters and digits only: CGI and its successors do not distinguish `-`, `_` and `.`,
//! and others drop characters that they do not know. A name that ends in `*` stands for all names with that prefix.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::squash;

/// Names that belong to one connection (RFC 9110 §7.6.1), frame a message, or are set by the gateway or its HTTP client.
/// No configuration can use them.
pub(super) const OF_GATEWAY: &[&str] = &[
    // Fields of one connection, and framing.
    "Connection",
    "Content-Length",
    "Expect",
    "HTTP2-Settings",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    // The app's access token, and the proof of its key.
    "Authorization",
    "DPoP",
    // The client's address and the requested host: the gateway sets them, from what API Gateway knows.
    "Client-IP",
    "Cluster-Client-IP",
    "CF-Connecting-IP*",
    "CF-IPCountry",
    "CF-Pseudo-IPv4",
    "CF-Ray",
    "CF-Visitor",
    "Fastly-Client-IP",
    "Forwarded*",
    "Front-End-Https",
    "Host",
    "Proxy-Client-IP",
    "Proxy-Host",
    "Proxy-Url",
    "Real-IP",
    "Remote-Addr",
    "Remote-Host",
    "Remote-Port",
    "True-Client-IP",
    "WL-Proxy-*",
    "X-Anonymous-Consumer",
    "X-Appengine-*",
    "X-ARR-*",
    "X-Azure-ClientIP",
    "X-Azure-SocketIP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Coming-From",
    "X-Custom-IP-*",
    "X-Envoy-*",
    "X-Forward*",
    "X-Host",
    "X-MS-Forwarded-Client-IP",
    "X-MS-Proxy",
    "X-Originating-IP",
    "X-Proxy-Host",
    "X-Proxy-Url",
    "X-ProxyUser-IP",
    "X-Real-*",
    "X-Remote-Addr",
    "X-Remote-Host",
    "X-Remote-IP",
    "X-Request-Id",
    "X-Scheme",
    "X-Server-Name",
    "X-True-*",
    "X-Url-Scheme",
    // Those of API Gateway and of load balancers, including `X-Amzn-Remapped-…` and `X-Amzn-Trace-Id`.
    "X-Amzn-*",
    // A method or path other than the one that the authorizer decided on.
    "Base-Url",
    "Http-Url",
    "Path-Info",
    "Path-Translated",
    "Request-Uri",
    "Script-Name",
    "X-Accel-*",
    "X-HTTP-DestinationURL",
    "X-HTTP-Host*",
    "X-HTTP-Method*",
    "X-HTTP-Path-Override",
    "X-Method-Override",
    "X-Middleware-*",
    "X-Original-*",
    "X-Override-URL",
    "X-Rewrite-*",
    "X-Sendfile-Type",
    // CGI programs read it as the variable HTTP_PROXY (CVE-2016-5385).
    "Proxy",
    // A trace begins at the gateway; a client could otherwise join or flood the trace of another.
    "B3",
    "Baggage",
    "Traceparent",
    "Tracestate",
    "X-B3-*",
];

/// Names that commonly tell a back end who the user is. A configuration may use them; a client may not.
pub(super) const OF_IDENTITY: &[&str] = &[
    // The defaults of this gateway, with all names of their families.
    "X-Authenticated*",
    "X-Consumer-*",
    "X-Credential-*",
    // CGI, and the single sign-on modules of web servers.
    "Auth-Cn",
    "Auth-Groups",
    "Auth-Mail",
    "Auth-Name",
    "Auth-Type",
    "Auth-Uid",
    "Auth-User*",
    "Authenticated-User*",
    "CAS-User",
    "Eppn",
    "Impersonate-*",
    "Logon-User",
    "Mellon-*",
    "OIDC-*",
    "Persistent-Id",
    "Proxy-Remote-User",
    "Proxy-User",
    "Remote-Email",
    "Remote-Group*",
    "Remote-Ident*",
    "Remote-Name",
    "Remote-Role*",
    "Remote-User*",
    "Shib-*",
    "Unmapped-Remote-User",
    // CA SiteMinder, IBM WebSEAL and WebSphere, Oracle Access Manager.
    "IV-Creds",
    "IV-Groups",
    "IV-Remote-Address",
    "IV-Server-Name",
    "IV-User*",
    "OAM-*",
    "Osso-*",
    "SM-AuthDir*",
    "SM-Authentic",
    "SM-Authorized",
    "SM-AuthReason",
    "SM-AuthType",
    "SM-DominoCN",
    "SM-OnAuth*",
    "SM-Realm*",
    "SM-SDomain",
    "SM-Server*",
    "SM-Session*",
    "SM-TimeToExpire",
    "SM-TransactionID",
    "SM-UniversalID",
    "SM-User*",
    "$WSAT",
    "$WSCC",
    "$WSCS",
    "$WSEP",
    "$WSIS",
    "$WSPC",
    "$WSPR",
    "$WSPT",
    "$WSRA",
    "$WSRH",
    "$WSRU",
    "$WSSC",
    "$WSSI",
    "$WSSN",
    "$WSSP",
    // Client certificates, as TLS terminators pass them on (RFC 9440).
    "Client-Cert*",
    "Client-Verify",
    "SSL-Client-*",
    "SSLClientCert*",
    "X-Client-Cert*",
    "X-Client-DN",
    "X-Client-Verify",
    "X-SSL-*",
    "X-TLS-*",
    // Access proxies, service meshes and clouds.
    "CF-Access-*",
    "Tailscale-*",
    "X-Access-Token",
    "X-Apigateway-Api-Userinfo",
    "X-Auth-Email",
    "X-Auth-Group*",
    "X-Auth-Name",
    "X-Auth-Request-*",
    "X-Auth-Role*",
    "X-Auth-Subject",
    "X-Auth-User*",
    "X-Authentik-*",
    "X-CAS-User",
    "X-Endpoint-Api-Userinfo",
    "X-Goog-Authenticated-User-*",
    "X-Goog-Iap-*",
    "X-Id-Token",
    "X-JWT-Assertion",
    "X-MS-ADFS-*",
    "X-MS-Client-Principal*",
    "X-MS-Token-*",
    "X-Pomerium-*",
    "X-Proxy-Remote-User",
    "X-Proxy-User",
    "X-Remote-Extra-*",
    "X-Remote-Group*",
    "X-Remote-Uid",
    "X-Remote-User*",
    "X-User",
    "X-User-Email",
    "X-User-Group*",
    "X-User-Id",
    "X-User-Name",
    "X-User-Permission*",
    "X-User-Role*",
    "X-User-Scope*",
    "X-Userinfo",
    "X-Vouch-*",
    "X-WebAuth-*",
];

/// A list of squashed names.
struct Names {
    whole: BTreeSet<String>,
    families: Vec<String>,
}

impl Names {
    fn of(list: &[&str]) -> Self {
        let (families, whole): (Vec<&str>, Vec<&str>) = list.iter().partition(|name| name.ends_with('*'));
        Self { whole: whole.into_iter().map(squash).collect(), families: families.into_iter().map(squash).collect() }
    }

    fn has(&self, squashed: &str) -> bool {
        self.whole.contains(squashed) || self.families.iter().any(|family| squashed.starts_with(family.as_str()))
    }
}

static GATEWAY: LazyLock<Names> = LazyLock::new(|| Names::of(OF_GATEWAY));
static IDENTITY: LazyLock<Names> = LazyLock::new(|| Names::of(OF_IDENTITY));

/// Whether the gateway or its HTTP client sets this squashed name, so that no configuration may use it for an identity or
/// an internal token.
pub fn is_set_by_gateway(squashed: &str) -> bool {
    GATEWAY.has(squashed) || squashed == "via"
}

/// Whether a client's header of this squashed name is dropped.
pub(super) fn is_protected(squashed: &str) -> bool {
    GATEWAY.has(squashed) || IDENTITY.has(squashed)
}
