//! What the relying party of passkeys says of its apps and pages: the files by which Apple systems and Android let an app use them, and where people
//! look after theirs. They say what gateway.yaml does.

use crate::error::Failure;
use crate::metadata::endpoint;
use crate::{AuthorizationServer, response};
use gateway_config::{AndroidApp, AppleApp, Fingerprint, Passkeys};
use gateway_domain::event::ApiResponse;
use serde_json::{Value, json};

/// The file that Apple systems ask for (Apple, Supporting associated domains).
pub(crate) const APPLE: &str = "/.well-known/apple-app-site-association";
/// The file that Android asks for (Digital Asset Links).
pub(crate) const ANDROID: &str = "/.well-known/assetlinks.json";
/// Where password managers learn the pages of passkeys (W3C, A Well-Known URL for Relying Party Passkey Endpoints).
pub(crate) const PASSKEYS: &str = "/.well-known/passkey-endpoints";
/// The page on which people add and remove passkeys.
const PAGE: &str = "/account/passkeys";

impl AuthorizationServer {
    /// The file at one of these paths, if there is something to say in it.
    pub(crate) fn association(&self, method: &str, path: &str, issuer: &str) -> Result<ApiResponse, Failure> {
        if !matches!(method, "GET" | "HEAD") {
            return Err(Failure::MethodNotAllowed("GET, HEAD"));
        }
        let file = self.config.passkeys().and_then(|passkeys| match path {
            APPLE => apple(passkeys),
            ANDROID => android(passkeys),
            _ => Some(pages(issuer)),
        });
        file.map(|file| response::public(file.to_string())).ok_or(Failure::NotFound)
    }
}

fn apple(passkeys: &Passkeys) -> Option<Value> {
    let apps: Vec<_> = passkeys.apple_apps.iter().map(AppleApp::as_str).collect();
    (!apps.is_empty()).then(|| json!({ "webcredentials": { "apps": apps } }))
}

fn android(passkeys: &Passkeys) -> Option<Value> {
    let statement = |app: &AndroidApp| {
        json!({
            "relation": ["delegate_permission/common.get_login_creds"],
            "target": {
                "namespace": "android_app",
                "package_name": app.package.as_str(),
                "sha256_cert_fingerprints": app.sha256.iter().map(Fingerprint::as_str).collect::<Vec<_>>(),
            },
        })
    };
    let statements: Vec<_> = passkeys.android_apps.iter().map(statement).collect();
    (!statements.is_empty()).then_some(Value::Array(statements))
}

fn pages(issuer: &str) -> Value {
    let page = endpoint(issuer, PAGE);
    json!({ "enroll": page, "manage": page })
}
