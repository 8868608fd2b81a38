//! Completions, manual pages and the variables in the help.

use tokio::process::Command;

use crate::operator::{PROGRAM, run};

/// What bash proposes for the last of these words, with the script that the program prints.
async fn proposed(words: &[&str]) -> String {
    let line = words.join(" ");
    let quoted = format!("'{}'", words.join("' '"));
    let last = words.len() - 1;
    let script = format!(
        "source <({PROGRAM} completions bash)\nCOMP_WORDS=({quoted})\nCOMP_CWORD={last}\nCOMP_LINE={line:?}\n\
         function=$(complete -p gateway-admin | sed 's/.* -F \\([^ ]*\\).*/\\1/')\n\
         \"$function\" gateway-admin '{}' '{}'\nprintf '%s ' \"${{COMPREPLY[@]}}\"",
        words[last],
        words[last - 1],
    );
    let output = Command::new("bash").args(["-c", &script]).output().await.expect("bash");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn bash_completes_commands_options_and_values() {
    assert_eq!(proposed(&["gateway-admin", "use"]).await.trim(), "users");
    assert_eq!(proposed(&["gateway-admin", "users", "imp"]).await.trim(), "import");
    assert_eq!(proposed(&["gateway-admin", "apps", "create", "--ki"]).await.trim(), "--kind");
    assert_eq!(proposed(&["gateway-admin", "apps", "create", "--kind", "pub"]).await.trim(), "public");
}

#[tokio::test]
async fn every_shell_gets_its_script_without_a_gateway() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(&["completions", shell], "", |command| command).await;
        assert!(script.text().contains("rotate-secret"), "{shell}");
    }
}

#[tokio::test]
async fn every_command_has_a_manual_page() {
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    run(&["man", pages.to_str().unwrap()], "", |command| command).await.text();
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap_or_else(|_| panic!("no page {name}"));
    let main = page("gateway-admin.1");
    for text in ["GATEWAY_STACK", "USERS_TABLE", "Exit codes", "not found", "unavailable", "gateway\\-admin\\-users(1)"]
    {
        assert!(main.contains(text), "{text} is not in {main}");
    }
    assert!(page("gateway-admin-apps-rotate-secret.1").contains("overlap"));
    assert!(page("gateway-admin-users-import.1").contains("jsonl"));
    let nowhere = run(&["man", "/proc/no"], "", |command| command).await;
    assert!(nowhere.problem().contains("/proc/no cannot be written"), "{nowhere:?}");
    assert_eq!(nowhere.code, Some(1));
}

#[tokio::test]
async fn the_help_names_variables_and_shows_no_value_of_one() {
    let help = run(&["--help"], "", |command| command.env("GATEWAY_STACK", "a-stack-of-mine")).await;
    for variable in ["[env: GATEWAY_STACK]", "USERS_TABLE", "PEPPER_SECRET", "AWS_REGION"] {
        assert!(help.text().contains(variable), "{variable}");
    }
    assert!(!help.out.contains("a-stack-of-mine"));
}

#[tokio::test]
async fn local_goes_before_the_variable_that_names_a_stack() {
    for stack in ["a-stack-of-mine", ""] {
        let command = ["--local=/nowhere", "users", "list"];
        let printed = run(&command, "", |command| command.env("GATEWAY_STACK", stack)).await;
        assert!(printed.problem().contains("no local stack runs here"), "{printed:?}");
    }
    let empty = run(&["users", "list"], "", |command| command.env("GATEWAY_STACK", "")).await;
    assert!(empty.problem().contains("which gateway?"), "{empty:?}");
}
