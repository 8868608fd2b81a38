//! Writes every page into a directory, for pictures and for checks with a browser:
//! `cargo run -p gateway-web --example pages -- DIRECTORY`.

#[path = "../../../tests/browser/samples.rs"]
mod samples;

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).map(PathBuf::from).ok_or("write the directory")?;
    samples::write(&directory)
}
