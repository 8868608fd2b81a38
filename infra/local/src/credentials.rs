//! Credentials that a stack makes at its start, in the form of AWS. Its services refuse every request without them.

use aws_credential_types::Credentials;
use gateway_runtime::{StartError, SystemEntropy};

use crate::random;

/// The characters of access key ids (RFC 4648 §6).
const BASE32: [char; 32] = [
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W',
    'X', 'Y', 'Z', '2', '3', '4', '5', '6', '7',
];

/// Credentials of the owner of the account, in the form of a user's: an access key id and a secret access key.
pub fn of_owner() -> Result<Credentials, StartError> {
    Ok(Credentials::new(access_key_id("AKIA")?, random::secret()?, None, None, "local-stack"))
}

/// Credentials of a function, in the form of a role's: with a session token as well.
pub(crate) fn of_role() -> Result<Credentials, StartError> {
    Ok(Credentials::new(access_key_id("ASIA")?, random::secret()?, Some(random::secret()?), None, "local-stack"))
}

/// The variables in which tools and SDKs of AWS look for credentials, as Lambda sets them.
pub fn variables(credentials: &Credentials) -> impl Iterator<Item = (&'static str, &str)> {
    let always = [
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id()),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key()),
    ];
    always.into_iter().chain(credentials.session_token().map(|token| ("AWS_SESSION_TOKEN", token)))
}

/// An id with 80 random bits.
fn access_key_id(prefix: &str) -> Result<String, StartError> {
    let random = SystemEntropy.bytes::<16>()?;
    let letters = random.iter().filter_map(|byte| BASE32.get(usize::from(byte & 31)));
    Ok(prefix.chars().chain(letters.copied()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_has_credentials_of_its_own_in_the_form_of_aws() {
        let (one, other) = (of_role().unwrap(), of_role().unwrap());
        assert_ne!(one.access_key_id(), other.access_key_id());
        assert_ne!(one.secret_access_key(), other.secret_access_key());
        assert_ne!(one.session_token(), other.session_token());
        assert!(one.access_key_id().len() == 20 && one.access_key_id().bytes().all(|b| b.is_ascii_alphanumeric()));
        let names = |credentials: &Credentials| variables(credentials).map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(&one), ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]);
        assert_eq!(names(&of_owner().unwrap()), ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
    }
}
