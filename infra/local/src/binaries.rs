//! Finds the function binaries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::template::{Inputs, Template};

/// The workspace that this crate was built from.
pub const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Why there are no function binaries.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// This program does not know where it is.
    #[error("this program does not know where it is: {0}")]
    Nowhere(#[from] std::io::Error),
    /// The template, which names the functions, cannot be read.
    #[error("template.yaml cannot be read: {0}")]
    Template(String),
    /// The binary of a function is not where it should be.
    #[error("{} is not there: start the local stack with `cargo run`", .0.display())]
    Missing(PathBuf),
}

/// The names of the functions of `template.yaml`. Each is a binary `NAME` of the package `gateway-NAME`.
pub fn functions() -> Result<Vec<String>, BuildError> {
    let text = std::fs::read_to_string(Path::new(WORKSPACE).join("template.yaml"));
    let text = text.map_err(|error| BuildError::Template(error.to_string()))?;
    let template =
        Template::read(&text, &Inputs::default()).map_err(|error| BuildError::Template(error.to_string()))?;
    Ok(template.functions.into_iter().map(|function| function.binary).collect())
}

/// The function binaries in the directory of this program, where `cargo run` puts them.
pub fn beside() -> Result<BTreeMap<String, PathBuf>, BuildError> {
    let program = std::env::current_exe()?;
    inside(program.parent().unwrap_or(Path::new(".")))
}

/// The function binaries in a directory, by name.
pub fn inside(directory: &Path) -> Result<BTreeMap<String, PathBuf>, BuildError> {
    let mut binaries = BTreeMap::new();
    for name in functions()? {
        let path = directory.join(&name).with_extension(std::env::consts::EXE_EXTENSION);
        if !path.is_file() {
            return Err(BuildError::Missing(path));
        }
        binaries.insert(name, path);
    }
    Ok(binaries)
}
