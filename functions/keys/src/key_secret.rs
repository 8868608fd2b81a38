//! The secrets that hold keys: their names, how the keys of each are generated and read, and how long a key is kept.

use gateway_domain::access_token::MAX_LIFETIME;
use gateway_domain::code::TAKE_BACK;
use gateway_domain::entropy::Entropy;
use gateway_domain::rotation::id_token::IdTokenPairs;
use gateway_domain::rotation::pair::{NoPair, Pair};
use gateway_domain::rotation::symmetric::Key;
use gateway_domain::rotation::{Entry, Keep, Ring};
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use gateway_runtime::{Environment, StartError};
use serde::Deserialize;

use crate::{Failure, Keys, rsa_pair};

/// A secret whose keys are rotated. The public set is not one of them: it is derived from the signing keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeySecret {
    /// Private keys that sign access tokens.
    Signing,
    /// Private keys that sign ID tokens.
    #[serde(rename = "id-token")]
    IdToken,
    /// AES keys that seal internal tokens.
    Sealing,
    /// AES keys that seal the letters of mails.
    Letters,
    /// HMAC keys that authenticate refresh tokens.
    Refresh,
    /// Pepper keys of password hashes.
    Pepper,
}

impl KeySecret {
    /// Its name in events.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::IdToken => "id-token",
            Self::Sealing => "sealing",
            Self::Letters => "letters",
            Self::Refresh => "refresh",
            Self::Pepper => "pepper",
        }
    }
}

/// The ARNs of the secrets.
pub(crate) struct Names {
    signing: String,
    pub(crate) public: String,
    id_token: String,
    sealing: String,
    letters: String,
    refresh: String,
    pepper: String,
}

impl Names {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, StartError> {
        let name = |variable| environment.require(variable, "the ARN of a secret").map(str::to_owned);
        Ok(Self {
            signing: name("SIGNING_KEYS_SECRET")?,
            public: name("PUBLIC_KEYS_SECRET")?,
            id_token: name("ID_TOKEN_KEYS_SECRET")?,
            sealing: name("SEALING_KEYS_SECRET")?,
            letters: name("LETTER_KEYS_SECRET")?,
            refresh: name("REFRESH_KEYS_SECRET")?,
            pepper: name("PEPPER_SECRET")?,
        })
    }

    pub(crate) fn of(&self, secret: KeySecret) -> &str {
        match secret {
            KeySecret::Signing => &self.signing,
            KeySecret::IdToken => &self.id_token,
            KeySecret::Sealing => &self.sealing,
            KeySecret::Letters => &self.letters,
            KeySecret::Refresh => &self.refresh,
            KeySecret::Pepper => &self.pepper,
        }
    }

    /// The secret with this ARN.
    pub(crate) fn which(&self, arn: &str) -> Result<KeySecret, Failure> {
        let found = KeySecret::ALL.into_iter().find(|secret| self.of(*secret) == arn);
        found.ok_or_else(|| Failure::ForeignSecret(arn.to_owned()))
    }
}

/// The keys in one version of a secret.
pub(crate) enum Turning {
    Pairs(Ring<Pair>),
    IdTokenPairs(Ring<IdTokenPairs>),
    Keys(Ring<Key>),
}

impl KeySecret {
    pub(crate) const ALL: [Self; 6] =
        [Self::Signing, Self::IdToken, Self::Sealing, Self::Letters, Self::Refresh, Self::Pepper];

    /// Whether what its keys make expires: tokens do, password hashes do not.
    pub(crate) fn makes_what_ends(self) -> bool {
        match self {
            Self::Signing | Self::IdToken | Self::Sealing | Self::Letters | Self::Refresh => true,
            Self::Pepper => false,
        }
    }

    /// The keys of a new secret.
    pub(crate) fn generate(self, now: Timestamp, entropy: &dyn Entropy) -> Result<Turning, Failure> {
        Ok(match self {
            Self::Signing => Turning::Pairs(Ring::first(new_pair(entropy)?, new_pair(entropy)?, now)),
            Self::IdToken => {
                Turning::IdTokenPairs(Ring::first(new_id_token_pairs(entropy)?, new_id_token_pairs(entropy)?, now))
            }
            Self::Sealing | Self::Letters | Self::Refresh | Self::Pepper => {
                Turning::Keys(Ring::generate(entropy.bytes()?, entropy.bytes()?, now))
            }
        })
    }

    /// The keys in the text of the secret.
    pub(crate) fn parse(self, text: &Secret) -> Result<Turning, Failure> {
        Ok(match self {
            Self::Signing => Turning::Pairs(Ring::parse_pairs(text.expose())?),
            Self::IdToken => Turning::IdTokenPairs(Ring::parse_id_token_pairs(text.expose())?),
            Self::Sealing | Self::Letters | Self::Refresh | Self::Pepper => {
                Turning::Keys(Ring::parse_keys(text.expose())?)
            }
        })
    }
}

impl Turning {
    pub(crate) fn text(&self) -> Secret {
        match self {
            Self::Pairs(ring) => ring.to_secret(),
            Self::IdTokenPairs(ring) => ring.to_secret(),
            Self::Keys(ring) => ring.to_secret(),
        }
    }

    pub(crate) fn made(&self) -> Timestamp {
        match self {
            Self::Pairs(ring) => ring.made,
            Self::IdTokenPairs(ring) => ring.made,
            Self::Keys(ring) => ring.made,
        }
    }

    /// The id of the version that this one was made from.
    pub(crate) fn follows(&self) -> &str {
        match self {
            Self::Pairs(ring) => &ring.follows,
            Self::IdTokenPairs(ring) => &ring.follows,
            Self::Keys(ring) => &ring.follows,
        }
    }

    pub(crate) fn current(&self) -> &str {
        match self {
            Self::Pairs(ring) => &ring.current.id,
            Self::IdTokenPairs(ring) => &ring.current.id,
            Self::Keys(ring) => &ring.current.id,
        }
    }
}

impl Keys {
    /// How long a key is kept after its retirement.
    pub(crate) fn keep(&self, secret: KeySecret) -> Result<Keep, StartError> {
        Ok(match secret {
            // No ID token lives longer than the access token beside it.
            KeySecret::Signing | KeySecret::IdToken => Keep::For(MAX_LIFETIME),
            KeySecret::Sealing | KeySecret::Refresh => Keep::For(self.gateway()?.lifetimes().session_absolute),
            // No letter waits longer than the one that brings a way back.
            KeySecret::Letters => Keep::For(TAKE_BACK),
            KeySecret::Pepper => Keep::Ever,
        })
    }
}

/// A new key pair with a random id.
pub(crate) fn new_pair(entropy: &dyn Entropy) -> Result<Entry<Pair>, Failure> {
    Ok(Entry::named(entropy.bytes()?, Pair::generate()?))
}

/// New pairs of ID tokens with a random id.
pub(crate) fn new_id_token_pairs(entropy: &dyn Entropy) -> Result<Entry<IdTokenPairs>, Failure> {
    let pairs = IdTokenPairs::new(rsa_pair::generate(rsa_pair::BITS, entropy)?, Pair::generate()?).ok_or(NoPair)?;
    Ok(Entry::named(entropy.bytes()?, pairs))
}
