//! Access tokens: JWTs of RFC 9068, signed here, and verified more strictly than the library alone verifies.

use crate::acr::{Authentication, of_class};
use crate::dpop::Proof;
use crate::holder_key::Thumbprint;
use crate::ids::{ClientId, SessionId, UserId};
use crate::jwt::{self, Compact, NotAJwt};
use crate::keys::{PublicKeys, SigningKey, Verifier};
use crate::presented_token::{NotTheHolder, PresentedToken};
use crate::scope::Scope;
use crate::time::{Seconds, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The media type of an access token (RFC 9068 §2.1).
pub const TYP: &str = "at+jwt";
/// The longest token that is verified, in bytes. API Gateway accepts 10,240 bytes of headers in total.
pub const MAX_LENGTH: usize = 4096;
/// The longest life of an access token, from `iat` to `exp`. The gateway signs none with a longer one, so such a token is
/// forged with a leaked key. It is refused, and so cannot extend the time for which the key counts as in use.
pub const MAX_LIFETIME: Seconds = Seconds::new(3_600);
/// The most bytes of claims of the company.
const MAX_OWN_BYTES: usize = 512;
/// How far the signer's clock may be ahead of the verifier's.
const SKEW: Seconds = Seconds::new(5);

/// The claims of an access token (RFC 9068 §2.2); no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessClaims {
    /// The authorization server.
    pub iss: String,
    /// The user, or the application acting for itself.
    pub sub: UserId,
    /// The resource servers that the token is for.
    pub aud: Vec<String>,
    /// The application.
    pub client_id: ClientId,
    /// The scope of the token.
    pub scope: Scope,
    /// The session that must be alive for the token to work.
    pub sid: SessionId,
    /// Unique to the token.
    pub jti: String,
    /// When it was issued.
    pub iat: Timestamp,
    /// The first second at which it no longer works.
    pub exp: Timestamp,
    /// When and how the user logged in; `None` of who is no user, and where that was not noted.
    #[serde(flatten)]
    pub login: Option<Authentication>,
    /// Whose key it is bound to, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// What the company says about it, for services that read the token. Nothing here is read again by the gateway.
    #[serde(flatten)]
    pub own: OwnClaims,
}

/// The key that whoever presents the token has to have (RFC 7800 §3.1, RFC 9449 §6.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    /// The thumbprint of the key.
    pub jkt: Thumbprint,
}

/// How a token is presented that is bound to this key, or to none: `token_type` (RFC 6750 §6.1.1, RFC 9449 §5).
pub const fn token_type(cnf: Option<&Confirmation>) -> &'static str {
    if cnf.is_some() { "DPoP" } else { "Bearer" }
}

/// A token that verifies. What it says can be had only with a decision about who presents it: a token that is bound to a key is no good to
/// anybody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken(AccessClaims);

impl VerifiedToken {
    /// What it says, for whoever lets nobody act on it: to tell what it is, or where its holder has passed it on.
    pub fn whoever_presents(self) -> AccessClaims {
        self.0
    }

    /// What it says, for a request that presents it in this way.
    ///
    /// # Errors
    /// It is bound to a key, and no proof of that key for this request came with it; or it is bound to none, and is presented as if it were.
    pub fn presented(
        self,
        presented: &PresentedToken<'_>,
        method: &str,
        url: &str,
    ) -> Result<(AccessClaims, Option<Proof>), NotTheHolder> {
        let proof = presented.proof_of(self.0.cnf.as_ref().map(|cnf| &cnf.jkt), method, url)?;
        Ok((self.0, proof))
    }
}

/// Claims of the company, whose names collide with none that anybody registers (RFC 7519 §4.2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OwnClaims(serde_json::Map<String, Value>);

/// Why claims are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClaims {
    /// There is no prefix, or a name does not begin with it.
    #[error("a name in `claims` does not begin with `hooks.claims`")]
    Name,
    /// They would make the token too long.
    #[error("`claims` take more than {MAX_OWN_BYTES} bytes")]
    TooLong,
}

impl OwnClaims {
    /// Claims whose names begin with the prefix; no claims need none.
    ///
    /// # Errors
    /// For another name, and for more than 512 bytes of JSON.
    pub fn of(claims: serde_json::Map<String, Value>, prefix: Option<&str>) -> Result<Self, InvalidClaims> {
        let own = |name: &String| prefix.is_some_and(|prefix| name.len() > prefix.len() && name.starts_with(prefix));
        if !claims.keys().all(own) {
            return Err(InvalidClaims::Name);
        }
        let length = serde_json::to_string(&claims).map_or(usize::MAX, |text| text.len());
        if length > MAX_OWN_BYTES { Err(InvalidClaims::TooLong) } else { Ok(Self(claims)) }
    }
}

/// Why a token is not accepted. The response is the same for all, `invalid_token` (RFC 6750 §3.1); the reason is for the
/// log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// It is not three parts of base64url, of which the first two are JSON objects with distinct names.
    #[error("not a JWT in compact serialisation")]
    Malformed,
    /// The header has parameters other than exactly `typ`, `alg` and `kid`, or other values than this server writes.
    #[error("the header is not that of an access token of this server")]
    Header,
    /// The key is unknown: retired, not yet published, or of another server.
    #[error("signed with an unknown key")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// No signature of this key can verify: the public key set is at fault. Whether the token is valid is not known.
    #[error("its key verifies nothing: the point is not on the curve")]
    UnusableKey,
    /// Past its `exp`.
    #[error("expired")]
    Expired,
    /// A claim is missing, of the wrong type, or has a value that is not accepted.
    #[error("claim {0} is missing or not acceptable")]
    Claim(&'static str),
}

/// Signs an access token.
pub fn sign(claims: &AccessClaims, key: &SigningKey) -> Result<String, InvalidToken> {
    let mut header = Header::new(key.algorithm());
    header.typ = Some(TYP.to_owned());
    header.kid = Some(key.kid().to_owned());
    jsonwebtoken::encode(&header, claims, key.encoding()).map_err(|_| InvalidToken::Signature)
}

/// Verifies an access token. The header must be exact, `kid` determines the algorithm, the signature is verified before
/// any claim is read, and every claim has one type.
pub fn verify(
    token: &str,
    keys: &PublicKeys,
    issuer: &str,
    audience: &str,
    now: Timestamp,
) -> Result<VerifiedToken, InvalidToken> {
    if token.len() > MAX_LENGTH {
        return Err(InvalidToken::Malformed);
    }
    let Compact { message, header, payload, signature } = Compact::parse(token)?;
    let header = jwt::object(header)?;
    let (kid, verifier) = pinned(&header, keys)?;
    if URL_SAFE_NO_PAD.decode(signature).is_err() {
        return Err(InvalidToken::Malformed);
    }
    let outcome = jsonwebtoken::crypto::verify(signature, message.as_bytes(), &verifier.key, verifier.algorithm);
    if !matches!(outcome, Ok(true)) {
        return Err(verifier.check_point(kid).map_or(InvalidToken::UnusableKey, |()| InvalidToken::Signature));
    }
    let claims = claims(&jwt::object(payload)?, issuer, audience, now)?;
    keys.note_use(kid, claims.exp);
    Ok(VerifiedToken(claims))
}

fn pinned<'k>(
    header: &'k BTreeMap<String, Value>,
    keys: &'k PublicKeys,
) -> Result<(&'k str, &'k Verifier), InvalidToken> {
    // This server signs with these three parameters, so any other (crit, jwk, jku, x5c …) is refused (RFC 8725 §3.10).
    if header.keys().any(|name| !["alg", "kid", "typ"].contains(&name.as_str())) {
        return Err(InvalidToken::Header);
    }
    let text = |name: &str| header.get(name).and_then(Value::as_str).ok_or(InvalidToken::Header);
    let typ = text("typ")?;
    if !typ.eq_ignore_ascii_case(TYP) && !typ.eq_ignore_ascii_case("application/at+jwt") {
        return Err(InvalidToken::Header);
    }
    let kid = text("kid")?;
    let verifier = keys.get(kid).ok_or(InvalidToken::UnknownKey)?;
    match (verifier.algorithm, text("alg")?) {
        (Algorithm::ES256, "ES256") | (Algorithm::RS256, "RS256") => Ok((kid, verifier)),
        _ => Err(InvalidToken::Header),
    }
}

impl From<NotAJwt> for InvalidToken {
    fn from(_: NotAJwt) -> Self {
        Self::Malformed
    }
}

fn claims(
    claims: &BTreeMap<String, Value>,
    issuer: &str,
    audience: &str,
    now: Timestamp,
) -> Result<AccessClaims, InvalidToken> {
    let text = |name: &'static str| claims.get(name).and_then(Value::as_str).ok_or(InvalidToken::Claim(name));
    let date = |name: &'static str| jwt::date(claims, name).map_err(|_| InvalidToken::Claim(name));
    let iss = text("iss")?;
    if iss != issuer {
        return Err(InvalidToken::Claim("iss"));
    }
    let aud = jwt::audiences(claims.get("aud")).ok_or(InvalidToken::Claim("aud"))?;
    if !aud.iter().any(|name| name == audience) {
        return Err(InvalidToken::Claim("aud"));
    }
    let exp = date("exp")?.ok_or(InvalidToken::Claim("exp"))?;
    let iat = date("iat")?.ok_or(InvalidToken::Claim("iat"))?;
    if now >= exp {
        return Err(InvalidToken::Expired);
    }
    if iat > now.saturating_add(SKEW) {
        return Err(InvalidToken::Claim("iat"));
    }
    if exp > iat.saturating_add(MAX_LIFETIME) {
        return Err(InvalidToken::Claim("exp"));
    }
    if date("nbf")?.is_some_and(|nbf| now < nbf) {
        return Err(InvalidToken::Claim("nbf"));
    }
    Ok(AccessClaims {
        iss: iss.to_owned(),
        sub: UserId::parse(text("sub")?).map_err(|_| InvalidToken::Claim("sub"))?,
        aud,
        client_id: ClientId::parse(text("client_id")?).map_err(|_| InvalidToken::Claim("client_id"))?,
        scope: Scope::parse(text("scope")?).map_err(|_| InvalidToken::Claim("scope"))?,
        sid: SessionId::parse(text("sid")?).map_err(|_| InvalidToken::Claim("sid"))?,
        jti: text("jti")?.to_owned(),
        iat,
        exp,
        login: login(claims)?,
        cnf: confirmation(claims.get("cnf"))?,
        own: OwnClaims::default(),
    })
}

/// How the user logged in. Both claims are there or neither; a class of a later version of this server says nothing here.
fn login(claims: &BTreeMap<String, Value>) -> Result<Option<Authentication>, InvalidToken> {
    let auth_time = jwt::date(claims, "auth_time").map_err(|_| InvalidToken::Claim("auth_time"))?;
    let acr = claims.get("acr").map(|acr| acr.as_str().ok_or(InvalidToken::Claim("acr"))).transpose()?;
    let by = acr.and_then(of_class);
    Ok(auth_time.zip(by).map(|(auth_time, by)| Authentication { auth_time, by }))
}

/// A confirmation of another kind than this server writes is refused: a token that it binds must not pass as one that is bound to nothing.
fn confirmation(claim: Option<&Value>) -> Result<Option<Confirmation>, InvalidToken> {
    let Some(claim) = claim else { return Ok(None) };
    let members = claim.as_object().filter(|members| members.len() == 1);
    let jkt = members.and_then(|members| members.get("jkt")).and_then(Value::as_str);
    let jkt = jkt.and_then(|jkt| Thumbprint::parse(jkt).ok()).ok_or(InvalidToken::Claim("cnf"))?;
    Ok(Some(Confirmation { jkt }))
}

#[cfg(test)]
#[path = "access_token_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "rs256_tests.rs"]
mod rs256_tests;
