//! Who checks the passwords of people who have none here.

use super::{accepted, changed, problems, told};

const FIRST: &str = "issuer: https://auth.example.com\n";
const EXPIRES: &str = "    expires: { cookie_max_age: true }\n";
const FIELD: &str = "accounts.directory";
const HOOK: &str = "accounts.directory.validate_user_pass";

fn with(directory: &str) -> String {
    format!("{FIRST}accounts: {{ directory: {directory} }}\n")
}

fn hook(fields: &str) -> String {
    with(&format!("{{ validate_user_pass: {{ {fields} }} }}"))
}

const URL: &str = "url: 'https://people.example.com/hook', secret: people-hook";
const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:people";

#[test]
fn a_directory_is_a_connector_or_a_hook() {
    let both = format!("{{ connector: orders-login, validate_user_pass: {{ {URL} }} }}");
    told(&[
        (FIRST, &with("{}"), 2, FIELD, "write `connector` or `validate_user_pass`"),
        (FIRST, &with(&both), 2, HOOK, "keep this or `connector`"),
        (FIRST, &with("{ connector: other }"), 2, "accounts.directory.connector", "no connector `other`"),
        (FIRST, &with("{ connector: orders-login }"), 2, "accounts.directory.connector", "write `password: theirs`"),
        (
            FIRST,
            &with("{ connector: orders-login, domain: 'a b' }"),
            2,
            "accounts.directory.domain",
            "such as example.com",
        ),
        (FIRST, &with("{ url: x }"), 2, "accounts.directory.url", "unknown field"),
    ]);
    let theirs = changed(EXPIRES, &format!("{EXPIRES}    password: theirs\n"));
    let text = theirs.replace(FIRST, &with("{ connector: orders-login, domain: Example.com }"));
    assert!(gateway_config::Gateway::parse(&text).is_ok());
    let labelled = theirs.replace(FIRST, &with("{ connector: orders-login, label: People }"));
    let found = problems(&labelled);
    assert!(found.len() == 1 && found[0].field == "accounts.directory.label", "{found:#?}");
    let ticket =
        "type: kerberos_password, realm: A.EXAMPLE, kdcs: [kdc.a.example], service: HTTP/a.example, password: theirs";
    let kerberos = changed(FIRST, &with("{ connector: tickets }"));
    let kerberos = kerberos.replace("connectors:\n", &format!("connectors:\n  tickets: {{ {ticket} }}\n"));
    assert!(
        problems(&kerberos).iter().any(|one| one.reason.contains("cannot tell a KDC")),
        "{:#?}",
        problems(&kerberos)
    );
    let separate = text.replace("password: theirs", "password: separate");
    assert!(problems(&separate).iter().any(|one| one.reason.contains("write `password: theirs`")));
}

#[test]
fn a_hook_is_signed_bounded_in_time_and_does_not_send_passwords_in_the_clear() {
    let too_long = format!("{URL}, timeout: 11s");
    let plain = URL.replace("https", "http");
    told(&[
        (FIRST, &hook("timeout: 2s"), 2, HOOK, "write `url` or `function`"),
        (FIRST, &hook("url: 'https://people.example.com/hook'"), 2, HOOK, "write `secret`"),
        (FIRST, &hook(&plain), 2, "accounts.directory.validate_user_pass.url", "unencrypted"),
        (
            FIRST,
            &hook(&format!("{URL}, function: people")),
            2,
            "accounts.directory.validate_user_pass.function",
            "keep this or `url`",
        ),
        (FIRST, &hook("function: 'a b'"), 2, "accounts.directory.validate_user_pass.function", "write its name or ARN"),
        (
            FIRST,
            &hook("function: people, secret: key"),
            2,
            "accounts.directory.validate_user_pass.secret",
            "IAM guards",
        ),
        (FIRST, &hook(&too_long), 2, "accounts.directory.validate_user_pass.timeout", "write 1s to 10s"),
    ]);
    accepted(&[
        (FIRST, &hook(URL)),
        (FIRST, &hook(&format!("{URL}, timeout: 10s, tls: {{ ca: people-ca }}"))),
        (FIRST, &hook(&format!("{plain}, allow_plain_http: true"))),
        (FIRST, &hook("url: 'http://127.0.0.1:8080/hook', secret: key")),
        (FIRST, &hook(&format!("function: '{ARN}'"))),
    ]);
}

#[test]
fn nobody_signs_up_where_a_directory_has_the_people() {
    let text = changed(FIRST, &hook(URL)).replace("accounts: { ", "accounts: { sign_up: true, ");
    let found = problems(&text);
    assert!(found.len() == 1 && found[0].field == "accounts.sign_up", "{found:#?}");
}
