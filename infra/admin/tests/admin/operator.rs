//! An operator at a terminal: runs the program and reads what it prints.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value as Json;
use support::Gateway;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway-admin");

/// What the program printed.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) good: bool,
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Printed {
    /// The JSON of a command that worked.
    pub(crate) fn json(&self) -> Json {
        assert!(self.good, "{}", self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The text of a command that worked.
    pub(crate) fn text(&self) -> &str {
        assert!(self.good, "{}", self.err);
        &self.out
    }

    /// The problem of a command that failed; it prints no result.
    pub(crate) fn problem(&self) -> &str {
        assert!(!self.good, "it worked: {}", self.out);
        assert!(self.err.contains("error:"), "{}", self.err);
        for sign in [" { ", "Some(", "Error(", "source: "] {
            assert!(!self.err.contains(sign), "a value of Rust is no message: {}", self.err);
        }
        &self.err
    }
}

/// Somebody who operates one local stack.
pub(crate) struct Operator {
    directory: PathBuf,
}

impl Operator {
    pub(crate) fn of(gateway: &Gateway) -> Self {
        Self { directory: gateway.stack.data_directory() }
    }

    /// Runs a command with JSON output.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Json {
        self.run(&[arguments, &["-o", "json"]].concat(), "").await.json()
    }

    /// Runs a command without input.
    pub(crate) async fn does(&self, arguments: &[&str]) -> Printed {
        self.run(arguments, "").await
    }

    /// Runs a command with this on its standard input.
    pub(crate) async fn run(&self, arguments: &[&str], input: &str) -> Printed {
        let local = format!("--local={}", self.directory.display());
        run(&[&[local.as_str()], arguments].concat(), input, |command| command.env("USER", "olga")).await
    }
}

/// Runs the program anywhere.
pub(crate) async fn run(arguments: &[&str], input: &str, with: impl FnOnce(&mut Command) -> &mut Command) -> Printed {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(Path::new("/")).stdin(Stdio::piped());
    command.env_clear().stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    with(&mut command);
    let mut child = command.spawn().expect("the program");
    let mut stdin = child.stdin.take().expect("its input");
    // A program that ends without reading closes the pipe.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await.expect("its end");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Printed {
        good: output.status.success(),
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// A password that may be set.
pub(crate) const PASSWORD: &str = "wobbly lantern cactus tuesday";
/// Another one.
pub(crate) const OTHER: &str = "velvet harbour thirteen mangoes";
