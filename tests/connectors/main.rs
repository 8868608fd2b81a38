//! Connectors against the real servers they are for: tests whose server is not installed are ignored.

mod hostile;
mod http_login;
mod issuers;
mod kerberos;
mod saml;
mod secrecy;
mod sites;
mod sso_session;
mod ws_trust;

/// With `SERVERS_REQUIRED` set, as where every change is checked, no test of a server may be ignored.
#[test]
fn no_server_is_missing_where_all_are_required() {
    let servers = [
        ("aspnet", cfg!(installed = "aspnet")),
        ("cxf", cfg!(installed = "cxf")),
        ("django", cfg!(installed = "django")),
        ("heimdal", cfg!(installed = "heimdal")),
        ("keycloak", cfg!(installed = "keycloak")),
        ("keycloak-issuer", cfg!(installed = "keycloak-issuer")),
        ("lemonldap", cfg!(installed = "lemonldap")),
        ("php", cfg!(installed = "php")),
        ("saml", cfg!(installed = "saml")),
        ("samba", cfg!(installed = "samba")),
        ("tomcat", cfg!(installed = "tomcat")),
    ];
    let missing: Vec<_> = servers.iter().filter(|(_, installed)| !installed).map(|(name, _)| name).collect();
    let required = std::env::var_os("SERVERS_REQUIRED").is_some();
    assert!(!required || missing.is_empty(), "run tests/servers/install as root; not installed: {missing:?}");
}
