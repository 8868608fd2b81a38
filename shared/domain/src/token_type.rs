//! What a token exchange can issue (RFC 8693 §3): a token of a legacy system, for a service that calls it itself.

use std::fmt;

/// The grant type of a token exchange (RFC 8693 §2.1).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The type of an ID token (RFC 8693 §3).
pub const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// The type of a token that is exchanged, or that is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// An OAuth 2.0 access token: one of this gateway, or one that a back end has issued.
    AccessToken,
    /// A SAML 2.0 assertion, its XML in base64url.
    Saml2,
    /// A session value: the cookie or token that a call would carry.
    Session,
    /// A fresh message for one Kerberos service, in base64: what follows `Negotiate ` in `Authorization` (RFC 4559 §4.2). A service
    /// takes each once. Never a ticket-granting ticket.
    KerberosApReq,
}

impl TokenType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::AccessToken, Self::Saml2, Self::Session, Self::KerberosApReq];

    /// The identifier, as requests and responses have it. Those that no standard has are the gateway's own.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::Saml2 => "urn:ietf:params:oauth:token-type:saml2",
            Self::Session => "urn:mobile-api-gateway:token-type:session",
            Self::KerberosApReq => "urn:mobile-api-gateway:token-type:kerberos-ap-req",
        }
    }

    /// The type of this identifier, character for character.
    pub fn parse(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.uri() == uri)
    }

    /// How a client uses it: `Bearer` for an access token, `N_A` for what is none (RFC 8693 §2.2.1).
    pub const fn token_type(self) -> &'static str {
        match self {
            Self::AccessToken => "Bearer",
            Self::Saml2 | Self::Session | Self::KerberosApReq => "N_A",
        }
    }
}

impl fmt::Display for TokenType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_read_as_it_is_written_and_not_otherwise() {
        for one in TokenType::ALL {
            assert_eq!(TokenType::parse(one.uri()), Some(one));
            assert_eq!(TokenType::parse(&one.uri().to_uppercase()), None);
        }
        for other in ["", "saml2", "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:saml2 "] {
            assert_eq!(TokenType::parse(other), None, "{other}");
        }
    }
}
