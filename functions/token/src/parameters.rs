//! Parses the parameters of requests into types, once: the handlers look up no parameter by its name.

use crate::error::{Failure, NoDevice};
use gateway_domain::authorization_code::AuthorizationCode;
use gateway_domain::device_assertion::{self, DeviceAssertion};
use gateway_domain::device_secret::{self, PresentedSecret};
use gateway_domain::event::ApiRequest;
use gateway_domain::form::Form;
use gateway_domain::ids::{ConnectorName, SessionId};
use gateway_domain::password::MAX_BYTES;
use gateway_domain::refresh_token::Presented;
use gateway_domain::scope::Scope;
use gateway_domain::secret::{Secret, sha256_hex};
use gateway_domain::token_type::{self, TokenType};
use gateway_store::GrantType;
use std::collections::BTreeMap;

/// The longest mailbox address, in bytes: a path of 256 without its `<` and `>` (RFC 5321 §4.5.3.1.3).
const MAX_USERNAME: usize = 254;

/// An access token request (RFC 6749 §4.1.3, §4.3.2, §4.4.2, §6; RFC 7523 §2.1; RFC 8693 §2.1).
pub(crate) enum AccessTokenRequest {
    AuthorizationCode(CodeRequest),
    Password(PasswordRequest),
    RefreshToken(RefreshRequest),
    ClientCredentials(ClientCredentialsRequest),
    TokenExchange(ExchangeRequest),
    Device(DeviceRequest),
    NativeSso(NativeSsoRequest),
}

/// A redemption of an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5).
pub(crate) struct CodeRequest {
    /// `None` for a text that is no code of this server.
    pub(crate) code: Option<AuthorizationCode>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) verifier: Option<Secret>,
    /// The hash of `Idempotency-Key`, as that of a refresh.
    pub(crate) attempt: Option<String>,
    /// What the user recognises the device by.
    pub(crate) device: Option<String>,
    /// By which a device shows that it is to be the user's.
    pub(crate) device_assertion: Option<DeviceAssertion>,
}

/// A login (RFC 6749 §4.3.2).
pub(crate) struct PasswordRequest {
    pub(crate) username: String,
    pub(crate) password: Secret,
    /// Passwords for legacy systems that have one of their own: the parameters `password.` and the connector's name.
    pub(crate) separate: BTreeMap<ConnectorName, Secret>,
    /// `None` if the request has no `scope`.
    pub(crate) scope: Option<Scope>,
    /// A refresh token of an existing session, if the login is into that session.
    pub(crate) session: Option<PresentedRefreshToken>,
    /// What the user recognises the device by.
    pub(crate) device: Option<String>,
    /// By which a device shows that it is to be the user's.
    pub(crate) device_assertion: Option<DeviceAssertion>,
}

/// A refresh (RFC 6749 §6).
pub(crate) struct RefreshRequest {
    pub(crate) token: PresentedRefreshToken,
    /// The text, where it has not the form of a refresh token of ours: it may be one of another issuer.
    pub(crate) other: Option<Secret>,
    /// What the user recognises the device by, if a session begins.
    pub(crate) device: Option<String>,
    /// `None` if the request has no `scope`.
    pub(crate) scope: Option<Scope>,
}

/// A request of an application for itself (RFC 6749 §4.4.2).
pub(crate) struct ClientCredentialsRequest {
    /// `None` if the request has no `scope`.
    pub(crate) scope: Option<Scope>,
}

/// A request of a device (RFC 7523 §2.1).
pub(crate) struct DeviceRequest {
    pub(crate) assertion: DeviceAssertion,
    /// `None` if the request has no `scope`.
    pub(crate) scope: Option<Scope>,
}

/// A request of a service for a token of a legacy system (RFC 8693 §2.1).
pub(crate) struct ExchangeRequest {
    /// The access token that the service was passed.
    pub(crate) subject_token: Secret,
    /// The API whose token is wanted, as gateway.yaml names it.
    pub(crate) audience: String,
    /// `None` if the request has no `requested_token_type`.
    pub(crate) requested: Option<TokenType>,
}

impl ExchangeRequest {
    fn parse(mut form: Form) -> Result<Self, Failure> {
        let subject_token = form.take("subject_token").ok_or(Failure::Missing("subject_token"))?;
        let kind = form.get("subject_token_type").ok_or(Failure::Missing("subject_token_type"))?;
        if TokenType::parse(kind) != Some(TokenType::AccessToken) {
            return Err(Failure::Malformed("subject_token_type"));
        }
        // What is issued is the user's alone, is no token of this server, and has no scope of its own.
        for unsupported in ["actor_token", "actor_token_type", "resource", "scope"] {
            if form.get(unsupported).is_some() {
                return Err(Failure::Malformed(unsupported));
            }
        }
        let audience = form.get("audience").ok_or(Failure::Missing("audience"))?.to_owned();
        let requested = form
            .get("requested_token_type")
            .map(|uri| TokenType::parse(uri).ok_or(Failure::Malformed("requested_token_type")));
        Ok(Self { subject_token, audience, requested: requested.transpose()? })
    }
}

/// A request of an app for a session by the login of another app on the device (OpenID Connect Native SSO §4.1).
pub(crate) struct NativeSsoRequest {
    /// The other app's ID token.
    pub(crate) subject_token: Secret,
    /// `None` for a text that is no device secret of this server.
    pub(crate) secret: Option<PresentedSecret>,
    /// The issuer.
    pub(crate) audience: String,
    /// `None` if the request has no `scope`.
    pub(crate) scope: Option<Scope>,
    /// The hash of `Idempotency-Key`, as that of a refresh.
    pub(crate) attempt: Option<String>,
    /// What the user recognises the device by.
    pub(crate) device: Option<String>,
}

impl NativeSsoRequest {
    fn parse(mut form: Form, api: &ApiRequest) -> Result<Self, Failure> {
        let subject_token = form.take("subject_token").ok_or(Failure::Missing("subject_token"))?;
        let kind = form.get("subject_token_type").ok_or(Failure::Missing("subject_token_type"))?;
        if kind != token_type::ID_TOKEN {
            return Err(Failure::Malformed(SUBJECT_OF_SECRET));
        }
        let actor_token = form.take("actor_token").ok_or(Failure::Missing("actor_token"))?;
        let kind = form.get("actor_token_type").ok_or(Failure::Missing("actor_token_type"))?;
        if kind != device_secret::TOKEN_TYPE {
            return Err(Failure::Malformed(ACTOR_OF_ID_TOKEN));
        }
        let requested = form.get("requested_token_type").map(TokenType::parse);
        if requested.is_some_and(|requested| requested != Some(TokenType::AccessToken)) {
            return Err(Failure::Malformed("requested_token_type"));
        }
        if form.get("resource").is_some() {
            return Err(Failure::Malformed("resource"));
        }
        let audience = form.get("audience").ok_or(Failure::Missing("audience"))?.to_owned();
        let secret = PresentedSecret::parse(actor_token.expose()).ok();
        let (scope, attempt, device) = (scope(&form)?, attempt(api)?, device(&form, api));
        Ok(Self { subject_token, secret, audience, scope, attempt, device })
    }
}

/// What is wrong with the type of a subject token beside a device secret.
pub(crate) const SUBJECT_OF_SECRET: &str = "subject_token_type beside a device secret";
/// What is wrong with the type of an actor token beside an ID token.
pub(crate) const ACTOR_OF_ID_TOKEN: &str = "actor_token_type beside an ID token";

/// A refresh token from a request, not checked yet, with the id of this attempt to use it.
pub(crate) struct PresentedRefreshToken {
    presented: Option<Presented>,
    /// The hash of `Idempotency-Key`. A client that repeats a request, because the response was lost, sends the same key.
    pub(crate) attempt: Option<String>,
}

/// The `token` of a revocation (RFC 7009 §2.1) or an introspection (RFC 7662 §2.1). `token_type_hint` is not needed: the
/// kinds have different forms.
pub(crate) enum AnyToken {
    Refresh(Presented),
    DeviceSecret(PresentedSecret),
    /// Every other text, whether it is an access token or not.
    Access(Secret),
}

/// The grant type. It is read first, since the application's right to it is checked before the other parameters are read.
pub(crate) fn grant_type(form: &Form, has_app_families: bool) -> Result<GrantType, Failure> {
    match form.get("grant_type") {
        None => Err(Failure::Missing("grant_type")),
        Some("authorization_code") => Ok(GrantType::AuthorizationCode),
        Some("password") => Ok(GrantType::Password),
        Some("refresh_token") => Ok(GrantType::RefreshToken),
        Some("client_credentials") => Ok(GrantType::ClientCredentials),
        Some(token_type::GRANT_TYPE) if is_native_sso(form, has_app_families) => Ok(GrantType::NativeSso),
        Some(token_type::GRANT_TYPE) => Ok(GrantType::TokenExchange),
        Some(device_assertion::GRANT_TYPE) => Ok(GrantType::JwtBearer),
        Some(_) => Err(Failure::UnsupportedGrantType),
    }
}

/// Whether a token exchange is one by the login of another app. Where there are families, half of it is one, too, so that it is told what is
/// missing.
fn is_native_sso(form: &Form, has_app_families: bool) -> bool {
    form.get("actor_token_type") == Some(device_secret::TOKEN_TYPE)
        || (has_app_families && form.get("subject_token_type") == Some(token_type::ID_TOKEN))
}

impl AccessTokenRequest {
    /// Reads the parameters of this grant.
    pub(crate) fn parse(grant: GrantType, mut form: Form, api: &ApiRequest) -> Result<Self, Failure> {
        Ok(match grant {
            GrantType::AuthorizationCode => {
                let code = form.take("code").ok_or(Failure::Missing("code"))?;
                let code = AuthorizationCode::parse(code.expose()).ok();
                let redirect_uri = form.get("redirect_uri").map(str::to_owned);
                let (verifier, attempt) = (form.take("code_verifier"), attempt(api)?);
                let (device, device_assertion) = (device(&form, api), login_device(&mut form)?);
                Self::AuthorizationCode(CodeRequest { code, redirect_uri, verifier, attempt, device, device_assertion })
            }
            GrantType::Password => {
                let password = form.take("password").ok_or(Failure::Missing("password"))?;
                let username = form.get("username").ok_or(Failure::Missing("username"))?.to_owned();
                if password.expose().len() > MAX_BYTES {
                    return Err(Failure::Malformed("password"));
                }
                if username.len() > MAX_USERNAME || username.chars().any(char::is_control) {
                    return Err(Failure::Malformed("username"));
                }
                let separate = separate_passwords(&mut form)?;
                let scope = scope(&form)?;
                let session = PresentedRefreshToken::parse(&form, api)?;
                let (device, device_assertion) = (device(&form, api), login_device(&mut form)?);
                Self::Password(PasswordRequest {
                    username,
                    password,
                    separate,
                    scope,
                    session,
                    device,
                    device_assertion,
                })
            }
            GrantType::RefreshToken => {
                let token = PresentedRefreshToken::parse(&form, api)?.ok_or(Failure::Missing("refresh_token"))?;
                let (scope, device) = (scope(&form)?, device(&form, api));
                let other = form.take("refresh_token").filter(|_| token.presented.is_none());
                Self::RefreshToken(RefreshRequest { token, other, device, scope })
            }
            GrantType::ClientCredentials => Self::ClientCredentials(ClientCredentialsRequest { scope: scope(&form)? }),
            GrantType::TokenExchange => Self::TokenExchange(ExchangeRequest::parse(form)?),
            GrantType::NativeSso => Self::NativeSso(NativeSsoRequest::parse(form, api)?),
            GrantType::JwtBearer => {
                let assertion = form.take("assertion").ok_or(Failure::Missing("assertion"))?;
                let assertion = DeviceAssertion::parse(assertion).map_err(|invalid| NoDevice::Grant(invalid.0))?;
                Self::Device(DeviceRequest { assertion, scope: scope(&form)? })
            }
            GrantType::Challenge => return Err(Failure::UnsupportedGrantType),
        })
    }
}

impl PresentedRefreshToken {
    /// `None` if the request has none. A text that is not a refresh token is kept as unknown: it is refused later, by the
    /// same steps as a forged one.
    fn parse(form: &Form, api: &ApiRequest) -> Result<Option<Self>, Failure> {
        let Some(text) = form.get("refresh_token") else { return Ok(None) };
        Ok(Some(Self { presented: Presented::parse(text).ok(), attempt: attempt(api)? }))
    }

    /// The token, or, for a text that is not one, a token of the session `unknown`, which does not exist.
    pub(crate) fn or_of_nobody(&self, unknown: SessionId) -> Presented {
        self.presented.clone().unwrap_or_else(|| Presented::of_nobody(unknown))
    }
}

impl AnyToken {
    /// Reads the parameter.
    pub(crate) fn parse(mut form: Form) -> Result<Self, Failure> {
        let token = form.take("token").ok_or(Failure::Missing("token"))?;
        if let Ok(presented) = Presented::parse(token.expose()) {
            return Ok(Self::Refresh(presented));
        }
        Ok(PresentedSecret::parse(token.expose()).map_or(Self::Access(token), Self::DeviceSecret))
    }
}

/// The passwords for systems with one of their own. A parameter that names no connector is ignored (RFC 6749 §3.2).
fn separate_passwords(form: &mut Form) -> Result<BTreeMap<ConnectorName, Secret>, Failure> {
    let connector = |parameter: &str| ConnectorName::parse(parameter.strip_prefix("password.")?).ok();
    let names: Vec<_> = form.iter().filter_map(|(parameter, _)| connector(parameter)).collect();
    let mut separate = BTreeMap::new();
    for name in names {
        let Some(password) = form.take(&format!("password.{name}")) else { continue };
        if password.expose().len() > MAX_BYTES {
            return Err(Failure::Malformed("password"));
        }
        separate.insert(name, password);
    }
    Ok(separate)
}

/// The requested scope (RFC 6749 §3.3). The form has already dropped an empty parameter (RFC 6749 §3.1).
fn scope(form: &Form) -> Result<Option<Scope>, Failure> {
    form.get("scope").map(Scope::parse).transpose().map_err(|_| Failure::Scope)
}

/// The parameter `device_assertion` of a login.
fn login_device(form: &mut Form) -> Result<Option<DeviceAssertion>, Failure> {
    let parsed = form.take("device_assertion").map(DeviceAssertion::parse).transpose();
    parsed.map_err(|invalid| NoDevice::Login(invalid.0).into())
}

/// The parameter `device_name`, or what `User-Agent` tells. A header that came twice tells nothing.
pub(crate) fn device(form: &Form, api: &ApiRequest) -> Option<String> {
    gateway_domain::device::name(form.get("device_name"), api.header("user-agent").ok().flatten())
}

fn attempt(api: &ApiRequest) -> Result<Option<String>, Failure> {
    let header = api.header("idempotency-key").map_err(|_| Failure::RepeatedHeader("Idempotency-Key"))?;
    match header {
        None | Some("") => Ok(None),
        Some(id) if id.len() <= 255 && id.bytes().all(|b| b.is_ascii_graphic()) => Ok(Some(sha256_hex(id.as_bytes()))),
        Some(_) => Err(Failure::Malformed("Idempotency-Key")),
    }
}
