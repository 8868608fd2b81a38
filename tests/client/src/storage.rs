//! What survives the end of the app: the refresh token, and the attempt under way.

use std::io;
use std::io::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// All that is kept. The access token is not: it is cheap to get and worth stealing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The newest refresh token.
    pub refresh_token: String,
    /// The id under which this token is being exchanged. Kept before it is sent: whatever happens then, the exchange is
    /// repeated with the same id, and the gateway answers with the same successor.
    pub attempt: Option<String>,
    /// The user has logged out, which the gateway may not know yet.
    pub ended: bool,
}

/// Secrets stay out of logs.
impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// Storage of one installation. What is saved is there after a crash, or the old is; never a part of either.
///
/// iOS: one Keychain item, `kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly`. Android: a file sealed with a key of the
/// Keystore, left out of backups.
pub trait Storage: Send + Sync {
    /// What was saved last, if anything.
    fn load(&self) -> io::Result<Option<Kept>>;
    /// Replaces what was saved.
    fn save(&self, kept: &Kept) -> io::Result<()>;
    /// Forgets it.
    fn clear(&self) -> io::Result<()>;
}

/// A file that only its owner can read. **No secure storage**: it shows the order of steps, not how a phone hides secrets.
#[derive(Debug, Clone)]
pub struct FileStorage(PathBuf);

impl FileStorage {
    /// Keeps everything in this file, whose directory is there.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Storage for FileStorage {
    fn load(&self) -> io::Result<Option<Kept>> {
        match std::fs::read(&self.0) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn save(&self, kept: &Kept) -> io::Result<()> {
        let directory = self.0.parent().ok_or_else(|| io::Error::other("the file has no directory"))?;
        // A temporary file of this crate is its owner's alone from the beginning.
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(&serde_json::to_vec(kept)?)?;
        file.as_file().sync_all()?;
        file.persist(&self.0)?;
        // The name is on the disk when its directory is.
        std::fs::File::open(directory)?.sync_all()
    }

    fn clear(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
