//! Other issuers, whose refresh tokens apps trade in: where they are asked, as which client, and whom their subjects are here.

use crate::check::{Findings, tls};
use crate::connector::EntityId;
use crate::file::File;
use crate::{HttpUrl, NotAllowed, SecretName, Tls, duration};
use gateway_domain::ids::ClientId;
use gateway_domain::time::{Seconds, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The most issuers: companies leave one, seldom two.
const MOST: usize = 4;
/// The most applications of one issuer.
const MOST_CLIENTS: usize = 64;

/// Another issuer of tokens (OpenID Connect Core, RFC 6749), whose refresh tokens are traded in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForeignIssuer {
    /// Its identifier, letter for letter as it stands in `iss` of its tokens.
    pub issuer: EntityId,
    /// Where it takes refresh tokens (RFC 6749 §3.2).
    pub token_endpoint: HttpUrl,
    /// With `subject: id_token`: where its public keys are (RFC 7517 §5).
    pub jwks_uri: Option<HttpUrl>,
    /// With `subject: introspection`: where it tells whose an access token is (RFC 7662 §2).
    pub introspection_endpoint: Option<HttpUrl>,
    /// What tells whose a refresh token was.
    #[serde(default)]
    #[schemars(extend("default" = "id_token"))]
    pub subject: SubjectFrom,
    /// The errors of its token endpoint that refuse a refresh token for good. It is `invalid_grant` by the RFC, and `invalid_request` besides
    /// at an issuer that answers so to a token that it does not know.
    #[serde(default = "default_refused_by")]
    #[schemars(extend("default" = ["invalid_grant"], "minItems" = 1, "uniqueItems" = true))]
    pub refused_by: Vec<RefusedBy>,
    /// Whom its subjects are here.
    pub users: ForeignUsers,
    /// The applications that trade in its refresh tokens, 1 to 64.
    #[schemars(extend("minItems" = 1, "maxItems" = 64))]
    pub clients: Vec<ForeignClient>,
    /// The last day, in UTC, on which refresh tokens are traded in, such as 2027-06-30.
    pub until: LastDay,
    /// How long each of its answers may take, 1 s to 8 s.
    #[serde(default = "default_timeout", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "5s"))]
    pub timeout: Seconds,
    /// Whom to trust there, and how the gateway authenticates. Without it, the public authorities are trusted.
    pub tls: Option<Tls>,
}

const fn default_timeout() -> Seconds {
    Seconds::new(5)
}

fn default_refused_by() -> Vec<RefusedBy> {
    vec![RefusedBy::InvalidGrant]
}

/// An error by which an issuer refuses a refresh token (RFC 6749 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusedBy {
    /// The token is unknown, used, over or another client's.
    InvalidGrant,
    /// By the RFC the request is malformed, which the gateway's is not.
    InvalidRequest,
}

impl RefusedBy {
    /// The error code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
        }
    }
}

/// What tells whose a refresh token was. It is never an address: who has an address may change, and not every issuer proves it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectFrom {
    /// `sub` of the ID token that the issuer answers a refresh with (OpenID Connect Core §12.2), once it is verified.
    #[default]
    IdToken,
    /// `sub` that the issuer tells of the access token that it answers with (RFC 7662 §2.2).
    Introspection,
}

/// Whom a subject of the issuer is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForeignUsers {
    /// The user whose id is the same text: users were imported with the ids that they had.
    Subject,
    /// The user who has a link of the issuer's name to it.
    Links,
}

/// An application, and which client of the issuer it was.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForeignClient {
    /// Its client id here.
    #[schemars(with = "String")]
    pub client: ClientId,
    /// Its client id at the issuer.
    pub foreign_client_id: EntityId,
    /// How the gateway authenticates at the issuer, as that client.
    #[serde(default)]
    #[schemars(extend("default" = "none"))]
    pub authentication: IssuerAuthentication,
    /// With `client_secret_basic` or `client_secret_post`: the secret of AWS Secrets Manager with the client's secret, as plain text.
    pub secret: Option<SecretName>,
}

/// How a client authenticates at the issuer (OpenID Connect Core §9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IssuerAuthentication {
    /// It is a public client: its id alone is sent.
    #[default]
    None,
    /// Its secret in the `Authorization` header (RFC 6749 §2.3.1).
    ClientSecretBasic,
    /// Its secret in the body (RFC 6749 §2.3.1).
    ClientSecretPost,
}

/// A day of the calendar, with its end in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("format" = "date", "pattern" = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
pub struct LastDay(Timestamp);

impl LastDay {
    /// The first second after it.
    pub const fn end(self) -> Timestamp {
        self.0
    }

    /// Until when what was traded in by then is served again, a day longer: a response of the last minute may have been lost.
    pub fn served(self) -> Timestamp {
        self.0.saturating_add(Seconds::new(86_400))
    }
}

impl TryFrom<String> for LastDay {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        day_after(&text).map(Self).ok_or_else(|| {
            NotAllowed::new(format!("`{text}` is not a day: write year, month and day, such as 2027-06-30"))
        })
    }
}

/// The first second of the day after this one (RFC 3339 §5.6, `full-date`), from 2000 to 2999.
fn day_after(text: &str) -> Option<Timestamp> {
    let is_date = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if !is_date || !(2000..=2999).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    // Days since 1970-01-01, in years that begin in March, so that the leap day is the last one.
    let (shifted, from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (from_march * 153 + 2) / 5 + day - 719_469;
    Some(Timestamp::from_secs((days + 1) * 86_400))
}

pub(crate) fn check(file: &File, findings: &mut Findings) {
    if file.issuers.len() > MOST {
        findings.add("issuers".to_owned(), format!("at most {MOST}: remove those whose `until` is over"));
    }
    let mut mapped = BTreeSet::new();
    for (name, issuer) in &file.issuers {
        let field = format!("issuers.{name}");
        if file.connectors.contains_key(&name.as_link()) {
            findings.add(field.clone(), "is the name of a connector, whose links users have: call it otherwise");
        }
        check_endpoints(&field, issuer, findings);
        let refused_by: BTreeSet<_> = issuer.refused_by.iter().collect();
        if refused_by.is_empty() || refused_by.len() < issuer.refused_by.len() {
            let reason = "write `invalid_grant`, `invalid_request` or both, each once";
            findings.add(format!("{field}.refused_by"), reason);
        }
        findings.within(format!("{field}.timeout"), issuer.timeout, 1, 8);
        if !(1..=MOST_CLIENTS).contains(&issuer.clients.len()) {
            findings.add(format!("{field}.clients"), format!("out of range: write 1 to {MOST_CLIENTS}"));
        }
        for (at, client) in issuer.clients.iter().enumerate() {
            let field = format!("{field}.clients[{at}]");
            if !mapped.insert(&client.client) {
                let reason = "trades in refresh tokens already: nothing in a token tells whose it is, so keep one";
                findings.add(format!("{field}.client"), reason);
            }
            check_client(&field, issuer, client, findings);
        }
    }
}

fn check_endpoints(field: &str, issuer: &ForeignIssuer, findings: &mut Findings) {
    let all = [
        ("token_endpoint", Some(&issuer.token_endpoint)),
        ("jwks_uri", issuer.jwks_uri.as_ref()),
        ("introspection_endpoint", issuer.introspection_endpoint.as_ref()),
    ];
    for (name, url) in all.into_iter().filter_map(|(name, url)| Some((name, url?))) {
        if url.origin().is_exposed() {
            let reason = "refresh tokens and keys would travel unencrypted: write https";
            findings.add(format!("{field}.{name}"), reason);
        }
    }
    tls::check(field, issuer.tls.as_ref(), issuer.token_endpoint.origin(), findings);
    match issuer.subject {
        SubjectFrom::IdToken => {
            if issuer.jwks_uri.is_none() {
                findings.add(field.to_owned(), "ID tokens are verified: write `jwks_uri`, where its public keys are");
            }
            if issuer.introspection_endpoint.is_some() {
                let reason = "is of `subject: introspection`: write that, or remove this";
                findings.add(format!("{field}.introspection_endpoint"), reason);
            }
        }
        SubjectFrom::Introspection => {
            if issuer.introspection_endpoint.is_none() {
                findings.add(field.to_owned(), "who is asked? Write `introspection_endpoint`");
            }
            if issuer.jwks_uri.is_some() {
                findings.add(format!("{field}.jwks_uri"), "is of `subject: id_token`: write that, or remove this");
            }
        }
    }
}

fn check_client(field: &str, issuer: &ForeignIssuer, client: &ForeignClient, findings: &mut Findings) {
    match (client.authentication, &client.secret) {
        (IssuerAuthentication::None, Some(_)) => {
            let reason = "a public client has none: write `authentication`, or remove this";
            findings.add(format!("{field}.secret"), reason);
        }
        (IssuerAuthentication::ClientSecretBasic | IssuerAuthentication::ClientSecretPost, None) => {
            findings.add(field.to_owned(), "write `secret`, the name of the secret with the client's secret");
        }
        (IssuerAuthentication::None, None) if issuer.subject == SubjectFrom::Introspection => {
            let reason = "nobody may ask whose a token is without authentication (RFC 7662 §2.1): write \
                          `authentication` and `secret`, or use `subject: id_token`";
            findings.add(field.to_owned(), reason);
        }
        (IssuerAuthentication::None, None)
        | (IssuerAuthentication::ClientSecretBasic | IssuerAuthentication::ClientSecretPost, Some(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_ends_at_midnight_in_utc() {
        for (text, seconds) in [
            ("2000-02-29", 951_868_800),
            ("2027-06-30", 1_814_400_000),
            ("2026-12-31", 1_798_761_600),
            ("2028-02-28", 1_835_395_200),
            ("2100-02-28", 4_107_542_400),
        ] {
            assert_eq!(day_after(text), Some(Timestamp::from_secs(seconds)), "{text}");
        }
        for text in
            ["", "2027-6-30", "2027-06-31", "2027-02-29", "2100-02-29", "2027-13-01", "2027-00-01", "2027-01-00"]
        {
            assert_eq!(day_after(text), None, "{text}");
        }
        for text in ["1999-12-31", "2027/06/30", "2027-06-30T00:00:00Z", "+027-06-30", "2027-06-3é"] {
            assert_eq!(day_after(text), None, "{text}");
        }
    }
}
