//! Hooks that have a say in tokens.

use super::{accepted, told};

const FIRST: &str = "issuer: https://auth.example.com\n";
const URL: &str = "url: 'https://company.example/hook', secret: company-hook";

fn with(hooks: &str) -> String {
    format!("{FIRST}hooks: {hooks}\n")
}

#[test]
fn a_hook_says_whom_it_asks_and_what_happens_while_it_does_not_answer() {
    let refresh = |fields: &str| with(&format!("{{ allow_refresh: {{ {fields} }} }}"));
    told(&[
        (FIRST, &refresh(URL), 2, "hooks.allow_refresh", "Write `when_down: refuse`, or `allow`"),
        (FIRST, &refresh("when_down: allow"), 2, "hooks.allow_refresh", "write `url` or `function`"),
        (FIRST, &refresh(&format!("{URL}, when_down: perhaps")), 2, "hooks.allow_refresh.when_down", "allow, refuse"),
        (
            FIRST,
            &refresh("url: 'http://company.example/hook', secret: a, when_down: allow"),
            2,
            "hooks.allow_refresh.url",
            "unencrypted",
        ),
        (FIRST, &with("{ validate_user_pass: {} }"), 2, "hooks.validate_user_pass", "unknown field"),
    ]);
    accepted(&[
        (FIRST, &refresh(&format!("{URL}, when_down: refuse"))),
        (FIRST, &with("{ map_scope: { function: mapper, when_down: allow }, claims: https://company.example/ }")),
    ]);
}

#[test]
fn names_of_claims_begin_with_a_url_of_the_company() {
    let prefixed = |claims: &str| with(&format!("{{ map_scope: {{ {URL}, when_down: allow }}, claims: '{claims}' }}"));
    for claims in
        ["tier", "http://company.example/", "https://company.example", "https://company.example/?a=/", "https://a/"]
    {
        told(&[(FIRST, &prefixed(claims), 2, "hooks.claims", "write an https URL of your own that ends in a slash")]);
    }
    told(&[(
        FIRST,
        &with("{ claims: https://company.example/ }"),
        2,
        "hooks.claims",
        "write `map_scope`, or remove it",
    )]);
    let directory =
        format!("{FIRST}accounts: {{ directory: {{ validate_user_pass: {{ {URL}, when_down: allow }} }} }}\n");
    let field = "accounts.directory.validate_user_pass.when_down";
    told(&[(FIRST, &directory, 2, field, "nobody else can check the password: remove it")]);
}
