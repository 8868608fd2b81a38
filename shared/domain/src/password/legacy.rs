//! Password hashes that another system made: their kinds, the bounds on their cost, and how each is compared.

use super::HashError;
use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use ring::pbkdf2;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// The longest text of a hash in bytes.
const MAX_TEXT: usize = 512;
/// Lengths of a hash in bytes: a wrong password can match a shorter one by chance, and none of these kinds has a longer one.
const OUTPUT: RangeInclusive<usize> = 16..=64;
/// Lengths of a salt in bytes (SP 800-63B-4 §3.1.1.2 asks for 32 bits).
const SALT: RangeInclusive<usize> = 4..=64;
/// Argon2 and scrypt: most memory in KiB, a thirteenth of what the token function has.
const MAX_MEMORY: u64 = 128 * 1024;
/// Argon2: most passes times KiB, about 13 times that of the gateway's own hashes.
const MAX_ARGON2_WORK: u64 = 512 * 1024;
/// bcrypt: the highest cost, about a second.
const MAX_BCRYPT: u32 = 14;
/// PBKDF2: most iterations, about a second.
const MAX_ITERATIONS: u32 = 2_000_000;
/// scrypt: most N·r·p, twice what OWASP recommends.
const MAX_SCRYPT_WORK: u64 = 1 << 21;

/// Why a hash is not imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHash {
    /// It is not of a kind that can be compared.
    #[error(
        "the password hash is of no known kind: expected argon2 (PHC), bcrypt ($2a$, $2b$, $2y$), PBKDF2 (PHC, Django \
         or passlib) or scrypt (PHC or Django)"
    )]
    Unknown,
    /// It is of that kind but cannot be parsed, or its salt or hash has an unusable length.
    #[error("the {0} hash is malformed")]
    Malformed(&'static str),
    /// It was made with a secret key that only the other system has.
    #[error("the {0} hash was made with a key (keyid) that is not in it: nothing can be compared with it")]
    Keyed(&'static str),
    /// To compare a password with it would cost more than a login may.
    #[error("the {kind} hash costs too much to compare: at most {most} is accepted")]
    TooDear {
        /// Its kind.
        kind: &'static str,
        /// The bound that it exceeds.
        most: &'static str,
    },
}

/// A hash that can be compared at a bounded cost.
pub(super) enum Legacy<'a> {
    Argon2 {
        argon2: Argon2<'static>,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    /// Django's `bcrypt_sha256` hashes the hexadecimal SHA-256 of the password.
    Bcrypt {
        text: &'a str,
        prehashed: bool,
    },
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        iterations: NonZeroU32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
}

impl<'a> Legacy<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, InvalidHash> {
        if text.len() > MAX_TEXT || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(InvalidHash::Unknown);
        }
        // Django writes its own name of the kind before the form of other libraries.
        if let Some(text) = text.strip_prefix("bcrypt_sha256$") {
            return bcrypt(text, true);
        }
        let text = text.strip_prefix("bcrypt$").unwrap_or(text);
        let text = text.strip_prefix("argon2").filter(|rest| rest.starts_with("$argon2")).unwrap_or(text);
        match text.split('$').collect::<Vec<_>>().as_slice() {
            ["", "argon2id" | "argon2i" | "argon2d", ..] => argon2(text),
            ["", "2a" | "2b" | "2y", ..] => bcrypt(text, false),
            ["", kind, cost, salt, hash] if kind.starts_with("pbkdf2") => {
                let cost = cost.strip_prefix("i=").unwrap_or(cost);
                let (iterations, length) = cost.split_once(",l=").map_or((cost, None), |(i, l)| (i, Some(l)));
                let hash = decode(hash).filter(|hash| length.is_none_or(|length| length == hash.len().to_string()));
                pbkdf2(kind.strip_prefix("pbkdf2").unwrap_or_default(), iterations, decode(salt), hash)
            }
            [kind @ ("pbkdf2_sha1" | "pbkdf2_sha256"), iterations, salt, hash] => {
                let digest = kind.strip_prefix("pbkdf2").unwrap_or_default();
                pbkdf2(digest, iterations, Some(salt.as_bytes().to_vec()), decode(hash))
            }
            ["", "scrypt", params, salt, hash] => {
                let parts: Option<Vec<_>> = params.split(',').map(|part| part.split_once('=')).collect();
                match parts.as_deref() {
                    Some([("ln", log_n), ("r", r), ("p", p)]) => scrypt(log_n.parse().ok(), r, p, decode(salt), hash),
                    _ => Err(InvalidHash::Malformed("scrypt")),
                }
            }
            ["scrypt", n, salt, r, p, hash] => {
                let log_n = n.parse::<u64>().ok().filter(|n| n.is_power_of_two()).map(u64::ilog2);
                scrypt(log_n, r, p, Some(salt.as_bytes().to_vec()), hash)
            }
            _ => Err(InvalidHash::Unknown),
        }
    }

    /// Whether this is the hash of that password.
    pub(super) fn matches(&self, password: &[u8]) -> Result<bool, HashError> {
        match self {
            Self::Argon2 { argon2, salt, hash } => {
                let mut out = Zeroizing::new(vec![0; hash.len()]);
                argon2.hash_password_into(password, salt, &mut out).map_err(|_| HashError::Argon2)?;
                Ok(out.ct_eq(hash).into())
            }
            // bcrypt compares only the first 72 bytes. That is accepted once, as in the other system; the login then hashes
            // all.
            Self::Bcrypt { text, prehashed } => {
                let digest =
                    Zeroizing::new(if *prehashed { crate::secret::sha256_hex(password) } else { String::new() });
                let password = if *prehashed { digest.as_bytes() } else { password };
                bcrypt::verify(password, text).map_err(|_| HashError::Stored)
            }
            Self::Pbkdf2 { algorithm, iterations, salt, hash } => {
                Ok(pbkdf2::verify(*algorithm, *iterations, salt, password, hash).is_ok())
            }
            Self::Scrypt { params, salt, hash } => {
                let mut out = Zeroizing::new(vec![0; hash.len()]);
                scrypt::scrypt(password, salt, params, &mut out).map_err(|_| HashError::Stored)?;
                Ok(out.ct_eq(hash).into())
            }
        }
    }
}

fn argon2(text: &str) -> Result<Legacy<'_>, InvalidHash> {
    const KIND: &str = "argon2";
    let malformed = InvalidHash::Malformed(KIND);
    let phc = Phc::new(text).map_err(|_| malformed)?;
    let algorithm = Algorithm::try_from(phc.algorithm.as_str()).map_err(|_| malformed)?;
    // A hash without a version has the first one (argon2 reference implementation, encoding.c).
    let version = phc.version.map_or(Ok(Version::V0x10), Version::try_from).map_err(|_| malformed)?;
    if phc.params.get("keyid").is_some() {
        return Err(InvalidHash::Keyed(KIND));
    }
    let params = Params::try_from(&phc).map_err(|_| malformed)?;
    let (Some(salt), Some(hash)) = (&phc.salt, &phc.hash) else { return Err(malformed) };
    let memory = u64::from(params.m_cost());
    if memory > MAX_MEMORY || memory.saturating_mul(u64::from(params.t_cost())) > MAX_ARGON2_WORK {
        return Err(InvalidHash::TooDear { kind: KIND, most: "128 MiB, and 512 MiB over all passes," });
    }
    let (salt, hash) = sound(KIND, Some(salt.as_ref().to_vec()), Some(hash.as_bytes().to_vec()))?;
    Ok(Legacy::Argon2 { argon2: Argon2::new(algorithm, version, params), salt, hash })
}

fn bcrypt(text: &str, prehashed: bool) -> Result<Legacy<'_>, InvalidHash> {
    let parts: bcrypt::HashParts = text.parse().map_err(|_| InvalidHash::Malformed("bcrypt"))?;
    // 2x marks hashes of a faulty implementation, in which different passwords have one hash (CVE-2011-2483).
    if text.starts_with("$2x$") {
        return Err(InvalidHash::Unknown);
    }
    match parts.get_cost() {
        4..=MAX_BCRYPT => Ok(Legacy::Bcrypt { text, prehashed }),
        0..4 => Err(InvalidHash::Malformed("bcrypt")),
        _ => Err(InvalidHash::TooDear { kind: "bcrypt", most: "cost 14" }),
    }
}

fn pbkdf2(
    digest: &str,
    iterations: &str,
    salt: Option<Vec<u8>>,
    hash: Option<Vec<u8>>,
) -> Result<Legacy<'static>, InvalidHash> {
    const KIND: &str = "PBKDF2";
    let algorithm = match digest {
        // passlib writes SHA-1 without its name.
        "" | "-sha1" | "_sha1" => pbkdf2::PBKDF2_HMAC_SHA1,
        "-sha256" | "_sha256" => pbkdf2::PBKDF2_HMAC_SHA256,
        "-sha512" => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return Err(InvalidHash::Unknown),
    };
    let digits = iterations.bytes().all(|b| b.is_ascii_digit());
    let Some(iterations) = iterations.parse::<u64>().ok().filter(|number| digits && *number > 0) else {
        return Err(InvalidHash::Malformed(KIND));
    };
    let iterations = u32::try_from(iterations).ok().filter(|number| *number <= MAX_ITERATIONS);
    let Some(iterations) = iterations.and_then(NonZeroU32::new) else {
        return Err(InvalidHash::TooDear { kind: KIND, most: "2,000,000 iterations" });
    };
    let (salt, hash) = sound(KIND, salt, hash)?;
    Ok(Legacy::Pbkdf2 { algorithm, iterations, salt, hash })
}

fn scrypt(
    log_n: Option<u32>,
    r: &str,
    p: &str,
    salt: Option<Vec<u8>>,
    hash: &str,
) -> Result<Legacy<'static>, InvalidHash> {
    const KIND: &str = "scrypt";
    let malformed = InvalidHash::Malformed(KIND);
    let (Some(log_n), Ok(r), Ok(p)) = (log_n, r.parse::<u32>(), p.parse::<u32>()) else { return Err(malformed) };
    let blocks = 1_u64.checked_shl(log_n).unwrap_or(u64::MAX).saturating_mul(u64::from(r));
    // A block of scrypt has 128 bytes, so eight blocks are one KiB.
    if log_n > 63 || blocks / 8 > MAX_MEMORY || blocks.saturating_mul(u64::from(p)) > MAX_SCRYPT_WORK {
        return Err(InvalidHash::TooDear { kind: KIND, most: "128 MiB and N·r·p of 2,097,152" });
    }
    let params = u8::try_from(log_n).ok().filter(|log_n| *log_n > 0);
    let params = params
        .and_then(|log_n| scrypt::Params::new(log_n, r, p, scrypt::Params::RECOMMENDED_LEN).ok())
        .ok_or(malformed)?;
    let (salt, hash) = sound(KIND, salt, decode(hash))?;
    Ok(Legacy::Scrypt { params, salt, hash })
}

/// Salt and hash, if both were decoded and have usable lengths.
fn sound(kind: &'static str, salt: Option<Vec<u8>>, hash: Option<Vec<u8>>) -> Result<(Vec<u8>, Vec<u8>), InvalidHash> {
    let salt = salt.filter(|salt| SALT.contains(&salt.len()));
    let hash = hash.filter(|hash| OUTPUT.contains(&hash.len()));
    salt.zip(hash).ok_or(InvalidHash::Malformed(kind))
}

/// Base64 with or without padding; passlib writes `.` for `+`.
fn decode(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
    engine.decode(text.replace('.', "+")).ok()
}

#[cfg(test)]
mod tests;
