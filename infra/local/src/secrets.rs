//! The secrets of the template: made at the first start and kept in a file.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use gateway_domain::clock::Clock as _;
use gateway_domain::rotation::id_token::IdTokenPairs;
use gateway_domain::rotation::pair::Pair;
use gateway_domain::rotation::signing::jwks;
use gateway_domain::rotation::{Entry as KeyEntry, Ring};
use gateway_keys::rsa_pair;
use gateway_runtime::{SystemClock, SystemEntropy};
use serde_json::json;

use crate::random;

/// Why secrets cannot be read, made or kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file or directory cannot be read, or does not hold secrets.
    #[error("the secrets in {} cannot be read: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What was seen.
        reason: String,
    },
    /// The file cannot be written.
    #[error("the secrets cannot be written to {}: {source}", .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No key could be made.
    #[error("no key could be made: {0}")]
    NoKey(String),
    /// The template has a secret whose form is not known here.
    #[error("the local stack does not know what the secret `{0}` of the template holds")]
    Unknown(String),
}

/// The length of RSA keys of the local stack: the shortest that ring takes, so that a start does not wait for them.
const RSA_BITS: usize = 2_048;

/// Values by name.
pub type Secrets = BTreeMap<String, String>;

/// Reads the secrets in this file, and makes those that are missing: `names` of the template, and a client secret for each
/// of `apps`. Without a file they exist only as long as the process.
pub fn open(path: Option<&Path>, names: &[String], apps: &[String]) -> Result<Secrets, SecretsError> {
    let mut secrets = match path {
        Some(path) if path.exists() => read(path)?,
        _ => Secrets::new(),
    };
    let before = secrets.len();
    for name in names {
        if !secrets.contains_key(name) {
            make(name, &mut secrets)?;
        }
    }
    for app in apps {
        if let Entry::Vacant(place) = secrets.entry(client_secret(app)) {
            place.insert(random::secret().map_err(|error| SecretsError::NoKey(error.to_string()))?);
        }
    }
    if let Some(path) = path
        && secrets.len() > before
    {
        write(path, &secrets)?;
    }
    Ok(secrets)
}

/// Further secrets: each file of a directory is one, with the name of the file. They are read at the start.
pub fn in_directory(directory: &Path) -> Result<Secrets, SecretsError> {
    let unreadable = |path: &Path, error: std::io::Error| SecretsError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let mut secrets = Secrets::new();
    for entry in std::fs::read_dir(directory).map_err(|error| unreadable(directory, error))? {
        let path = entry.map_err(|error| unreadable(directory, error))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|_| path.is_file()) else { continue };
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
        secrets.insert(name.to_owned(), text);
    }
    Ok(secrets)
}

/// The name under which the client secret of an app is kept.
pub fn client_secret(app: &str) -> String {
    format!("client/{app}")
}

fn read(path: &Path) -> Result<Secrets, SecretsError> {
    let unreadable = |reason: String| SecretsError::Unreadable { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))
}

/// Replaces the file atomically by one that only its owner can read.
pub(crate) fn write(path: &Path, secrets: &Secrets) -> Result<(), SecretsError> {
    let unwritable = |source| SecretsError::Unwritable { path: path.to_owned(), source };
    let directory = path.parent().unwrap_or(Path::new("."));
    // Temporary files are created with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(unwritable)?;
    file.write_all(json!(secrets).to_string().as_bytes()).map_err(unwritable)?;
    file.as_file().sync_all().map_err(unwritable)?;
    file.persist(path).map_err(|error| unwritable(error.error))?;
    Ok(())
}

/// Makes a secret of the template in the form in which the keys function makes it in AWS.
fn make(name: &str, secrets: &mut Secrets) -> Result<(), SecretsError> {
    let no_key = |error: &dyn std::fmt::Display| SecretsError::NoKey(error.to_string());
    let now = SystemClock.now();
    let text = match name {
        "SigningKeys" => {
            let pair = || {
                let name = SystemEntropy.bytes().map_err(|error| no_key(&error))?;
                Pair::generate().map(|pair| KeyEntry::named(name, pair)).map_err(|error| no_key(&error))
            };
            Ring::first(pair()?, pair()?, now).to_secret()
        }
        "IdTokenKeys" => {
            let pairs = || {
                let rsa = rsa_pair::generate(RSA_BITS, &SystemEntropy).map_err(|error| no_key(&error))?;
                let ec = Pair::generate().map_err(|error| no_key(&error))?;
                let pairs = IdTokenPairs::new(rsa, ec).ok_or_else(|| no_key(&"the algorithms differ"))?;
                Ok::<_, SecretsError>(KeyEntry::named(SystemEntropy.bytes().map_err(|error| no_key(&error))?, pairs))
            };
            Ring::first(pairs()?, pairs()?, now).to_secret()
        }
        "PublicKeys" => {
            if !secrets.contains_key("SigningKeys") {
                make("SigningKeys", secrets)?;
            }
            let pairs = secrets.get("SigningKeys").map(String::as_str).unwrap_or_default();
            jwks(&Ring::parse_pairs(pairs).map_err(|error| no_key(&error))?, now, None, None)
        }
        "SealingKeys" | "LetterKeys" | "RefreshKeys" | "Pepper" => {
            let key = || SystemEntropy.bytes().map_err(|error| no_key(&error));
            Ring::generate(key()?, key()?, now).to_secret()
        }
        _ => return Err(SecretsError::Unknown(name.to_owned())),
    };
    secrets.insert(name.to_owned(), text.expose().to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["SigningKeys", "PublicKeys", "IdTokenKeys", "SealingKeys", "LetterKeys", "RefreshKeys", "Pepper"]
            .map(str::to_owned)
            .to_vec()
    }

    #[test]
    fn the_functions_understand_what_is_made() {
        let secrets = open(None, &names(), &[]).unwrap();
        gateway_domain::keys::SigningKey::parse(&secrets["SigningKeys"]).unwrap();
        gateway_domain::keys::PublicKeys::parse_jwks(&secrets["PublicKeys"]).unwrap();
        gateway_domain::id_token::IdTokenKeys::parse(&secrets["IdTokenKeys"]).unwrap();
        for name in ["SealingKeys", "LetterKeys", "RefreshKeys", "Pepper"] {
            gateway_domain::sealing::KeySet::parse(&secrets[name]).unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_kept_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secrets.json");
        let first = open(Some(&path), &names(), &["partner-app".to_owned()]).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(open(Some(&path), &names(), &["partner-app".to_owned()]).unwrap(), first);
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secrets.json");
        std::fs::write(&path, "{").unwrap();
        let message = open(Some(&path), &names(), &[]).unwrap_err().to_string();
        assert!(message.contains("secrets.json"), "{message}");
    }

    #[test]
    fn a_secret_of_unknown_form_is_an_error() {
        let message = open(None, &["Mystery".to_owned()], &[]).unwrap_err().to_string();
        assert!(message.contains("`Mystery`"), "{message}");
    }
}
