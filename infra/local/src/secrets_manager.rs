//! Serves Secrets Manager on a local port: the calls that functions and the rotation of keys make, checked as AWS does.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Operations.html>

mod versions;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

use crate::access::{Access, Asked};
use crate::random;
use crate::secrets::{self, Secrets};
use crate::template::Right;
use crate::visitors;
use versions::{CURRENT, Versions};

/// Most bytes of a request. A secret has at most 65,536 bytes, and JSON escapes may make one byte six.
const LARGEST: usize = 1 << 20;

/// The secrets. Clones share them.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    secrets: Mutex<BTreeMap<String, Versions>>,
    /// The file that keeps the current values.
    file: Option<PathBuf>,
    reads: AtomicUsize,
}

/// An error of the API, with its type and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    kind: &'static str,
    message: String,
}

impl Refused {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl SecretsManager {
    /// Begins with these values and keeps changes in this file. `rotating` names the secrets whose rotation is enabled.
    pub fn new(values: &Secrets, file: Option<PathBuf>, rotating: &[String]) -> Self {
        let versions = |(name, value): (&String, &String)| {
            (name.clone(), Versions::with(&random::request_id(), value, rotating.contains(name)))
        };
        let secrets = Mutex::new(values.iter().map(versions).collect());
        Self { shared: Arc::new(Shared { secrets, file, reads: AtomicUsize::new(0) }) }
    }

    /// Serves this listener until dropped, to callers that `access` allows.
    pub async fn serve(self, listener: TcpListener, access: Access) {
        let router = Router::new().fallback(response).with_state((self, access));
        let router = visitors::programs_only(router, &listener);
        // It only ends by being aborted.
        let _ = axum::serve(listener, router).await;
    }

    /// The current value of a secret.
    pub fn value(&self, name: &str) -> Option<String> {
        self.secrets()
            .get(name)
            .and_then(|versions| versions.value(None, Some(CURRENT)))
            .map(|(_, text)| text.to_owned())
    }

    /// Makes this the current value of a secret, as an operator can. Without such a secret it does nothing.
    pub fn set(&self, name: &str, value: &str) {
        let id = random::request_id();
        // The id is new, so a version with a value of allowed length is not refused.
        let _ = self.change(name, |versions| versions.put(&id, value, &[CURRENT.to_owned()]));
    }

    /// Removes all versions of a secret, so that it is as CloudFormation creates it.
    pub fn empty(&self, name: &str) {
        if let Some(versions) = self.secrets().get_mut(name) {
            versions.clear();
        }
    }

    /// How often `GetSecretValue` was called, also without success.
    pub fn reads(&self) -> usize {
        self.shared.reads.load(Ordering::SeqCst)
    }

    /// Begins a rotation, or continues one that failed. Returns the id of its pending version.
    pub(crate) fn begin_rotation(&self, name: &str) -> Result<String, Refused> {
        self.change(name, |versions| versions.begin_rotation(&random::request_id()))
    }

    fn secrets(&self) -> MutexGuard<'_, BTreeMap<String, Versions>> {
        self.shared.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, name: &str, change: impl FnOnce(&mut Versions) -> Result<T, Refused>) -> Result<T, Refused> {
        let mut secrets = self.secrets();
        let changed = change(secrets.get_mut(name).ok_or_else(no_secret)?)?;
        if let Some(path) = &self.shared.file {
            let current = |(name, versions): (&String, &Versions)| {
                Some((name.clone(), versions.value(None, Some(CURRENT))?.1.to_owned()))
            };
            let values = secrets.iter().filter_map(current).collect();
            secrets::write(path, &values).map_err(|error| Refused::new("InternalServiceError", error.to_string()))?;
        }
        Ok(changed)
    }

    fn call(&self, target: &str, body: &[u8]) -> Result<Json, Refused> {
        match target {
            "secretsmanager.GetSecretValue" => self.get(&parsed(body)?),
            "secretsmanager.DescribeSecret" => self.describe(&parsed(body)?),
            "secretsmanager.PutSecretValue" => self.put(&parsed(body)?),
            "secretsmanager.UpdateSecretVersionStage" => self.update_stage(&parsed(body)?),
            other => Err(Refused::new("InvalidRequestException", format!("{other} is not imitated"))),
        }
    }

    fn get(&self, request: &GetSecretValue) -> Result<Json, Refused> {
        self.shared.reads.fetch_add(1, Ordering::SeqCst);
        let secrets = self.secrets();
        let versions = secrets.get(&request.secret_id).ok_or_else(no_secret)?;
        let found = versions.value(request.version_id.as_deref(), request.version_stage.as_deref());
        let (version, text) = found.ok_or_else(|| {
            let message = "Secrets Manager can't find the specified secret value for that version or staging label.";
            Refused::new("ResourceNotFoundException", message)
        })?;
        let id = &request.secret_id;
        let stages = versions.stages().remove(version).unwrap_or_default();
        Ok(json!({ "ARN": id, "Name": id, "VersionId": version, "VersionStages": stages, "SecretString": text }))
    }

    fn describe(&self, request: &DescribeSecret) -> Result<Json, Refused> {
        let secrets = self.secrets();
        let versions = secrets.get(&request.secret_id).ok_or_else(no_secret)?;
        let id = &request.secret_id;
        Ok(json!({
            "ARN": id, "Name": id, "RotationEnabled": versions.rotates, "VersionIdsToStages": versions.stages(),
        }))
    }

    fn put(&self, request: &PutSecretValue) -> Result<Json, Refused> {
        let (id, version) = (&request.secret_id, &request.client_request_token);
        let stages = request.version_stages.clone().unwrap_or_else(|| vec![CURRENT.to_owned()]);
        self.change(id, |versions| versions.put(version, &request.secret_string, &stages))?;
        Ok(json!({ "ARN": id, "Name": id, "VersionId": version, "VersionStages": stages }))
    }

    fn update_stage(&self, request: &UpdateSecretVersionStage) -> Result<Json, Refused> {
        let id = &request.secret_id;
        let (to, from) = (request.move_to_version_id.as_deref(), request.remove_from_version_id.as_deref());
        self.change(id, |versions| versions.move_stage(&request.version_stage, to, from))?;
        Ok(json!({ "ARN": id, "Name": id }))
    }
}

fn no_secret() -> Refused {
    Refused::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::new("InvalidParameterException", error.to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct GetSecretValue {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct DescribeSecret {
    secret_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct PutSecretValue {
    secret_id: String,
    client_request_token: String,
    secret_string: String,
    version_stages: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct UpdateSecretVersionStage {
    secret_id: String,
    version_stage: String,
    move_to_version_id: Option<String>,
    remove_from_version_id: Option<String>,
}

async fn response(State((manager, access)): State<(SecretsManager, Access)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if let Some(refusal) = access.refusal(&parts, &body, &[Asked::plain(right(target, &body))]) {
        return refusal;
    }
    match manager.call(target, &body) {
        Ok(response) => axum::Json(response).into_response(),
        Err(Refused { kind, message }) => {
            (StatusCode::BAD_REQUEST, axum::Json(json!({ "__type": kind, "Message": message }))).into_response()
        }
    }
}

/// The right that a call needs: its action on the secret it names.
fn right(target: &str, body: &[u8]) -> Right {
    let body: Json = serde_json::from_slice(body).unwrap_or_default();
    let secret = body.get("SecretId").and_then(Json::as_str).unwrap_or_default();
    (target.replacen('.', ":", 1), secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_answers_as_secrets_manager_does() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let manager = SecretsManager::new(&[("Pepper".to_owned(), "hot".to_owned())].into(), None, &[]);
        tokio::spawn(manager.clone().serve(listener, Access::of_everybody()));
        let ask = |call: &str, body: Json| {
            let target = format!("secretsmanager.{call}");
            let request = reqwest::Client::new().post(&url).header("x-amz-target", target);
            async move { request.json(&body).send().await.unwrap() }
        };
        let found: Json = ask("GetSecretValue", json!({ "SecretId": "Pepper" })).await.json().await.unwrap();
        assert_eq!((&found["SecretString"], manager.reads()), (&json!("hot"), 1));
        let missing = ask("GetSecretValue", json!({ "SecretId": "Salt" })).await;
        assert_eq!(missing.status(), 400);
        assert!(missing.text().await.unwrap().contains("ResourceNotFoundException"));
        assert_eq!(ask("ListSecrets", json!({})).await.status(), 400);
        let unknown = ask("GetSecretValue", json!({ "SecretId": "Pepper", "Region": "x" })).await;
        assert!(unknown.text().await.unwrap().contains("InvalidParameterException"));
        manager.set("Pepper", "hotter");
        let described: Json = ask("DescribeSecret", json!({ "SecretId": "Pepper" })).await.json().await.unwrap();
        assert_eq!(described["VersionIdsToStages"].as_object().unwrap().len(), 2);
        assert_eq!(manager.value("Pepper").as_deref(), Some("hotter"));
    }
}
