//! Asks each script of `tests/servers` whether its server is installed, so that tests without their server count as ignored.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SERVERS: [&str; 5] = ["django", "heimdal", "lemonldap", "saml", "samba"];

fn main() {
    let tests = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs this"));
    let scripts = tests.join("servers");
    let names = SERVERS.map(|name| format!("\"{name}\"")).join(", ");
    println!("cargo:rustc-check-cfg=cfg(installed, values({names}))");
    println!("cargo:rerun-if-changed={}", scripts.display());
    // `install` leaves a file here. The directory must be there: cargo takes what is missing for changed, every time.
    let left = tests.join("../target/servers");
    if fs::create_dir_all(&left).is_ok() {
        println!("cargo:rerun-if-changed={}", left.display());
    }
    for name in SERVERS.iter().filter(|name| is_installed(&scripts.join(name))) {
        println!("cargo:rustc-cfg=installed=\"{name}\"");
    }
}

/// Whether the script, which without arguments starts nothing, finds all it needs.
fn is_installed(script: &Path) -> bool {
    let script = Command::new(script).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    script.is_ok_and(|status| status.success())
}
