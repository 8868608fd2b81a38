//! What is here of what some tests need, so that tests without it count as ignored: each script of `tests/servers` tells
//! whether its server is installed, a browser its version, `tests/browser/install` leaves what drives one, and `GATEWAY_URL`
//! tells where a gateway is deployed.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const SERVERS: [&str; 11] = [
    "aspnet",
    "cxf",
    "django",
    "heimdal",
    "keycloak",
    "keycloak-issuer",
    "lemonldap",
    "php",
    "saml",
    "samba",
    "tomcat",
];
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

fn main() {
    let tests = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs this"));
    let scripts = tests.join("servers");
    let names = SERVERS.map(|name| format!("\"{name}\"")).join(", ");
    println!("cargo:rustc-check-cfg=cfg(installed, values({names}, \"browser\", \"browser-driver\"))");
    println!("cargo:rustc-check-cfg=cfg(deployed)");
    println!("cargo:rerun-if-env-changed=GATEWAY_URL");
    println!("cargo:rerun-if-env-changed=PATH");
    println!("cargo:rerun-if-changed={}", scripts.display());
    // `install` leaves a file here. The directory must be there: cargo takes what is missing for changed, every time.
    let left = tests.join("../target/servers");
    if fs::create_dir_all(&left).is_ok() {
        println!("cargo:rerun-if-changed={}", left.display());
    }
    // Without arguments a script starts nothing, and says whether it finds all it needs.
    for name in SERVERS.iter().filter(|name| succeeds(&mut Command::new(scripts.join(name)))) {
        println!("cargo:rustc-cfg=installed=\"{name}\"");
    }
    // The directory must be there, as above.
    let driver = tests.join("../target/tools/browser");
    if fs::create_dir_all(&driver).is_ok() {
        println!("cargo:rerun-if-changed={}", driver.display());
    }
    let drives = driver.join("installed").exists() && succeeds(Command::new("node").arg("--version"));
    if let Some(browser) = BROWSERS.iter().find(|name| succeeds(Command::new(name).arg("--version"))) {
        println!("cargo:rustc-cfg=installed=\"browser\"");
        println!("cargo:rustc-env=BROWSER_OF_TESTS={browser}");
        if drives {
            println!("cargo:rustc-cfg=installed=\"browser-driver\"");
        }
    }
    if std::env::var_os("GATEWAY_URL").is_some() {
        println!("cargo:rustc-cfg=deployed");
    }
}

fn succeeds(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    command.is_ok_and(|status| status.success())
}
