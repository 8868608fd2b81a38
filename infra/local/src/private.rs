//! Opens and writes files that only their owner can read, whatever the umask.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Result, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Opens a file for writing and keeps its content; creates it if it does not exist. Others lose their access to a file that
/// they could read.
pub(crate) fn open(path: &Path) -> Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Opens a file in the same way, and empties it.
pub(crate) fn create(path: &Path) -> Result<File> {
    let file = open(path)?;
    file.set_len(0)?;
    Ok(file)
}

/// Replaces the content of a file by this text.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    create(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_its_owners_before_and_after() {
        let directory = tempfile::tempdir().unwrap();
        let (new, old) = (directory.path().join("new"), directory.path().join("old"));
        std::fs::write(&old, "a long text that was there before").unwrap();
        std::fs::set_permissions(&old, Permissions::from_mode(0o666)).unwrap();
        for path in [new, old] {
            write(&path, "text").unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "text");
            open(&path).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "text");
        }
    }
}
