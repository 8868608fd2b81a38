//! Whose password a connector logs in with.

use super::{accepted, changed, problems, told};

const EXPIRES: &str = "    expires: { cookie_max_age: true }\n";
const FIRST: &str = "issuer: https://auth.example.com\n";
const FIELD: &str = "connectors.orders-login.password";

fn with(rule: &str) -> String {
    format!("{EXPIRES}    password: {rule}\n")
}

#[test]
fn a_connector_says_whose_password_it_takes() {
    let elsewhere = with("{ whose: separate, reset_url: https://legacy.example.com/reset }");
    let plain = with("{ whose: theirs, reset_url: http://legacy.example.com/reset }");
    told(&[
        (EXPIRES, &with("mine"), 28, FIELD, "write one of ours, theirs, separate"),
        (EXPIRES, &with("{ reset_url: https://legacy.example.com/reset }"), 28, FIELD, "whose"),
        (EXPIRES, &with("{ whose: theirs, url: x }"), 28, &format!("{FIELD}.url"), "unknown field"),
        (EXPIRES, &elsewhere, 28, FIELD, "are of `whose: theirs`"),
        (EXPIRES, &plain, 28, &format!("{FIELD}.reset_url"), "write an https URL"),
    ]);
    accepted(&[(EXPIRES, &with("ours")), (EXPIRES, &with("separate")), (EXPIRES, &with("{ whose: separate }"))]);
}

#[test]
fn a_system_that_has_the_passwords_is_asked_at_login() {
    let theirs = with(
        "{ whose: theirs, reset_url: https://shop.example.com/reset, \
         change_url: https://shop.example.com/change }",
    );
    told(&[(EXPIRES, &theirs, 28, FIELD, "write `accounts.directory` with `connector: orders-login`")]);
    let directory = format!("{FIRST}accounts: {{ directory: {{ connector: orders-login }} }}\n");
    let text = changed(EXPIRES, &theirs).replace(FIRST, &directory);
    assert!(gateway_config::Gateway::parse(&text).is_ok());
    // Whoever signed up would have a password that the system does not know.
    let found = problems(&text.replace("{ directory:", "{ sign_up: true, directory:"));
    assert!(found.len() == 1 && found.iter().all(|one| one.field == "accounts.sign_up"), "{found:#?}");
}
