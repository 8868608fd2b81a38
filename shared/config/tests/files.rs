//! The files that ship with the gateway are right, and no file makes the reader panic.

#![expect(clippy::panic, clippy::expect_used, reason = "the helpers of tests end like tests")]

use gateway_config::{ConfigError, Gateway};
use proptest::prelude::*;
use proptest::sample::Index;
use std::path::{Path, PathBuf};

fn infra(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra").join(file)
}

fn text(file: &str) -> String {
    let path = infra(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn as_json(yaml: &str) -> serde_json::Value {
    serde_saphyr::from_str(yaml).expect("YAML")
}

#[test]
fn the_sample_and_the_demo_are_accepted() {
    // The scope of the demo that opens no route is the gateway's own.
    for (file, own) in [("config/gateway.yaml", None), ("local/demo.yaml", Some("account"))] {
        let gateway = Gateway::load(&infra(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let scopes = ["orders:read", "orders:write"].into_iter().chain(own).collect();
        assert_eq!(gateway.scopes(), scopes, "{file}");
    }
}

#[test]
fn the_schema_for_editors_is_that_of_the_types() {
    let checked_in: serde_json::Value = serde_json::from_str(&text("config/gateway.schema.json")).expect("JSON");
    assert!(
        checked_in == gateway_config::schema(),
        "infra/config/gateway.schema.json differs from the types; regenerate it from the root of the project with\n  \
         cargo run -p gateway-config --example schema > infra/config/gateway.schema.json"
    );
}

#[test]
fn the_schema_accepts_the_files_and_refuses_slips() {
    let schema = gateway_config::schema();
    let validator = jsonschema::validator_for(&schema).expect("a JSON Schema");
    for (file, first_line) in [
        ("config/gateway.yaml", "# yaml-language-server: $schema=gateway.schema.json"),
        ("local/demo.yaml", "# yaml-language-server: $schema=../config/gateway.schema.json"),
    ] {
        let text = text(file);
        assert_eq!(text.lines().next(), Some(first_line));
        let errors: Vec<_> = validator.iter_errors(&as_json(&text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{file}: {errors:?}");
    }
    let demo = text("local/demo.yaml");
    for (right, wrong) in [
        ("plans:", "plan:"),
        ("window: 1m", "window: 1 minute"),
        ("calls: 60", "calls: 0"),
        ("type: http_login", "type: ldap"),
        ("cookie_max_age: true", "cookie_max_age: false"),
        ("cookie_max_age: true", "json_pointer: /e"),
        ("extract: { cookie: LEGACYSESSID }", "extract: { cookies: LEGACYSESSID }"),
        ("inject: { cookie: LEGACYSESSID }", "inject: { header: X-Session }"),
        (
            "connector: orders-login\n    offer: { about: The orders",
            "connector: Orders\n    offer: { about: The orders",
        ),
        ("path: /orders/{id}", "path: orders/{id}"),
        ("GET: [orders:read], POST", "GET: orders:read, POST"),
        ("POST: [orders:write] }", "TRACE: [orders:write] }"),
    ] {
        assert_eq!(demo.matches(right).count(), 1, "{right}");
        let wrong_text = demo.replace(right, wrong);
        assert!(!validator.is_valid(&as_json(&wrong_text)), "the schema accepts {wrong}");
        assert!(Gateway::parse(&wrong_text).is_err(), "the gateway accepts {wrong}");
    }
}

/// What a page leaves out is added: plans, and an API for each connector that none is named with, or one without a connector.
#[test]
fn the_examples_of_the_pages_are_accepted() {
    let mut examples = 0;
    for page in ["../README.md", "../docs/connectors.md", "../docs/migrate.md", "../docs/services.md"] {
        let text = text(page);
        for example in text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("\n```").next()) {
            let mut whole = format!("{example}\n");
            let file = as_json(example);
            if file["plans"].is_null() {
                whole.push_str("plans: { standard: { calls: 60, window: 1m } }\n");
            }
            if file["apis"].is_null() && file["connectors"].is_null() {
                let routes = "[{ path: /example, methods: { GET: [read] } }]";
                whole = format!(
                    "{whole}apis: {{ example: {{ back_end: 'https://back-end.example.com', routes: {routes} }} }}\n"
                );
            } else if file["apis"].is_null() {
                whole.push_str("apis:\n");
                for name in file["connectors"].as_object().into_iter().flatten().map(|(name, _)| name) {
                    let routes = format!("[{{ path: /{name}, methods: {{ GET: [read] }} }}]");
                    let api = format!("back_end: https://back-end.example.com, connector: {name}, routes: {routes}");
                    whole = format!("{whole}  {name}: {{ {api} }}\n");
                }
            }
            Gateway::parse(&whole).unwrap_or_else(|error| panic!("{page}: {error} in\n{whole}"));
            examples += 1;
        }
    }
    assert!(examples >= 9, "{examples}");
}

#[test]
fn every_field_is_in_the_reference() {
    fn fields(schema: &serde_json::Value, found: &mut std::collections::BTreeSet<String>) {
        for (key, value) in schema.as_object().into_iter().flatten() {
            if key == "properties" {
                found.extend(value.as_object().into_iter().flatten().map(|(name, _)| name.clone()));
            }
            fields(value, found);
        }
        schema.as_array().into_iter().flatten().for_each(|value| fields(value, found));
    }
    let mut found = std::collections::BTreeSet::new();
    fields(&gateway_config::schema(), &mut found);
    let reference = text("../docs/configuration.md");
    let words: std::collections::BTreeSet<_> = reference.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let missing: Vec<_> = found.iter().filter(|field| !words.contains(field.as_str())).collect();
    assert!(found.len() > 30 && missing.is_empty(), "docs/configuration.md lacks {missing:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let missing = Gateway::load(Path::new("/nowhere/gateway.yaml")).unwrap_err();
    assert!(matches!(missing, ConfigError::Unreadable { .. }));
    assert!(missing.to_string().contains("/nowhere/gateway.yaml"), "{missing}");
    assert!(matches!(Gateway::load(&infra("config")), Err(ConfigError::Unreadable { .. })), "a directory is no file");
}

#[test]
fn a_file_that_is_not_utf_8_is_told_where() {
    let latin_1 = [b"scopes:\n  orders:read: Acc".as_slice(), b"\xe8s\n"].concat();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("latin-1.yaml");
    std::fs::write(&path, latin_1).expect("a temporary file");
    let error = Gateway::load(&path).unwrap_err().to_string();
    assert!(error.contains("line 2, column 19: scopes.orders:read: not UTF-8: save the file as UTF-8"), "{error}");
}

#[test]
fn a_text_that_is_too_long_is_refused_and_one_that_just_fits_is_not() {
    let demo = text("local/demo.yaml");
    let padded = |length: usize| format!("{demo}#{}", "x".repeat(length - demo.len() - 1));
    assert!(Gateway::parse(&padded(256 * 1024)).is_ok());
    let error = Gateway::parse(&padded(256 * 1024 + 1)).unwrap_err();
    assert!(matches!(error, ConfigError::TooLarge { length: 262_145, limit: 262_144 }), "{error}");
}

#[test]
fn aliases_are_expanded_within_bounds() {
    let bomb: String = (1..12).fold("plans:\n  a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let all = format!("*a{}, ", level - 1).repeat(8);
        format!("{text}  a{level}: &a{level} [{all}]\n")
    });
    assert!(Gateway::parse(&bomb).is_err());
    let deep = "[".repeat(100_000);
    assert!(Gateway::parse(&deep).is_err());
    let demo = text("local/demo.yaml");
    let shared = demo.replacen("methods: { GET: [orders:read] }", "methods: &read { GET: [orders:read] }", 1);
    assert!(Gateway::parse(&shared).is_ok());
}

/// Printed rather than asserted: how long reading takes, in this build, on this machine.
#[test]
fn the_time_that_reading_takes_is_printed() {
    let demo = text("local/demo.yaml");
    let route = |n: u32| format!("      - path: /many/{n}/{{id}}\n        methods: {{ GET: [orders:read] }}\n");
    let many = (0..300).map(route).collect::<Vec<_>>().concat();
    let large = demo.replace("  # Answers with", &format!("{many}\n  # Answers with"));
    for (what, text) in [("the demo", &demo), ("303 routes", &large)] {
        #[expect(clippy::disallowed_methods, reason = "measures, decides nothing")]
        let start = std::time::Instant::now();
        Gateway::parse(text).expect("accepted");
        println!("{what}: {} bytes read in {:?}", text.len(), start.elapsed());
    }
}

/// One change to a text: at a place, so many characters are replaced by others.
fn mutated() -> impl Strategy<Value = String> {
    let samples = prop_oneof![Just("config/gateway.yaml"), Just("local/demo.yaml")];
    let pieces = prop_oneof![
        "[ -~\n\t]{0,6}",
        any::<String>(),
        prop_oneof![
            Just("*x"),
            Just("&x "),
            Just("- "),
            Just(": "),
            Just("{"),
            Just("]"),
            Just("---\n"),
            Just("!!str "),
            Just("? ")
        ]
        .prop_map(str::to_owned),
    ];
    let edits = prop::collection::vec((any::<Index>(), 0..40_usize, pieces), 1..5);
    (samples, edits).prop_map(|(file, edits)| {
        edits.into_iter().fold(text(file), |text, (at, length, piece)| {
            let start = at.index(text.chars().count() + 1);
            let before: String = text.chars().take(start).collect();
            let after: String = text.chars().skip(start + length).collect();
            before + &piece + &after
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_file_is_accepted_or_explained(text in mutated()) {
        if let Err(error) = Gateway::parse(&text) {
            let ConfigError::Invalid(problems) = error else { panic!("{error}") };
            prop_assert!(!problems.is_empty());
            let lines = u64::try_from(text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count()).unwrap();
            for problem in problems {
                prop_assert!(problem.line >= 1 && problem.line <= lines + 1, "{} of {}", problem, lines);
                prop_assert!(problem.column >= 1 && !problem.reason.is_empty());
            }
        }
    }

    #[test]
    fn any_text_is_accepted_or_explained(text in any::<String>()) {
        let _ = Gateway::parse(&text);
    }
}
