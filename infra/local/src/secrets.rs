//! Secrets Manager on a loopback port: the secrets of the template, made at the first start.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

use crate::random;

/// Secrets cannot be read, made or kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file is not what was written.
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
    /// The template names a secret whose form is not known here.
    #[error("the local stack does not know what the secret `{0}` of the template holds")]
    Unknown(String),
}

/// Values by name.
pub type Secrets = BTreeMap<String, String>;

/// Reads the secrets in this file and makes those that are missing: the named ones of the template, and one for each
/// of these confidential apps. Without a file they are forgotten with the process.
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

/// Further secrets: every file of a directory is one, by its name. They are read at the start and not copied.
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

/// Name under which an app's client secret is kept.
pub fn client_secret(app: &str) -> String {
    format!("client/{app}")
}

fn read(path: &Path) -> Result<Secrets, SecretsError> {
    let unreadable = |reason: String| SecretsError::Unreadable { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))
}

/// Replaces the file at once by one that only its owner can read.
fn write(path: &Path, secrets: &Secrets) -> Result<(), SecretsError> {
    let unwritable = |source| SecretsError::Unwritable { path: path.to_owned(), source };
    let directory = path.parent().unwrap_or(Path::new("."));
    // Temporary files are made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(unwritable)?;
    file.write_all(json!(secrets).to_string().as_bytes()).map_err(unwritable)?;
    file.as_file().sync_all().map_err(unwritable)?;
    file.persist(path).map_err(|error| unwritable(error.error))?;
    Ok(())
}

fn make(name: &str, secrets: &mut Secrets) -> Result<(), SecretsError> {
    match name {
        "SigningKeys" | "PublicKeys" => {
            let (signing, public) = key_pair()?;
            secrets.insert("SigningKeys".to_owned(), signing);
            secrets.insert("PublicKeys".to_owned(), public);
        }
        "SealingKeys" | "RefreshKeys" | "Pepper" => {
            let key = random::key().map_err(|error| SecretsError::NoKey(error.to_string()))?;
            secrets.insert(name.to_owned(), json!({ "current": "k1", "keys": { "k1": key } }).to_string());
        }
        _ => return Err(SecretsError::Unknown(name.to_owned())),
    }
    Ok(())
}

/// A P-256 key pair: the private set that signs and the public set (RFC 7517) that verifies.
fn key_pair() -> Result<(String, String), SecretsError> {
    let no_key = |error: &dyn std::fmt::Display| SecretsError::NoKey(error.to_string());
    let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let private = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|error| no_key(&error))?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, private.as_ref(), &random).map_err(|error| no_key(&error))?;
    // An uncompressed point: 4, then 32 bytes each of x and y (RFC 5480 §2.2).
    let Some((x, y)) = pair.public_key().as_ref().get(1..).and_then(|point| point.split_at_checked(32)) else {
        return Err(SecretsError::NoKey("the public key is not a point".to_owned()));
    };
    let kid = random::name().map_err(|error| no_key(&error))?;
    let private = STANDARD.encode(private.as_ref());
    let signing = json!({ "keys": [{ "kid": kid, "status": "current", "alg": "ES256", "private_key": private }] });
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let public = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "alg": "ES256", "use": "sig" });
    Ok((signing.to_string(), json!({ "keys": [public] }).to_string()))
}

/// Answers `GetSecretValue` on this listener until dropped.
pub async fn serve(listener: TcpListener, secrets: Secrets) {
    let router = Router::new().fallback(answer).with_state(Arc::new(secrets));
    // It only ends by being aborted.
    let _ = axum::serve(listener, router).await;
}

async fn answer(State(secrets): State<Arc<Secrets>>, headers: HeaderMap, body: Bytes) -> Response {
    let refused = |kind: &str, message: &str| {
        (StatusCode::BAD_REQUEST, axum::Json(json!({ "__type": kind, "Message": message }))).into_response()
    };
    if headers.get("x-amz-target").is_none_or(|target| target != "secretsmanager.GetSecretValue") {
        return refused("InvalidRequestException", "only GetSecretValue is imitated");
    }
    let request: Json = serde_json::from_slice(&body).unwrap_or_default();
    let id = request.get("SecretId").and_then(Json::as_str).unwrap_or_default();
    let Some(value) = secrets.get(id) else {
        return refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    };
    axum::Json(
        json!({ "ARN": id, "Name": id, "VersionId": "local", "VersionStages": ["AWSCURRENT"], "SecretString": value }),
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["SigningKeys", "PublicKeys", "SealingKeys", "RefreshKeys", "Pepper"].map(str::to_owned).to_vec()
    }

    #[test]
    fn the_functions_understand_what_is_made() {
        let secrets = open(None, &names(), &[]).unwrap();
        domain::keys::SigningKey::parse(&secrets["SigningKeys"]).unwrap();
        domain::keys::PublicKeys::parse_jwks(&secrets["PublicKeys"]).unwrap();
        for name in ["SealingKeys", "RefreshKeys", "Pepper"] {
            domain::sealing::KeySet::parse(&secrets[name]).unwrap();
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

    #[tokio::test]
    async fn get_secret_value_answers_as_secrets_manager_does() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, [("Pepper".to_owned(), "hot".to_owned())].into()));
        let ask = |target: &'static str, id: &'static str| {
            let request = reqwest::Client::new().post(&url).header("x-amz-target", target);
            async move { request.json(&json!({ "SecretId": id })).send().await.unwrap() }
        };
        let found: Json = ask("secretsmanager.GetSecretValue", "Pepper").await.json().await.unwrap();
        assert_eq!(found["SecretString"], "hot");
        let missing = ask("secretsmanager.GetSecretValue", "Salt").await;
        assert_eq!(missing.status(), 400);
        assert!(missing.text().await.unwrap().contains("ResourceNotFoundException"));
        assert_eq!(ask("secretsmanager.ListSecrets", "Pepper").await.status(), 400);
    }
}
