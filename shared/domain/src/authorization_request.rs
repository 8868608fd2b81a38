//! The authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1), parsed and checked.
//!
//! First the client's redirect URI is checked: until then, no error may be sent there (RFC 6749 §4.1.2.1).

use crate::acr::{ACR_VALUES, AcrValues};
use crate::form::Form;
use crate::holder_key::Thumbprint;
use crate::pkce::CodeChallenge;
use crate::redirect_uri::RedirectUri;
use crate::scope::Scope;
use crate::time::Seconds;
use std::collections::BTreeSet;
use std::fmt;

/// The parameter that names the key to which the code is bound (RFC 9449 §10).
pub const DPOP_JKT: &str = "dpop_jkt";
/// The parameters that are read, and those whose mere presence is told (OpenID Connect Core §3.1.2.1, §6).
pub const PARAMETERS: [&str; 19] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    DPOP_JKT,
    "prompt",
    "max_age",
    ACR_VALUES,
    "login_hint",
    "id_token_hint",
    "ui_locales",
    "request",
    "request_uri",
    "registration",
];
/// The longest `state`, in bytes: it is stored, and returned in a URL.
const MAX_STATE: usize = 2048;
/// The longest `nonce`, in bytes.
const MAX_NONCE: usize = 512;
/// The longest mailbox address, in bytes.
const MAX_LOGIN_HINT: usize = 254;

/// What a registered application may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Registration<'a> {
    /// Where its codes may be sent.
    pub redirect_uris: &'a BTreeSet<RedirectUri>,
    /// The widest scope.
    pub scope: &'a Scope,
    /// Whether it is registered for the authorization code grant.
    pub may_use_codes: bool,
    /// Whether it may leave PKCE out.
    pub pkce_optional: bool,
}

/// A checked request.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthorizationRequest {
    /// Where the code goes.
    pub target: Target,
    /// The scope that is granted.
    pub scope: Scope,
    /// `None` if the client may leave it out and does.
    pub challenge: Option<CodeChallenge>,
    /// The key that the redemption of the code has to prove.
    pub key: Option<Thumbprint>,
    /// For the ID token.
    pub nonce: Option<String>,
    /// What the user has to see.
    pub prompt: Prompt,
    /// The longest time since the user logged in.
    pub max_age: Option<Seconds>,
    /// How the user is to log in.
    pub acr_values: AcrValues,
    /// What the user may type as the user name.
    pub login_hint: Option<String>,
    /// An ID token of the user who is to be logged in, not read yet.
    pub id_token_hint: Option<String>,
    /// The languages of the pages.
    pub ui_locales: Option<String>,
}

/// Where the response to a request goes: a redirect URI that is the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The redirect URI of the request.
    pub redirect_uri: String,
    /// Returned as it came.
    pub state: Option<String>,
}

/// `prompt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prompt {
    /// No page may be shown.
    pub none: bool,
    /// A login is asked for, by password or passkey, also of who is logged in. `select_account` means the same here.
    pub login: bool,
    /// The consent is asked for, also if it was given before.
    pub consent: bool,
}

/// Why the request is answered with a page, and not by a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTarget {
    /// There is no `redirect_uri`.
    #[error("redirect_uri is missing")]
    Missing,
    /// It is not registered for the client.
    #[error("redirect_uri is not registered for this client: it must be the same text")]
    Foreign,
}

/// An error code of the authorization response (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthorizationErrorCode {
    /// A parameter is missing or malformed.
    InvalidRequest,
    /// The client may not use codes.
    UnauthorizedClient,
    /// The user refused.
    AccessDenied,
    /// Only `code` is supported.
    UnsupportedResponseType,
    /// The scope is malformed, unknown, or more than may be granted.
    InvalidScope,
    /// An error of the server.
    ServerError,
    /// A service that the server depends on does not respond.
    TemporarilyUnavailable,
    /// `prompt=none`, and nobody is logged in.
    LoginRequired,
    /// `prompt=none`, and the user has to give the consent.
    ConsentRequired,
    /// `prompt=none`, and the user has to do something else, such as to show the password.
    InteractionRequired,
    /// `request` is not supported.
    RequestNotSupported,
    /// `request_uri` is no pushed request of this client, or has lapsed (RFC 9126 §2.2).
    InvalidRequestUri,
    /// `registration` is not supported.
    RegistrationNotSupported,
}

impl AuthorizationErrorCode {
    /// The code as it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired => "interaction_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::RegistrationNotSupported => "registration_not_supported",
        }
    }
}

impl fmt::Display for AuthorizationErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a request whose redirect URI is right is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {description}")]
pub struct Refused {
    /// `error`.
    pub code: AuthorizationErrorCode,
    /// `error_description`, in the characters of RFC 6749 §4.1.2.1.
    pub description: &'static str,
}

impl Target {
    /// The redirect URI of the request, if it is the client's.
    pub fn of(form: &Form, registration: &Registration<'_>) -> Result<Self, NoTarget> {
        let asked = form.get("redirect_uri").ok_or(NoTarget::Missing)?;
        if !registration.redirect_uris.iter().any(|uri| uri.permits(asked)) {
            return Err(NoTarget::Foreign);
        }
        Ok(Self { redirect_uri: asked.to_owned(), state: state(form) })
    }

    /// Of a request whose response is not a redirect: a redirect URI need not be there, and then the redemption names none, either. One that is
    /// there has to be the client's, for the case that a browser goes on.
    pub fn direct(form: &Form, registration: &Registration<'_>) -> Result<Self, NoTarget> {
        match Self::of(form, registration) {
            Err(NoTarget::Missing) => Ok(Self { redirect_uri: String::new(), state: state(form) }),
            target => target,
        }
    }
}

/// `state`, if it can be returned as it came.
fn state(form: &Form) -> Option<String> {
    let state = form.get("state").filter(|state| state.len() <= MAX_STATE && !state.chars().any(char::is_control));
    state.map(str::to_owned)
}

impl AuthorizationRequest {
    /// Parses the other parameters. Unknown ones are ignored (RFC 6749 §3.1).
    pub fn parse(target: Target, form: &Form, registration: &Registration<'_>) -> Result<Self, Refused> {
        use AuthorizationErrorCode as E;
        let refused = |code, description| Err(Refused { code, description });
        let malformed = |description| Refused { code: E::InvalidRequest, description };
        if form.get("request").is_some() {
            return refused(E::RequestNotSupported, "request objects are not supported; push the request instead");
        }
        if form.get("registration").is_some() {
            return refused(E::RegistrationNotSupported, "clients cannot register themselves in a request");
        }
        if target.state.is_none() && form.get("state").is_some() {
            return refused(E::InvalidRequest, "state must not exceed 2048 bytes or hold control characters");
        }
        match form.get("response_type") {
            None => return refused(E::InvalidRequest, "response_type is required"),
            Some("code") => {}
            Some(_) => return refused(E::UnsupportedResponseType, "response_type must be code"),
        }
        if !registration.may_use_codes {
            return refused(E::UnauthorizedClient, "this client may not use the authorization code grant");
        }
        if form.get("response_mode").is_some_and(|mode| mode != "query") {
            return refused(E::InvalidRequest, "response_mode must be query");
        }
        let challenge = match (form.get("code_challenge"), form.get("code_challenge_method")) {
            (Some(challenge), Some("S256")) => Some(
                CodeChallenge::parse(challenge)
                    .map_err(|_| malformed("code_challenge must be the base64url of a SHA-256 digest"))?,
            ),
            // Without a method it would be `plain`, which a leaked request gives away (RFC 7636 §7.2).
            (Some(_), _) => return refused(E::InvalidRequest, "code_challenge_method must be S256"),
            (None, Some(_)) => return refused(E::InvalidRequest, "code_challenge is required"),
            (None, None) if registration.pkce_optional => None,
            (None, None) => return refused(E::InvalidRequest, "code_challenge is required (RFC 7636)"),
        };
        let key = form.get(DPOP_JKT).map(Thumbprint::parse).transpose();
        let key = key.map_err(|_| malformed("dpop_jkt must be the base64url of a SHA-256 thumbprint (RFC 7638)"))?;
        let unknown = "the scope is unknown or more than this client may have";
        let asked = form.get("scope").map(Scope::parse).transpose();
        let asked = asked.map_err(|_| Refused { code: E::InvalidScope, description: unknown })?;
        let Some(scope) = Scope::granted(asked.as_ref(), registration.scope) else {
            return refused(E::InvalidScope, unknown);
        };
        let nonce = form.get("nonce").map(str::to_owned);
        if nonce.as_ref().is_some_and(|nonce| nonce.len() > MAX_NONCE) {
            return refused(E::InvalidRequest, "nonce must not exceed 512 bytes");
        }
        let max_age = form.get("max_age").map(seconds).transpose();
        let mut prompt =
            prompt(form).ok_or(malformed("prompt must be login, consent or select_account, or none alone"))?;
        let max_age = max_age.map_err(|()| malformed("max_age must be a number of seconds"))?;
        let acr_values = AcrValues::of(form).map_err(|_| malformed("acr_values must not exceed 512 bytes"))?;
        let id_token_hint = form.get("id_token_hint").map(str::to_owned);
        // No login is fresh enough for 0, however recent it is (OpenID Connect Core §3.1.2.1).
        prompt.login |= max_age == Some(Seconds::new(0));
        Ok(Self {
            target,
            scope,
            challenge,
            key,
            nonce,
            prompt,
            max_age,
            acr_values,
            // A hint is no credential: one that cannot be an address is left out.
            login_hint: form
                .get("login_hint")
                .filter(|hint| hint.len() <= MAX_LOGIN_HINT && !hint.chars().any(char::is_control))
                .map(str::to_owned),
            id_token_hint,
            ui_locales: form.get("ui_locales").map(str::to_owned),
        })
    }
}

fn seconds(text: &str) -> Result<Seconds, ()> {
    let digits = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().map(Seconds::new).map_err(drop) } else { Err(()) }
}

fn prompt(form: &Form) -> Option<Prompt> {
    let mut prompt = Prompt::default();
    let Some(text) = form.get("prompt") else { return Some(prompt) };
    for value in text.split(' ') {
        match value {
            "none" => prompt.none = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => return None,
        }
    }
    let alone = !prompt.none || text == "none";
    alone.then_some(prompt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Query;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const GOOD: [(&str, &str); 5] = [
        ("response_type", "code"),
        ("redirect_uri", "com.example.app:/cb"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "s t"),
    ];

    fn parse(changes: &[(&str, &str)], pkce_optional: bool) -> Result<AuthorizationRequest, Refused> {
        let kept = GOOD.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
        let pairs = kept.chain(changes).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let form = Form::of_query(&Query::Decoded(pairs.collect())).unwrap();
        let redirect_uris = [RedirectUri::parse("com.example.app:/cb").unwrap()].into();
        let scope = Scope::parse("a b").unwrap();
        let registration =
            Registration { redirect_uris: &redirect_uris, scope: &scope, may_use_codes: true, pkce_optional };
        AuthorizationRequest::parse(Target::of(&form, &registration).unwrap(), &form, &registration)
    }

    #[test]
    fn a_good_request_has_its_parts() {
        let request =
            parse(&[("scope", "b"), ("prompt", "login consent"), ("max_age", "0"), ("x", "y")], false).unwrap();
        assert_eq!(request.scope, Scope::parse("b").unwrap());
        assert_eq!(request.prompt, Prompt { none: false, login: true, consent: true });
        assert_eq!((request.max_age, request.target.state.as_deref()), (Some(Seconds::new(0)), Some("s t")));
        assert_eq!(parse(&[], false).unwrap().scope, Scope::parse("a b").unwrap());
        assert!(
            parse(&[("acr_values", "x phr")], false).unwrap().acr_values.accept(crate::session::LoginMethod::Passkey)
        );
    }

    /// Checklist F-12, G-23, K-04.
    #[test]
    fn every_mistake_has_its_code_and_says_what_to_do() {
        use AuthorizationErrorCode as E;
        for (changes, code) in [
            (vec![("response_type", "")], E::InvalidRequest),
            (vec![("response_type", "token")], E::UnsupportedResponseType),
            (vec![("response_mode", "fragment")], E::InvalidRequest),
            (vec![("code_challenge", ""), ("code_challenge_method", "")], E::InvalidRequest),
            (vec![("code_challenge", "short")], E::InvalidRequest),
            (vec![("code_challenge", "")], E::InvalidRequest),
            (vec![("code_challenge_method", "plain")], E::InvalidRequest),
            (vec![("code_challenge_method", "")], E::InvalidRequest),
            (vec![("dpop_jkt", "short")], E::InvalidRequest),
            (vec![("scope", "a c")], E::InvalidScope),
            (vec![("scope", "a  b")], E::InvalidScope),
            (vec![("prompt", "none login")], E::InvalidRequest),
            (vec![("prompt", "dance")], E::InvalidRequest),
            (vec![("max_age", "-1")], E::InvalidRequest),
            (vec![("acr_values", &"x".repeat(513))], E::InvalidRequest),
            (vec![("max_age", "soon")], E::InvalidRequest),
            (vec![("max_age", "+1")], E::InvalidRequest),
            (vec![("request", "ey")], E::RequestNotSupported),
            (vec![("registration", "{}")], E::RegistrationNotSupported),
            (vec![("nonce", &"n".repeat(513))], E::InvalidRequest),
            (vec![("state", &"s".repeat(2049))], E::InvalidRequest),
            (vec![("state", "a\nb")], E::InvalidRequest),
        ] {
            let refused = parse(&changes, false).unwrap_err();
            assert_eq!(refused.code, code, "{changes:?}: {refused}");
            let allowed = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(refused.description.bytes().all(allowed), "{refused}");
        }
    }

    #[test]
    fn a_request_without_a_redirect_uri_keeps_its_state_where_nothing_is_redirected() {
        let form = |text: &str| Form::of_query(&Query::Raw(text.to_owned())).unwrap();
        let redirect_uris = [RedirectUri::parse("com.example.app:/cb").unwrap()].into();
        let scope = Scope::default();
        let of =
            Registration { redirect_uris: &redirect_uris, scope: &scope, may_use_codes: true, pkce_optional: false };
        let direct = |text: &str| Target::direct(&form(text), &of);
        let target = |uri: &str| Ok(Target { redirect_uri: uri.to_owned(), state: Some("s".to_owned()) });
        assert_eq!(direct("state=s"), target(""));
        assert_eq!(direct("state=s&redirect_uri=com.example.app:/cb"), target("com.example.app:/cb"));
        assert_eq!(direct("redirect_uri=com.evil.app:/cb"), Err(NoTarget::Foreign));
        assert_eq!(Target::of(&form("state=s"), &of), Err(NoTarget::Missing));
    }

    /// Abuse case J3; checklist K-03, N-08.
    #[test]
    fn only_a_client_that_is_exempt_may_leave_pkce_out() {
        let without = [("code_challenge", ""), ("code_challenge_method", "")];
        assert_eq!(parse(&without, true).unwrap().challenge, None);
        assert!(parse(&without, false).is_err());
        // A challenge that comes is checked, whoever sends it.
        assert!(parse(&[("code_challenge_method", "plain")], true).is_err());
    }
}
