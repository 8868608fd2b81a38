//! What `cargo run` builds: `src/lib.rs` names this test to cargo, so that it is the one that needs nothing but what it tests.

use std::path::Path;

#[test]
fn every_function_is_the_package_of_a_binary() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let functions = gateway_start::functions().unwrap();
    assert!(!functions.is_empty());
    for name in functions {
        let manifest = workspace.join("functions").join(&name).join("Cargo.toml");
        let manifest =
            std::fs::read_to_string(&manifest).unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
        assert!(manifest.contains(&format!("name = \"gateway-{name}\"")), "{manifest}");
        assert!(manifest.contains(&format!("[[bin]]\nname = \"{name}\"")), "{manifest}");
    }
}
