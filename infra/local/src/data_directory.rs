//! The directory in which the local stack keeps its data.

use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::private;

/// The file that a running stack keeps locked.
const LOCK: &str = "lock";

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It cannot be created or written to.
    #[error("the data directory {} cannot be used: {source}", .path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another local stack uses it.
    #[error("another local stack uses the data directory {}: stop it, or choose another one with --data DIR", .0.display())]
    InUse(PathBuf),
}

/// The directory, locked for one stack until dropped.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    /// Locked while this lives.
    _lock: File,
    /// The temporary directory, which is deleted when this is dropped.
    temporary: Option<TempDir>,
}

impl DataDirectory {
    /// Opens and locks this directory, or without a path a temporary one, which is deleted when dropped.
    pub fn open(path: Option<&Path>) -> Result<Self, DirectoryError> {
        let unusable = |path: &Path, source| DirectoryError::Unusable { path: path.to_owned(), source };
        let temporary = if let Some(path) = path {
            make_private(path).map_err(|error| unusable(path, error))?;
            None
        } else {
            let made = tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir();
            Some(made.map_err(|error| unusable(&std::env::temp_dir(), error))?)
        };
        let path =
            temporary.as_ref().map_or_else(|| path.unwrap_or(Path::new(".")).to_owned(), |dir| dir.path().to_owned());
        let lock = private::create(&path.join(LOCK)).map_err(|error| unusable(&path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock, temporary }),
            Err(TryLockError::WouldBlock) => Err(DirectoryError::InUse(path)),
            Err(TryLockError::Error(error)) => Err(unusable(&path, error)),
        }
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The path of a file that should outlive this process; `None` in a temporary directory.
    pub fn kept(&self, name: &str) -> Option<PathBuf> {
        self.temporary.is_none().then(|| self.path.join(name))
    }
}

/// Creates the directory for its owner alone. An existing directory that has files and was never a data directory keeps its
/// mode, since others may use it for other things; only our files in it are private.
fn make_private(path: &Path) -> io::Result<()> {
    let ours = path.join(LOCK).exists() || !path.exists() || path.read_dir()?.next().is_none();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    if ours { std::fs::set_permissions(path, Permissions::from_mode(0o700)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_data_directory_is_for_its_owner_alone() {
        let parent = tempfile::tempdir().unwrap();
        let path = |name: &str| parent.path().join(name);
        let made = |name: &str, file: Option<&str>| {
            std::fs::create_dir(path(name)).unwrap();
            std::fs::set_permissions(path(name), Permissions::from_mode(0o755)).unwrap();
            if let Some(file) = file {
                std::fs::write(path(name).join(file), "").unwrap();
            }
        };
        made("empty", None);
        made("earlier", Some("lock"));
        made("others", Some("a file of somebody else"));
        for (name, expected) in [("new", 0o700), ("empty", 0o700), ("earlier", 0o700), ("others", 0o755)] {
            let directory = DataDirectory::open(Some(&path(name))).unwrap();
            assert_eq!((mode(&path(name)), mode(&directory.file("lock"))), (expected, 0o600), "{name}");
        }
        let temporary = DataDirectory::open(None).unwrap();
        assert_eq!(mode(&temporary.file("")), 0o700);
    }

    #[test]
    fn one_stack_at_a_time_uses_a_directory() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let first = DataDirectory::open(Some(&path)).unwrap();
        let message = DataDirectory::open(Some(&path)).unwrap_err().to_string();
        assert!(message.contains("another local stack") && message.contains("--data"), "{message}");
        drop(first);
        DataDirectory::open(Some(&path)).unwrap();
    }

    #[test]
    fn a_temporary_directory_is_deleted_in_the_end() {
        let directory = DataDirectory::open(None).unwrap();
        let file = directory.file("a");
        assert_eq!(directory.kept("a"), None);
        std::fs::write(&file, "").unwrap();
        drop(directory);
        assert!(!file.exists());
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_an_error_that_names_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let message = DataDirectory::open(Some(file.path())).unwrap_err().to_string();
        assert!(message.contains(file.path().to_str().unwrap()), "{message}");
    }
}
