//! What there is to tell, to whom and in which language.

use gateway_domain::address::Address;
use gateway_domain::ids::OutboxId;
use gateway_domain::language::Language;
use gateway_domain::sealing::{CannotOpen, LetterKeys, SealedToken};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// One message to one person. It is kept sealed until it is sent, since it can hold a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// To whom.
    pub to: Address,
    /// The language of the pages on which the person was.
    #[serde(with = "tag")]
    pub language: Language,
    /// The name of the service, as its pages have it.
    pub service: String,
    /// What there is to tell.
    pub notice: Notice,
}

impl Letter {
    /// Seals it for the mail of this id. The nonce must be 96 fresh random bits.
    pub fn seal(&self, keys: &LetterKeys, id: &OutboxId, nonce: [u8; 12]) -> Result<SealedToken, CannotOpen> {
        let plain = Zeroizing::new(serde_json::to_vec(self).map_err(|_| CannotOpen)?);
        keys.seal(id, nonce, &plain)
    }

    /// Opens the letter of a mail.
    pub fn open(keys: &LetterKeys, id: &OutboxId, sealed: &SealedToken) -> Result<Self, CannotOpen> {
        serde_json::from_slice(&keys.open(id, sealed)?).map_err(|_| CannotOpen)
    }
}

/// What a mail tells. Links are complete URLs of the gateway's own pages.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Notice {
    /// Somebody wants an account with this address: the code and the link prove it.
    VerifyAddress {
        /// The code to type where the account was asked for.
        code: String,
        /// A page that confirms.
        link: String,
        /// How long both work, in minutes.
        minutes: u64,
    },
    /// Somebody wants an account with an address that has one. Only its owner is told.
    AddressTaken {
        /// The page for a forgotten password.
        forgotten: String,
    },
    /// Somebody has forgotten the password of this account: the code and the link set another.
    ResetPassword {
        /// The code to type where the password was asked for.
        code: String,
        /// A page that sets another password.
        link: String,
        /// How long both work, in minutes.
        minutes: u64,
    },
    /// Somebody wants to log in to this account, which got too many wrong attempts: the code and the link prove who it is, and
    /// change nothing.
    Unlock {
        /// The code to type where the mail was asked for.
        code: String,
        /// A page that confirms.
        link: String,
        /// How long both work, in minutes.
        minutes: u64,
    },
    /// The password was changed, and the sessions of this account have ended.
    PasswordChanged {
        /// The page for a forgotten password.
        forgotten: String,
        /// What became of the passkeys of the account, if it had any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        passkeys: Option<PasskeysThen>,
    },
    /// Somebody who is logged in wants this address for the account: the code and the link prove it.
    ChangeAddress {
        /// The code to type where the change was asked for.
        code: String,
        /// A page that confirms.
        link: String,
        /// How long both work, in minutes.
        minutes: u64,
    },
    /// The account has another address from now on. It goes to the address before.
    AddressChanged {
        /// The address that it has now.
        now: String,
        /// A page that takes the change back.
        link: String,
        /// How long the link works, in days.
        days: u64,
    },
    /// The account has the address again that it had before. It goes to the address that it had until now.
    AddressTakenBack,
    /// The account was disabled by its owner.
    AccountDisabled,
    /// The account was deleted by its owner.
    AccountDeleted,
    /// A passkey was added to the account: with it alone, somebody can log in.
    PasskeyAdded {
        /// The page of the account's passkeys.
        link: String,
    },
    /// A passkey of the account was removed, and its sessions have ended.
    PasskeyRemoved {
        /// The page of the account's passkeys.
        link: String,
    },
    /// An authenticator app was set up for an account, as its second proof.
    AuthenticatorSetUp,
    /// The owner of an organization of developers invites whoever has this address.
    Invited {
        /// The organization.
        organization: String,
        /// The address of the owner.
        by: String,
        /// The page of invitations.
        link: String,
        /// How long the invitation can be accepted, in days.
        days: u64,
    },
    /// What developers want for an application waits for an approval.
    RequestWaits {
        /// The application.
        app: String,
        /// The organization.
        organization: String,
        /// The page that shows it.
        link: String,
    },
    /// What developers wanted for an application was approved.
    RequestApproved {
        /// The application.
        app: String,
        /// The page of the application.
        link: String,
    },
    /// What developers wanted for an application was refused.
    RequestRefused {
        /// The application.
        app: String,
        /// Why.
        reason: String,
        /// The page of the application.
        link: String,
    },
    /// Nothing: it is written where there is nobody to tell, so that the tables are asked for the same, and never sent.
    Nothing,
}

/// What becomes of the passkeys of an account whose password is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasskeysThen {
    /// They stay: their owner knew the password before. The text is the page that shows them.
    Stay(String),
    /// They are removed: whoever got the account back cannot know whose they are.
    Gone,
}

/// Shows only the kind, since a code or a link is a secret.
impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

impl Notice {
    /// Its name, for logs and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::VerifyAddress { .. } => "verify_address",
            Self::AddressTaken { .. } => "address_taken",
            Self::ResetPassword { .. } => "reset_password",
            Self::Unlock { .. } => "unlock",
            Self::PasswordChanged { .. } => "password_changed",
            Self::ChangeAddress { .. } => "change_address",
            Self::AddressChanged { .. } => "address_changed",
            Self::AddressTakenBack => "address_taken_back",
            Self::AccountDisabled => "account_disabled",
            Self::AccountDeleted => "account_deleted",
            Self::PasskeyAdded { .. } => "passkey_added",
            Self::PasskeyRemoved { .. } => "passkey_removed",
            Self::AuthenticatorSetUp => "authenticator_set_up",
            Self::Invited { .. } => "invited",
            Self::RequestWaits { .. } => "request_waits",
            Self::RequestApproved { .. } => "request_approved",
            Self::RequestRefused { .. } => "request_refused",
            Self::Nothing => "nothing",
        }
    }
}

/// A language as its tag.
mod tag {
    use super::{Deserialize, Deserializer, Language, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(super) fn serialize<S: Serializer>(language: &Language, serializer: S) -> Result<S::Ok, S::Error> {
        language.tag().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Language, D::Error> {
        let tag = String::deserialize(deserializer)?;
        Language::of_tag(&tag).ok_or_else(|| serde::de::Error::custom("not a language of the gateway"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_read_as_it_was_written_and_shows_no_code() {
        let notice =
            Notice::ResetPassword { code: "12345678".into(), link: "https://a/b?c=secret".into(), minutes: 60 };
        let to = Address::parse("ada@example.com").unwrap();
        let letter = Letter { to, language: Language::German, service: "Bank".into(), notice };
        let text = serde_json::to_string(&letter).unwrap();
        assert!(text.contains("\"language\":\"de\"") && text.contains("\"kind\":\"reset_password\""), "{text}");
        assert_eq!(serde_json::from_str::<Letter>(&text).unwrap(), letter);
        let shown = format!("{letter:?}");
        assert!(shown.contains("reset_password") && !shown.contains("1234") && !shown.contains("secret"), "{shown}");
    }
}
