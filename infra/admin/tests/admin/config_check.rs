//! `config check`: the same verdict and the same words as the functions have, without any gateway.

use std::path::Path;

use crate::operator::{Printed, run};

async fn check(file: &Path, more: &[&str]) -> Printed {
    let file = &*file.to_string_lossy();
    // Nothing of AWS is asked: there is neither a target nor a tool.
    run(&[&["config", "check", file], more].concat(), "", |command| command.env("PATH", "/nowhere")).await
}

#[tokio::test]
async fn a_good_file_is_good_and_a_wrong_one_is_told_with_line_and_field() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.yaml");
    let good = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../config/gateway.yaml"));
    std::fs::write(&file, good).unwrap();
    assert!(check(&file, &[]).await.text().contains("is good"));
    assert_eq!(check(&file, &["-o", "json"]).await.json()["good"], true);
    let named = ["--config", file.to_str().expect("UTF-8"), "config", "check"];
    assert!(run(&named, "", |command| command).await.text().contains("is good"));

    let wrong = [
        (good.replacen("plans:", "plan:", 1).into_bytes(), "unknown field"),
        (good.replacen("calls: ", "calls: -", 1).into_bytes(), "not negative"),
        (Vec::new(), "the configuration is empty"),
        (b"\xff".to_vec(), "not UTF-8"),
        (format!("{good}{}", "#".repeat(256 * 1024)).into_bytes(), "more than the 262144 allowed"),
    ];
    for (text, says) in wrong {
        std::fs::write(&file, &text).unwrap();
        let refused = check(&file, &[]).await;
        assert!(refused.problem().contains(says) && refused.err.contains("gateway.yaml"), "{says}: {refused:?}");
        let by_function = gateway_config::Gateway::load(&file).unwrap_err().to_string();
        assert!(refused.err.contains(by_function.lines().next().unwrap()), "{refused:?}");
    }
    let absent = check(&directory.path().join("other.yaml"), &[]).await;
    assert_eq!(absent.problem().matches("other.yaml").count(), 1, "{absent:?}");
}
