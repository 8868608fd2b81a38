//! Passkeys, by which people log in without a password.

use crate::check::Findings;
use crate::file::File;
use crate::url::{Origin, is_loopback, parse};
use crate::{Gateway, NotAllowed};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::uri::Scheme;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The most entries of a list.
const MOST: usize = 16;
/// What the origins of Android apps begin with.
const OF_ANDROID: &str = "android:apk-key-hash:";
/// The domain of this machine.
const LOCALHOST: &str = "localhost";

/// Passkeys (W3C WebAuthn Level 3), by which people log in without a password.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Passkeys {
    /// The domain that passkeys belong to: that of the gateway's pages, or one above it. With another one, all passkeys are lost.
    pub relying_party: RelyingPartyId,
    /// Further origins that may use them, beside the gateway's own pages and the apps below: web pages under that domain, or
    /// `android:apk-key-hash:…`. At most 16.
    #[serde(default)]
    #[schemars(extend("maxItems" = 16))]
    pub origins: Vec<PasskeyOrigin>,
    /// Apps on Apple systems: the id of the team, a dot and the bundle id. At most 16.
    #[serde(default)]
    #[schemars(extend("maxItems" = 16))]
    pub apple_apps: Vec<AppleApp>,
    /// Apps on Android. At most 16.
    #[serde(default)]
    #[schemars(extend("maxItems" = 16))]
    pub android_apps: Vec<AndroidApp>,
}

/// A domain, in small letters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = r"^(localhost|([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?)$"))]
pub struct RelyingPartyId(String);

/// A web page or an Android app, as an authenticator names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^(https?://[^/?#@{} ]+|android:apk-key-hash:[A-Za-z0-9_-]{43})$"))]
pub struct PasskeyOrigin(String);

/// An app on Apple systems.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[A-Z0-9]{10}\\.[A-Za-z0-9.-]{1,155}$"))]
pub struct AppleApp(String);

/// An app on Android.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AndroidApp {
    /// Its package, such as `com.example.app`.
    pub package: Package,
    /// The SHA-256 fingerprints of the certificates that sign it, 1 to 16, in the form that `keytool` writes.
    #[schemars(extend("minItems" = 1, "maxItems" = 16))]
    pub sha256: Vec<Fingerprint>,
}

/// The package of an Android app.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$"))]
pub struct Package(String);

/// A SHA-256 fingerprint: 32 bytes in hexadecimal with colons between them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^([0-9A-F]{2}:){31}[0-9A-F]{2}$"))]
pub struct Fingerprint(String);

impl RelyingPartyId {
    /// The domain as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a host is this domain or one below it.
    fn covers(&self, host: &str) -> bool {
        let above = host.len().checked_sub(self.0.len()).and_then(|at| host.split_at_checked(at));
        above.is_some_and(|(below, domain)| {
            domain.eq_ignore_ascii_case(&self.0) && (below.is_empty() || below.ends_with('.'))
        })
    }
}

impl TryFrom<String> for RelyingPartyId {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let label = |label: &str| {
            let allowed = label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            (1..=63).contains(&label.len()) && allowed && !label.starts_with('-') && !label.ends_with('-')
        };
        // No address, and no domain that everybody has: browsers refuse both (WebAuthn §4, Relying Party Identifier).
        let last = text.rsplit('.').next().unwrap_or_default();
        let several = text.contains('.') && last.starts_with(|first: char| first.is_ascii_lowercase());
        if text.len() > 253 || !text.split('.').all(label) || !(several || text == LOCALHOST) {
            return Err(NotAllowed::new(format!(
                "`{text}` is no domain of yours: write one in small letters, such as example.com, without scheme and port; \
                 localhost on this machine"
            )));
        }
        Ok(Self(text))
    }
}

impl PasskeyOrigin {
    /// The origin as text, as client data has it (WebAuthn §5.8.1).
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PasskeyOrigin {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let is_app = |hash: &str| URL_SAFE_NO_PAD.decode(hash).is_ok_and(|bytes| bytes.len() == 32);
        let sound = match text.strip_prefix(OF_ANDROID) {
            Some(hash) => is_app(hash),
            None => Origin::read(&text).is_some_and(|origin| !origin.is_exposed()) && text == text.to_ascii_lowercase(),
        };
        if sound {
            return Ok(Self(text));
        }
        Err(NotAllowed::new(format!(
            "`{text}` is no origin: write that of web pages, such as https://login.example.com, or \
             {OF_ANDROID} and the base64url of a SHA-256; http is for localhost only"
        )))
    }
}

impl AppleApp {
    /// The app as text, as `apple-app-site-association` names it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AppleApp {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let bundle = |id: &str| {
            (1..=155).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
        };
        let team = |id: &str| id.len() == 10 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if text.split_once('.').is_some_and(|(of_team, of_bundle)| team(of_team) && bundle(of_bundle)) {
            return Ok(Self(text));
        }
        Err(NotAllowed::new(format!(
            "`{text}` is no app: write the id of the team, a dot and the bundle id, such as ABCDE12345.com.example.app"
        )))
    }
}

impl Package {
    /// The package as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Package {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let part = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphabetic())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        if text.len() <= 255 && text.contains('.') && text.split('.').all(part) {
            return Ok(Self(text));
        }
        Err(NotAllowed::new(format!("`{text}` is no package: write one such as com.example.app")))
    }
}

impl Fingerprint {
    /// The fingerprint as text, as `assetlinks.json` has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The origin of an app that this certificate has signed.
    fn origin(&self) -> String {
        let bytes: Vec<u8> = self.0.split(':').filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
        format!("{OF_ANDROID}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let digit = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
        let pairs: Vec<&str> = text.split(':').collect();
        if pairs.len() == 32 && pairs.iter().all(|pair| pair.len() == 2 && pair.bytes().all(digit)) {
            return Ok(Self(text));
        }
        Err(NotAllowed::new(
            "no SHA-256 fingerprint: write 32 pairs of digits and capital letters A to F with colons, as keytool does",
        ))
    }
}

impl Passkeys {
    /// The origin that authenticators may name in the forms of the gateway's own pages, where tokens are of this issuer; none if the pages are not
    /// under the domain. No app and no other page sends these forms.
    pub fn page_origins(&self, issuer: &str) -> Vec<String> {
        self.own_origin(issuer).into_iter().collect()
    }

    /// The origins that authenticators may name where an app sends what they signed: the gateway's pages, if they are under the domain; the apps; and
    /// those of the configuration. Apps on Apple systems name the domain itself, as every page at it does.
    pub fn accepted_origins(&self, issuer: &str) -> Vec<String> {
        let pages = self.own_origin(issuer);
        let apple = (!self.apple_apps.is_empty()).then(|| format!("https://{}", self.relying_party.as_str()));
        let android = self.android_apps.iter().flat_map(|app| app.sha256.iter().map(Fingerprint::origin));
        let further = self.origins.iter().map(|origin| origin.as_str().to_owned());
        let all: BTreeSet<String> = pages.into_iter().chain(apple).chain(android).chain(further).collect();
        all.into_iter().collect()
    }

    /// The origin of the gateway's pages as browsers write it. This machine has two names, and passkeys know but one of them.
    fn own_origin(&self, issuer: &str) -> Option<String> {
        let (origin, _) = parse(issuer)?;
        let host = origin.authority().host().to_ascii_lowercase();
        let local = self.relying_party.as_str() == LOCALHOST && is_loopback(&host);
        let host =
            if local { LOCALHOST.to_owned() } else { Some(host).filter(|host| self.relying_party.covers(host))? };
        let usual = if origin.scheme() == &Scheme::HTTPS { 443 } else { 80 };
        let port = if origin.port() == usual { String::new() } else { format!(":{}", origin.port()) };
        Some(format!("{}://{host}{port}", origin.scheme()))
    }
}

impl Gateway {
    /// What the gateway is called where passkeys are asked for.
    pub fn relying_party_name(&self) -> Option<&str> {
        let passkeys = self.passkeys()?;
        Some(self.pages().name.as_ref().map_or(passkeys.relying_party.as_str(), |name| name.as_str()))
    }
}

pub(crate) fn check(file: &File, findings: &mut Findings) {
    let Some(passkeys) = &file.passkeys else { return };
    let domain = &passkeys.relying_party;
    if let Some(issuer) = &file.issuer
        && passkeys.own_origin(issuer.as_str()).is_none()
    {
        let reason = format!(
            "the pages are at `{}`, which is not under `{}`: write its domain, or one above that is yours",
            issuer.as_str(),
            domain.as_str()
        );
        findings.add("passkeys.relying_party".to_owned(), reason);
    }
    for (at, origin) in passkeys.origins.iter().enumerate() {
        let field = format!("passkeys.origins[{at}]");
        let elsewhere = Origin::read(origin.as_str()).is_some_and(|origin| !domain.covers(origin.authority().host()));
        if elsewhere {
            let reason =
                format!("browsers use passkeys of `{}` on pages under it alone: leave it out", domain.as_str());
            findings.add(field.clone(), reason);
        }
        if passkeys.origins.iter().take(at).any(|before| before == origin) {
            findings.add(field, "this origin is there twice: keep one");
        }
    }
    for (at, app) in passkeys.apple_apps.iter().enumerate() {
        if passkeys.apple_apps.iter().take(at).any(|before| before == app) {
            findings.add(format!("passkeys.apple_apps[{at}]"), "this app is there twice: keep one");
        }
    }
    for (at, app) in passkeys.android_apps.iter().enumerate() {
        if passkeys.android_apps.iter().take(at).any(|before| before.package == app.package) {
            let field = format!("passkeys.android_apps[{at}].package");
            findings.add(field, "this app is there twice: write all its fingerprints under one");
        }
        if !(1..=MOST).contains(&app.sha256.len()) {
            findings.add(format!("passkeys.android_apps[{at}].sha256"), "out of range: write 1 to 16 fingerprints");
        }
    }
    for (name, length) in [
        ("origins", passkeys.origins.len()),
        ("apple_apps", passkeys.apple_apps.len()),
        ("android_apps", passkeys.android_apps.len()),
    ] {
        if length > MOST {
            findings.add(format!("passkeys.{name}"), "out of range: write at most 16");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passkeys(text: &str) -> Passkeys {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_pages_and_the_apps_may_use_the_passkeys_of_their_domain() {
        let fingerprint = vec!["00"; 32].join(":");
        let one = passkeys(&format!(
            r#"{{ "relying_party": "example.com", "origins": ["https://shop.example.com"],
                 "apple_apps": ["ABCDE12345.com.example.app"],
                 "android_apps": [{{ "package": "com.example.app", "sha256": ["{fingerprint}"] }}] }}"#
        ));
        let android = format!("{OF_ANDROID}{}", "A".repeat(43));
        let all = |pages: &[&str]| {
            let mut all = vec![android.as_str(), "https://example.com", "https://shop.example.com"];
            all.extend(pages);
            all.sort_unstable();
            all.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(one.accepted_origins("https://Auth.example.com/eu"), all(&["https://auth.example.com"]));
        assert_eq!(one.accepted_origins("https://auth.example.com:8443"), all(&["https://auth.example.com:8443"]));
        assert_eq!(one.page_origins("https://Auth.example.com/eu"), ["https://auth.example.com"]);
        for other in ["https://example.com.evil.example", "https://badexample.com", "no URL"] {
            assert_eq!(one.accepted_origins(other), all(&[]), "{other}");
            assert_eq!(one.page_origins(other), [""; 0], "{other}");
        }
    }

    #[test]
    fn this_machine_is_localhost_alone() {
        let local = passkeys(r#"{ "relying_party": "localhost" }"#);
        assert_eq!(local.accepted_origins("http://127.0.0.1:4566"), ["http://localhost:4566"]);
        assert_eq!(local.accepted_origins("http://localhost"), ["http://localhost"]);
        assert_eq!(local.accepted_origins("https://auth.example.com"), [""; 0]);
    }
}
