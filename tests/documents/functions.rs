//! Which functions there are is said by `template.yaml`. Who cannot read it, or not as a template, agrees with it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::repository::{root, text};

type Names = BTreeSet<String>;

/// The binaries of the functions in the template.
fn functions() -> Names {
    gateway_local::binaries::functions().unwrap().into_iter().collect()
}

/// That a list has each function and nothing else.
fn compare(list: &str, names: &Names) {
    let functions = functions();
    assert!(!functions.is_empty());
    let missing: Vec<_> = functions.difference(names).collect();
    assert!(missing.is_empty(), "{list} lacks {missing:?} of template.yaml");
    let unknown: Vec<_> = names.difference(&functions).collect();
    assert!(unknown.is_empty(), "{list} has {unknown:?}, which is no function of template.yaml");
}

/// Otherwise `sam build` compiles what they share once more for each function that is missing there.
#[test]
fn the_first_build_of_sam_builds_every_function() {
    let manifest = text(Path::new("Cargo.toml"));
    let section = manifest.split("[workspace.metadata.lambda.build]").nth(1).expect("the section");
    let list = section.split(['[', ']']).nth(1).expect("a list");
    let names =
        list.split(',').map(|name| name.trim().trim_matches('"').trim_start_matches("gateway-").to_owned()).collect();
    compare("Cargo.toml", &names);
}

#[test]
fn every_package_of_a_function_is_deployed() {
    let directories = std::fs::read_dir(root().join("functions")).unwrap();
    let names = directories.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    compare("functions/", &names);
}

#[test]
fn cargo_run_builds_every_function() {
    compare("what infra/start reads of template.yaml", &gateway_start::functions().unwrap().into_iter().collect());
}
