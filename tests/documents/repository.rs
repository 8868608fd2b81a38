//! The files of this repository, without what is built.

use std::path::{Path, PathBuf};

/// Where the repository is.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository").canonicalize().unwrap()
}

/// Every file with this ending, by its path from the root, in order.
pub(crate) fn files(ending: &str) -> Vec<PathBuf> {
    let root = root();
    let mut found = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let name = entry.file_name();
            let ours = !name.to_string_lossy().starts_with('.') && name != "target" && name != "node_modules";
            if kind.is_dir() && ours {
                directories.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|found| found == ending) {
                found.push(path.strip_prefix(&root).unwrap().to_owned());
            }
        }
    }
    found.sort();
    assert!(found.len() > 5, "{} files of .{ending} are not the repository", found.len());
    found
}

/// The text of one of them.
pub(crate) fn text(file: &Path) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
