//! A function that is started where no Lambda is: by hand, or with a Runtime API that has gone.

use support::binaries;
use tokio::process::Command;

#[tokio::test]
async fn a_function_outside_lambda_says_so_in_words() {
    let lambda = [
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1"),
    ];
    let without = |name: &'static str| lambda.into_iter().filter(move |(each, _)| *each != name).collect::<Vec<_>>();
    let mut cases: Vec<_> =
        lambda.iter().map(|(name, _)| (without(name), format!("variable {name} is not set"))).collect();
    let mut wrong = lambda;
    wrong[2].1 = "much";
    cases.push((wrong.to_vec(), "AWS_LAMBDA_FUNCTION_MEMORY_SIZE is not usable: invalid digit".to_owned()));
    cases.push((lambda.to_vec(), "Connection refused".to_owned()));
    for (name, path) in binaries().await {
        for (variables, reason) in &cases {
            let output =
                Command::new(path).env_clear().envs(variables.iter().copied()).output().await.expect("it runs");
            let printed = [output.stdout, output.stderr].concat();
            let printed = String::from_utf8_lossy(&printed);
            assert_eq!(output.status.code(), Some(1), "{name} {printed}");
            assert!(printed.contains(reason.as_str()), "{name}: no {reason} in {printed}");
            for debug in ["Error(", "Error {", "NotPresent", "Os {", "panicked", "a panic"] {
                assert!(!printed.contains(debug), "{name}: {debug} in {printed}");
            }
        }
    }
}
