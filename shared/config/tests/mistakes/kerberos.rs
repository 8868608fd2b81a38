//! Kerberos.

use super::{GOOD, accepted, told};

/// What stands in its place.
fn with(kerberos: &str) -> &'static str {
    Box::leak(kerberos.to_owned().into_boxed_str())
}

/// The one connector of the text.
fn http_login() -> &'static str {
    let connectors = GOOD.split("  orders-login:\n").nth(1).expect("a connector");
    connectors.split("apis:\n").next().expect("the connector alone")
}

const S4U: &str = "    type: kerberos_s4u
    realm: AD.EXAMPLE.COM
    kdcs: [dc1.ad.example.com, \"10.0.0.1:8888\", \"[fd00::1]:88\"]
    service: HTTP/orders.example.com
    account: svc-gateway
    secret: gateway-account
    lifetime: 1h
    timeout: 5s
";

const PASSWORD: &str = "    type: kerberos_password
    realm: AD.EXAMPLE.COM
    kdcs: [dc1.ad.example.com]
    service: HTTP/orders.example.com
";

#[test]
fn both_kinds_are_accepted_with_what_may_be_left_out() {
    accepted(&[
        (http_login(), S4U),
        (http_login(), PASSWORD),
        (http_login(), with(&S4U.replace("    lifetime: 1h\n    timeout: 5s\n", ""))),
        (http_login(), with(&S4U.replace("svc-gateway", "gateway/gw.example.com"))),
        (http_login(), with(&S4U.replace("svc-gateway", "GATEWAY$"))),
        (http_login(), with(&S4U.replace("gateway-account", "arn:aws:secretsmanager:eu-central-1:1:secret:gw-a1B2c3"))),
    ]);
}

#[test]
fn names_addresses_and_lengths_are_sound() {
    let field = |name: &str| with(&format!("connectors.orders-login.{name}"));
    for (from, to, line, name, says) in [
        ("realm: AD.EXAMPLE.COM", "realm: \"AD EXAMPLE\"", 19, "realm", "not the name of a realm"),
        (
            "realm: AD.EXAMPLE.COM\n",
            "realm: AD.EXAMPLE.COM\n    krb5_conf: /etc/krb5.conf\n",
            20,
            "krb5_conf",
            "write one of realm",
        ),
        ("[dc1.ad.example.com, \"10.0.0.1:8888\", \"[fd00::1]:88\"]", "[]", 20, "kdcs", "write 1 to 4 KDCs"),
        ("dc1.ad.example.com,", "a, b, c,", 20, "kdcs", "write 1 to 4 KDCs"),
        ("dc1.ad.example.com,", "tcp/dc1,", 20, "kdcs[0]", "write host or host:port"),
        ("dc1.ad.example.com,", "\"dc1:0\",", 20, "kdcs[0]", "write host or host:port"),
        ("HTTP/orders.example.com", "orders", 21, "service", "write such as HTTP/orders.example.com"),
        ("HTTP/orders.example.com", "HTTP/a@AD.EXAMPLE.COM", 21, "service", "without the realm"),
        ("account: svc-gateway", "account: svc-gateway@AD.EXAMPLE.COM", 22, "account", "without the realm"),
        ("secret: gateway-account", "secret: \"pass word\"", 23, "secret", "not the name or ARN of a secret"),
        ("lifetime: 1h", "lifetime: 59s", 24, "lifetime", "write 1m to 1d"),
        ("lifetime: 1h", "lifetime: 25h", 24, "lifetime", "write 1m to 1d"),
        ("timeout: 5s", "timeout: 26s", 25, "timeout", "write 1s to 25s"),
    ] {
        assert_eq!(S4U.matches(from).count(), 1, "{from}");
        told(&[(http_login(), with(&S4U.replace(from, to)), line, field(name), says)]);
    }
    told(&[
        (
            http_login(),
            with(&S4U.replace("    secret: gateway-account\n", "")),
            17,
            "connectors.orders-login",
            "`secret` is missing: add it",
        ),
        (
            http_login(),
            with(&format!("{PASSWORD}    secret: gateway-account\n")),
            22,
            field("secret"),
            "write one of realm",
        ),
    ]);
}
