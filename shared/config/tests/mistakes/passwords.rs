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
    let theirs = with(
        "{ whose: theirs, reset_url: https://shop.example.com/reset, \
         change_url: https://shop.example.com/change }",
    );
    accepted(&[
        (EXPIRES, &with("ours")),
        (EXPIRES, &with("separate")),
        (EXPIRES, &with("{ whose: separate }")),
        (EXPIRES, &theirs),
    ]);
}

#[test]
fn nobody_signs_up_who_could_not_log_in_afterwards() {
    let sign_up = format!("{FIRST}accounts: {{ sign_up: true }}\n");
    let text = changed(EXPIRES, &with("theirs")).replace(FIRST, &sign_up);
    let found = problems(&text);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found.iter().all(|one| one.field == "accounts.sign_up" && one.reason.contains("password: theirs")));
    let optional = text.replace("    connector: orders-login\n", "    connector: orders-login\n    optional: true\n");
    assert!(gateway_config::Gateway::parse(&optional).is_ok());
    assert!(gateway_config::Gateway::parse(&text.replace("password: theirs", "password: separate")).is_ok());
}
