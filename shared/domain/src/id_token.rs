//! ID tokens (OpenID Connect Core §2): what an application is told about a login. Keys of their own sign them, so that none
//! ever verifies as an access token.

use crate::ids::{ClientId, SessionId, UserId};
use crate::keys::{InvalidKeys, PublicKeys, SignatureAlgorithm, SigningKey};
use crate::rotation::Ring;
use crate::scope::Scope;
use crate::session::LoginMethod;
use crate::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Header;
use serde::Serialize;
use serde_json::{Value, json};

/// The scope that asks for an ID token and allows userinfo (Core §3.1.2.1).
pub const OPENID: &str = "openid";
/// The scope that asks for the user's address (Core §5.4).
pub const EMAIL: &str = "email";
/// The scope that tells what users have filled in, as far as the configuration has a claim for it.
pub const PROFILE: &str = "profile";
/// The scope that asks for a device secret (OpenID Connect Native SSO §3.1). Only operators give it, to apps of a family.
pub const DEVICE_SSO: &str = "device_sso";
/// The scopes of OpenID Connect that exist whether or not a route needs them (Core §3.1.2.1, §5.4).
pub const SCOPES: [&str; 3] = [OPENID, EMAIL, PROFILE];
/// A login with a password over a protected connection (SAML 2.0 Authentication Context §3.4.9).
pub const ACR: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
/// A login that nobody can be tricked into giving away (OpenID Connect EAP ACR Values §2).
pub const PHISHING_RESISTANT: &str = "phr";

/// A session for which nobody has shown anything (OpenID Connect Core §2: level 0).
const NOTHING_SHOWN: &str = "0";

/// How safe a login by this is.
pub const fn acr(by: LoginMethod) -> &'static str {
    match by {
        LoginMethod::Password => ACR,
        LoginMethod::Passkey => PHISHING_RESISTANT,
        LoginMethod::SignOn | LoginMethod::TradeIn => NOTHING_SHOWN,
    }
}

/// What the user showed (RFC 8176 §2): the password, or the possession of a key, being there.
pub const fn amr(by: LoginMethod) -> &'static [&'static str] {
    match by {
        LoginMethod::Password => &["pwd"],
        LoginMethod::Passkey => &["pop", "user"],
        LoginMethod::SignOn | LoginMethod::TradeIn => &[],
    }
}

/// The algorithms by which ID tokens are signed, the default first (OpenID Connect Registration §2).
pub const ALGORITHMS: [SignatureAlgorithm; 2] = [SignatureAlgorithm::Rs256, SignatureAlgorithm::Es256];

/// The scopes of OpenID Connect that say something about a user. An application that acts for itself has none of them.
pub fn user_scopes() -> Scope {
    Scope::parse(&format!("{} {DEVICE_SSO}", SCOPES.join(" "))).unwrap_or_default()
}

/// The claims of an ID token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdClaims<'a> {
    /// The authorization server.
    pub iss: &'a str,
    /// The user, as in access tokens.
    pub sub: &'a UserId,
    /// The application.
    pub aud: &'a ClientId,
    /// When it was issued.
    pub iat: Timestamp,
    /// The first second at which it must not be accepted.
    pub exp: Timestamp,
    /// When the user logged in, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    /// The text of the authorization request that binds the token to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    /// [`acr`].
    pub acr: &'a str,
    /// [`amr`]; left out where it is empty.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub amr: &'a [&'a str],
    /// [`at_hash`] of the access token that is issued with it.
    pub at_hash: String,
    /// The session (OpenID Connect Back-Channel Logout §2.1).
    pub sid: &'a SessionId,
    /// [`ds_hash`](crate::device_secret::ds_hash) of the device secret to which the token belongs (OpenID Connect Native SSO §3.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ds_hash: Option<&'a str>,
}

/// The keys that sign ID tokens, one for each algorithm, and the public keys that verify them.
pub struct IdTokenKeys {
    rs256: SigningKey,
    es256: SigningKey,
    published: Vec<Value>,
}

impl IdTokenKeys {
    /// Parses the secret that [`rotation::id_token`](crate::rotation::id_token) describes.
    pub fn parse(json: &str) -> Result<Self, InvalidKeys> {
        let ring = Ring::parse_id_token_pairs(json)?;
        let current = &ring.current;
        let signing = |algorithm| SigningKey::of_pair(kid(&current.id, algorithm), current.key.of(algorithm));
        let published = ring
            .entries()
            .flat_map(|entry| ALGORITHMS.map(|algorithm| entry.key.of(algorithm).jwk(&kid(&entry.id, algorithm))));
        Ok(Self {
            rs256: signing(SignatureAlgorithm::Rs256)?,
            es256: signing(SignatureAlgorithm::Es256)?,
            published: published.collect(),
        })
    }

    /// The JWK Set of the keys that verify access tokens and of those that verify ID tokens. The next keys are among them,
    /// so that clients have them before they sign, and the previous ones, as long as a token of theirs may be accepted.
    pub fn published_with(&self, access: &PublicKeys) -> Value {
        let mut set: Value = serde_json::from_str(access.as_jwks()).unwrap_or_default();
        if let Some(keys) = set.get_mut("keys").and_then(Value::as_array_mut) {
            keys.extend(self.published.iter().cloned());
        }
        set
    }

    /// The published keys, to verify what comes back.
    pub(crate) fn verifying(&self) -> Result<PublicKeys, InvalidKeys> {
        PublicKeys::parse_jwks(&json!({ "keys": self.published, "current": self.rs256.kid() }).to_string())
    }

    /// Signs claims by this algorithm. A media type of its own keeps what is no ID token from being taken for one (RFC 8725 §3.11).
    pub(crate) fn sign(
        &self,
        typ: Option<&str>,
        claims: &impl Serialize,
        algorithm: SignatureAlgorithm,
    ) -> Result<String, NotSigned> {
        let key = match algorithm {
            SignatureAlgorithm::Rs256 => &self.rs256,
            SignatureAlgorithm::Es256 => &self.es256,
        };
        let mut header = Header::new(key.algorithm());
        if let Some(typ) = typ {
            header.typ = Some(typ.to_owned());
        }
        header.kid = Some(key.kid().to_owned());
        jsonwebtoken::encode(&header, claims, key.encoding()).map_err(|_| NotSigned)
    }
}

impl std::fmt::Debug for IdTokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries([&self.rs256, &self.es256]).finish()
    }
}

/// The token could not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be signed")]
pub struct NotSigned;

/// Signs an ID token by this algorithm.
pub fn sign(claims: &IdClaims<'_>, keys: &IdTokenKeys, algorithm: SignatureAlgorithm) -> Result<String, NotSigned> {
    keys.sign(None, claims, algorithm)
}

/// The left half of the SHA-256 of an access token (Core §3.1.3.6); both algorithms use SHA-256.
pub fn at_hash(access_token: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, access_token.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.as_ref().get(..16).unwrap_or_default())
}

/// The id of a published key: that of its pairs in the secret, and the algorithm.
fn kid(id: &str, algorithm: SignatureAlgorithm) -> String {
    format!("{id}{}", kid_ending(algorithm))
}

/// How the ids of published keys for this algorithm end.
pub(crate) const fn kid_ending(algorithm: SignatureAlgorithm) -> &'static str {
    match algorithm {
        SignatureAlgorithm::Rs256 => "-rs256",
        SignatureAlgorithm::Es256 => "-es256",
    }
}

#[cfg(test)]
#[path = "id_token_tests.rs"]
mod tests;
