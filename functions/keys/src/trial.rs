//! Tries new keys with the code that will use them.

use gateway_domain::access_token::{AccessClaims, OwnClaims, sign, verify};
use gateway_domain::entropy::Entropy;
use gateway_domain::id_token::{self, IdClaims, IdTokenKeys};
use gateway_domain::ids::{ClientId, ConnectorName, OutboxId, SessionId, UserId};
use gateway_domain::keys::{PublicKeys, SigningKey};
use gateway_domain::password::{Cost, Passwords, Verdict};
use gateway_domain::refresh_token::{Presented, RefreshKeys};
use gateway_domain::scope::Scope;
use gateway_domain::sealing::{LetterKeys, SealingKeys};
use gateway_domain::secret::Secret;
use gateway_domain::session::LoginMethod;
use gateway_domain::time::{Seconds, Timestamp};

use crate::Failure;
use crate::key_secret::KeySecret;

const TRIAL: &str = "trial";

/// Makes something with the current key, and checks that the same set of keys verifies or opens it.
pub(crate) fn of(
    secret: KeySecret,
    text: &Secret,
    public: Option<&Secret>,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<(), Failure> {
    let works = match secret {
        KeySecret::Signing => signs(text, public.ok_or(Failure::Trial("there is no public set"))?, now, entropy)?,
        KeySecret::IdToken => signs_id_tokens(text, now, entropy)?,
        KeySecret::Sealing => seals(text, entropy)?,
        KeySecret::Letters => seals_letters(text, entropy)?,
        KeySecret::Refresh => authenticates(text, entropy)?,
        KeySecret::Pepper => hashes(text, entropy)?,
    };
    if works { Ok(()) } else { Err(Failure::Trial("what the current key makes does not open")) }
}

fn signs(text: &Secret, public: &Secret, now: Timestamp, entropy: &dyn Entropy) -> Result<bool, Failure> {
    let (key, public) = (SigningKey::parse(text.expose())?, PublicKeys::parse_jwks(public.expose())?);
    public.check_points()?;
    let name = |_| Failure::Trial("the trial's own names are malformed");
    let claims = AccessClaims {
        iss: TRIAL.to_owned(),
        sub: UserId::parse(TRIAL).map_err(name)?,
        aud: vec![TRIAL.to_owned()],
        client_id: ClientId::parse(TRIAL).map_err(name)?,
        scope: Scope::default(),
        sid: SessionId::from_random(entropy.bytes()?),
        jti: TRIAL.to_owned(),
        iat: now,
        exp: now.saturating_add(Seconds::new(1)),
        login: None,
        cnf: None,
        own: OwnClaims::default(),
    };
    let signed = sign(&claims, &key).map_err(|_| Failure::Trial("the current key does not sign"))?;
    Ok(verify(&signed, &public, TRIAL, TRIAL, now).is_ok())
}

/// Signs by each algorithm. That the public keys are those of the private ones, reading the secret makes sure.
fn signs_id_tokens(text: &Secret, now: Timestamp, entropy: &dyn Entropy) -> Result<bool, Failure> {
    let keys = IdTokenKeys::parse(text.expose())?;
    let name = |_| Failure::Trial("the trial's own names are malformed");
    let claims = IdClaims {
        iss: TRIAL,
        sub: &UserId::parse(TRIAL).map_err(name)?,
        aud: &ClientId::parse(TRIAL).map_err(name)?,
        iat: now,
        exp: now.saturating_add(Seconds::new(1)),
        auth_time: None,
        nonce: None,
        acr: id_token::acr(LoginMethod::Password),
        amr: id_token::amr(LoginMethod::Password),
        at_hash: id_token::at_hash(TRIAL),
        sid: &SessionId::from_random(entropy.bytes()?),
        ds_hash: None,
    };
    Ok(id_token::ALGORITHMS.into_iter().all(|algorithm| id_token::sign(&claims, &keys, algorithm).is_ok()))
}

fn seals(text: &Secret, entropy: &dyn Entropy) -> Result<bool, Failure> {
    let keys = SealingKeys::parse(text.expose())?;
    let session = SessionId::from_random(entropy.bytes()?);
    let name = ConnectorName::parse(TRIAL).map_err(|_| Failure::Trial("the trial's own names are malformed"))?;
    let sealed = keys.seal(&session, &name, 1, entropy.bytes()?, TRIAL.as_bytes());
    let sealed = sealed.map_err(|_| Failure::Trial("the current key does not seal"))?;
    Ok(keys.open(&session, &name, 1, &sealed).is_ok_and(|opened| opened.as_slice() == TRIAL.as_bytes()))
}

fn seals_letters(text: &Secret, entropy: &dyn Entropy) -> Result<bool, Failure> {
    let keys = LetterKeys::parse(text.expose())?;
    let mail = OutboxId::from_random(entropy.bytes()?);
    let sealed = keys.seal(&mail, entropy.bytes()?, TRIAL.as_bytes());
    let sealed = sealed.map_err(|_| Failure::Trial("the current key does not seal"))?;
    Ok(keys.open(&mail, &sealed).is_ok_and(|opened| opened.as_slice() == TRIAL.as_bytes()))
}

fn authenticates(text: &Secret, entropy: &dyn Entropy) -> Result<bool, Failure> {
    let keys = RefreshKeys::parse(text.expose())?;
    let (session, salt) = (SessionId::from_random(entropy.bytes()?), entropy.bytes()?);
    let Ok(token) = keys.token(keys.current_id(), &salt, &session, 1) else { return Ok(false) };
    let presented = Presented::parse(token.expose());
    Ok(presented.is_ok_and(|presented| keys.check(keys.current_id(), &salt, &presented).is_ok()))
}

fn hashes(text: &Secret, entropy: &dyn Entropy) -> Result<bool, Failure> {
    // A cheap hash suffices: only the pepper is tried.
    let passwords = Passwords::new(text.expose(), Cost { memory: 64, passes: 1 })?;
    let password = Secret::new(TRIAL.to_owned());
    let Ok(hash) = passwords.hash(&password, entropy.bytes()?) else { return Ok(false) };
    Ok(passwords.verify(&password, Some(&hash)) == Ok(Verdict::Right { outdated: false }))
}
