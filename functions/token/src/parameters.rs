//! What the endpoints are asked for, read once at the door: inside, no parameter is looked up by its name.

use crate::error::Failure;
use gateway_domain::event::ApiRequest;
use gateway_domain::form::Form;
use gateway_domain::ids::SessionId;
use gateway_domain::password::MAX_BYTES;
use gateway_domain::refresh_token::Presented;
use gateway_domain::scope::Scope;
use gateway_domain::secret::{Secret, sha256_hex};
use gateway_store::GrantType;

/// The longest address of a mailbox, in bytes (RFC 5321 §4.5.3.1.3).
const MAX_USERNAME: usize = 254;

/// An access token request (RFC 6749 §4.3.2, §4.4.2, §6).
pub(crate) enum AccessTokenRequest {
    Password(PasswordRequest),
    RefreshToken(RefreshRequest),
    ClientCredentials(ClientCredentialsRequest),
}

/// A login.
pub(crate) struct PasswordRequest {
    pub(crate) username: String,
    pub(crate) password: Secret,
    /// `None` when nothing was asked for.
    pub(crate) scope: Option<Scope>,
    /// The session to log in to once more, by a refresh token of it.
    pub(crate) session: Option<PresentedRefreshToken>,
}

/// A refresh.
pub(crate) struct RefreshRequest {
    pub(crate) token: PresentedRefreshToken,
    /// `None` when nothing was asked for.
    pub(crate) scope: Option<Scope>,
}

/// A request of an application for itself.
pub(crate) struct ClientCredentialsRequest {
    /// `None` when nothing was asked for.
    pub(crate) scope: Option<Scope>,
}

/// A refresh token as it came, with the id of this attempt to use it.
pub(crate) struct PresentedRefreshToken {
    presented: Option<Presented>,
    /// The hash of `Idempotency-Key`: an app sends one with a refresh and repeats it when the response was lost.
    pub(crate) attempt: Option<String>,
}

/// The `token` of a revocation (RFC 7009 §2.1) or an introspection (RFC 7662 §2.1). No hint is needed: neither kind can
/// be mistaken for the other.
pub(crate) enum AnyToken {
    Refresh(Presented),
    /// Anything else, an access token or not.
    Access(Secret),
}

/// The grant that is asked for. Whether the application may use it is decided before the other parameters are read.
pub(crate) fn grant_type(form: &Form) -> Result<GrantType, Failure> {
    match form.get("grant_type") {
        None => Err(Failure::Missing("grant_type")),
        Some("password") => Ok(GrantType::Password),
        Some("refresh_token") => Ok(GrantType::RefreshToken),
        Some("client_credentials") => Ok(GrantType::ClientCredentials),
        Some(_) => Err(Failure::UnsupportedGrantType),
    }
}

impl AccessTokenRequest {
    /// Reads the parameters of this grant.
    pub(crate) fn parse(grant: GrantType, mut form: Form, api: &ApiRequest) -> Result<Self, Failure> {
        Ok(match grant {
            GrantType::Password => {
                let password = form.take("password").ok_or(Failure::Missing("password"))?;
                let username = form.get("username").ok_or(Failure::Missing("username"))?.to_owned();
                if password.expose().len() > MAX_BYTES {
                    return Err(Failure::Malformed("password"));
                }
                if username.len() > MAX_USERNAME || username.chars().any(char::is_control) {
                    return Err(Failure::Malformed("username"));
                }
                let scope = scope(&form)?;
                let session = PresentedRefreshToken::parse(&form, api)?;
                Self::Password(PasswordRequest { username, password, scope, session })
            }
            GrantType::RefreshToken => {
                let token = PresentedRefreshToken::parse(&form, api)?.ok_or(Failure::Missing("refresh_token"))?;
                Self::RefreshToken(RefreshRequest { token, scope: scope(&form)? })
            }
            GrantType::ClientCredentials => Self::ClientCredentials(ClientCredentialsRequest { scope: scope(&form)? }),
        })
    }
}

impl PresentedRefreshToken {
    /// `None` if there is none. A text that is no refresh token is one of nobody, found out by the same steps as any other.
    fn parse(form: &Form, api: &ApiRequest) -> Result<Option<Self>, Failure> {
        let Some(text) = form.get("refresh_token") else { return Ok(None) };
        Ok(Some(Self { presented: Presented::parse(text).ok(), attempt: attempt(api)? }))
    }

    /// The token, or one of the session with this id, which nobody has.
    pub(crate) fn or_of_nobody(&self, unknown: SessionId) -> Presented {
        self.presented.clone().unwrap_or_else(|| Presented::of_nobody(unknown))
    }
}

impl AnyToken {
    /// Reads the parameter.
    pub(crate) fn parse(mut form: Form) -> Result<Self, Failure> {
        let token = form.take("token").ok_or(Failure::Missing("token"))?;
        Ok(Presented::parse(token.expose()).map_or(Self::Access(token), Self::Refresh))
    }
}

/// What is asked for (RFC 6749 §3.3). An empty parameter is as good as none.
fn scope(form: &Form) -> Result<Option<Scope>, Failure> {
    form.get("scope").map(Scope::parse).transpose().map_err(|_| Failure::Scope)
}

fn attempt(api: &ApiRequest) -> Result<Option<String>, Failure> {
    let header = api.header("idempotency-key").map_err(|_| Failure::RepeatedHeader("Idempotency-Key"))?;
    match header {
        None | Some("") => Ok(None),
        Some(id) if id.len() <= 255 && id.bytes().all(|b| b.is_ascii_graphic()) => Ok(Some(sha256_hex(id.as_bytes()))),
        Some(_) => Err(Failure::Malformed("Idempotency-Key")),
    }
}
