//! Mistakes in `events`, and in the hook that is told of new users.

use super::{accepted, told};

const FIRST: &str = "issuer: https://auth.example.com\n";

fn with(events: &str) -> String {
    format!("{FIRST}events: {events}\n")
}

#[test]
fn a_destination_says_who_is_told_and_of_what() {
    let one = |fields: &str| with(&format!("{{ crm: {{ {fields} }} }}"));
    told(&[
        (FIRST, &one(""), 2, "events.crm", "write `url` or `event_bus`"),
        (FIRST, &one("url: 'https://crm.example/e'"), 2, "events.crm", "write `secret`"),
        (FIRST, &one("url: 'http://crm.example/e', secret: a"), 2, "events.crm.url", "write https"),
        (
            FIRST,
            &one("event_bus: default, url: 'https://crm.example/e', secret: a"),
            2,
            "events.crm.event_bus",
            "one alone",
        ),
        (FIRST, &one("event_bus: default, secret: a"), 2, "events.crm.secret", "Remove it"),
        (FIRST, &one("event_bus: 'a b'"), 2, "events.crm.event_bus", "write its name"),
        (FIRST, &one("event_bus: default, types: []"), 2, "events.crm.types", "is told of nothing"),
        (FIRST, &one("event_bus: default, types: [user.creatd]"), 2, "events.crm.types[0]", "user.created"),
        (FIRST, &one("event_bus: default, timeout: 11s"), 2, "events.crm.timeout", "write 1s to 10s"),
        (FIRST, &one("event_bus: default, tls: {}"), 2, "events.crm.tls", "unknown field"),
        (FIRST, &with("{ registered: { event_bus: default } }"), 2, "events.registered", "is the name of a hook"),
        (FIRST, &with("{ apps: { event_bus: default } }"), 2, "events.apps", "is the name of the webhooks"),
        (FIRST, &with("{ A: { event_bus: default } }"), 2, "events.A", "1 to 32 characters"),
    ]);
    let many: Vec<_> = (0..9).map(|number| format!("d{number}: {{ event_bus: default }}")).collect();
    told(&[(FIRST, &with(&format!("{{ {} }}", many.join(", "))), 2, "events", "at most 8")]);
    accepted(&[
        (FIRST, &one("url: 'https://crm.example/e', secret: a, types: [user.created, session.ended]")),
        (FIRST, &one("url: 'http://127.0.0.1:9/e', secret: a, timeout: 1s")),
        (FIRST, &one("event_bus: 'arn:aws:events:eu-central-1:123456789012:event-bus/company'")),
    ]);
}

#[test]
fn nothing_waits_for_the_hook_of_new_users() {
    let hook = |fields: &str| format!("{FIRST}hooks: {{ registered: {{ {fields} }} }}\n");
    told(&[(FIRST, &hook("function: people, when_down: allow"), 2, "hooks.registered.when_down", "remove it")]);
    accepted(&[(FIRST, &hook("function: people"))]);
}
