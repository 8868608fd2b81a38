//! The steps of a login, whoever shows them: the pages of the gateway, or an app on its own screens. Nothing here knows a page. All connectors
//! of the scope run at the password, which is kept nowhere; a passkey takes its place in `passkey.rs`, and those run that need no password.

use crate::AuthorizationEndpoint;
use crate::error::Failure;
use gateway_credentials::{CredentialsError, PasswordLogin, Proved};
use gateway_domain::acquired::Handover;
use gateway_domain::authorization_code::AuthorizationCode;
use gateway_domain::authorization_request::{AuthorizationErrorCode, AuthorizationRequest, Refused};
use gateway_domain::form::Form;
use gateway_domain::ids::{ConnectorName, UserId};
use gateway_domain::password::MAX_BYTES;
use gateway_domain::pending_session::PendingSession;
use gateway_domain::secret::Secret;
use gateway_domain::session::LoginMethod;
use gateway_domain::source::Source;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_sessions::{Login, NewLogin, SessionError};
use gateway_store::{App, User};
use std::collections::BTreeMap;

/// The longest mailbox address, in bytes.
const MAX_USERNAME: usize = 254;

/// A checked request with the application that it comes from.
pub(crate) struct Asked {
    pub(crate) app: App,
    pub(crate) request: AuthorizationRequest,
}

/// What a user has typed.
pub(crate) struct Typed {
    pub(crate) username: String,
    pub(crate) password: Secret,
    /// The passwords of legacy systems that have one of their own.
    pub(crate) separate: BTreeMap<ConnectorName, Secret>,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    Missing,
    NoAddress,
    /// Longer than a password may be.
    TooLong,
}

/// What a user has shown.
pub(crate) enum Shown<'a> {
    /// The password, just now; the legacy systems get it.
    Password(Login<'a>),
    /// A passkey, just now.
    Passkey,
    /// One of them, in this browser at this time.
    Before(Timestamp, LoginMethod),
}

/// Where a step comes from.
pub(crate) struct Origin<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) source: Source,
    /// [`PendingSession::browser`]; empty where there is no browser, which no cookie fits.
    pub(crate) browser: String,
    pub(crate) now: Timestamp,
}

/// A login that waits for the redemption of its code, or for the consent if there is no code yet.
pub(crate) struct Begun {
    pub(crate) pending: PendingSession,
    pub(crate) code: Option<AuthorizationCode>,
}

/// What a password or a passkey led to.
pub(crate) enum Next {
    /// The user is logged in, and the login waits.
    On(Box<(User, Begun)>),
    /// The user may try again.
    Again(Trouble),
    /// The application is told.
    Back(Refused),
}

/// Why a login is asked for again.
#[derive(Debug)]
pub(crate) enum Trouble {
    WrongLogin,
    TooManyAttempts(Seconds),
    /// No passkey that may log somebody in has signed it. Nobody is told why.
    WrongPasskey,
    /// A passkey was shown where the password was asked for (RFC 9470).
    PasswordNeeded,
    /// The directory does not answer.
    Directory,
    /// The address is not proved yet. Told only to who knows the password.
    NotVerified,
    /// A legacy system does not take the user.
    RefusedBy(ConnectorName),
    /// A legacy system does not answer as it should.
    Unreachable(ConnectorName),
}

impl Trouble {
    /// What a user is told of a legacy system at which a login failed; another failure is none of the user's business.
    pub(crate) fn of_system(failure: Failure) -> Result<Self, Failure> {
        // An optional password is needed where no other system of the login is left.
        if let Failure::Session(
            SessionError::BackEndRefused(connector)
            | SessionError::NotLinked(connector)
            | SessionError::PasswordNeeded(connector),
        ) = failure
        {
            return Ok(Self::RefusedBy(connector));
        }
        if let Failure::Session(SessionError::BackEnd(connector, reason)) = failure {
            tracing::error!(%connector, reason, "a legacy system failed at a login");
            return Ok(Self::Unreachable(connector));
        }
        Err(failure)
    }

    /// Its name in the log and in metrics.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::WrongLogin => "credentials",
            Self::TooManyAttempts(_) => "too_many_attempts",
            Self::WrongPasskey => "passkey",
            Self::PasswordNeeded => "password_needed",
            Self::Directory => "directory",
            Self::NotVerified => "not_verified",
            Self::RefusedBy(_) => "back_end_refused",
            Self::Unreachable(_) => "back_end",
        }
    }
}

impl AuthorizationEndpoint {
    /// What a user has typed into the fields of this step, or what is wrong with them.
    pub(crate) fn typed(&self, asked: &Asked, form: &mut Form) -> Result<Typed, Vec<(String, Wrong)>> {
        let mut wrong = Vec::new();
        let username = form.get("username").unwrap_or_default().trim().to_owned();
        if username.is_empty() {
            wrong.push(("username".to_owned(), Wrong::Missing));
        } else if username.len() > MAX_USERNAME || username.chars().any(char::is_control) {
            wrong.push(("username".to_owned(), Wrong::NoAddress));
        }
        let mut typed_into = |field: &str, optional: bool| {
            let problem = match form.take(field) {
                Some(typed) if typed.expose().len() <= MAX_BYTES => return Some(typed),
                Some(_) => Wrong::TooLong,
                None if optional => return None,
                None => Wrong::Missing,
            };
            wrong.push((field.to_owned(), problem));
            None
        };
        let password = typed_into("password", false);
        let mut separate = BTreeMap::new();
        for (connector, optional) in self.pending.tokens().separate_passwords(&asked.app, &asked.request.scope) {
            separate.extend(typed_into(&format!("password.{connector}"), optional).map(|typed| (connector, typed)));
        }
        match password {
            Some(password) if wrong.is_empty() => Ok(Typed { username, password, separate }),
            Some(_) | None => Err(wrong),
        }
    }

    /// Checks a password, logs in at the legacy systems of the scope, and has the login wait for its code or the consent.
    pub(crate) async fn show_password(&self, asked: &Asked, typed: &Typed, from: &Origin<'_>) -> Result<Next, Failure> {
        let attempt = PasswordLogin {
            username: &typed.username,
            password: &typed.password,
            client: &asked.app.client_id,
            source: &from.source,
            session: None,
        };
        let Proved { user, begun } = match self.passwords.check(&attempt, from.now).await {
            Ok(proved) => proved,
            Err(CredentialsError::Password) => return Ok(Next::Again(Trouble::WrongLogin)),
            Err(CredentialsError::TooManyAttempts(wait)) => return Ok(Next::Again(Trouble::TooManyAttempts(wait))),
            Err(CredentialsError::Directory(reason)) => {
                tracing::error!(reason, "the directory failed at a login");
                return Ok(Next::Again(Trouble::Directory));
            }
            Err(error) => return Err(error.into()),
        };
        let login = Login {
            user: &user.user_id,
            username: user.email.as_str(),
            links: &user.links,
            password: Some(&typed.password),
            begun: &begun,
            separate: &typed.separate,
        };
        let went_on = Box::pin(self.go_on(asked, &user, Shown::Password(login), from)).await;
        // What a directory began and no pending session has taken is of no use to anybody.
        self.pending.tokens().end_begun(&begun).await;
        match went_on {
            Ok(Ok(begun)) => Ok(Next::On(Box::new((user, begun)))),
            Ok(Err(next)) => Ok(next),
            Err(failure) => Trouble::of_system(failure).map(Next::Again),
        }
    }

    /// Goes on with a user who has shown this.
    pub(crate) async fn go_on(
        &self,
        asked: &Asked,
        user: &User,
        shown: Shown<'_>,
        from: &Origin<'_>,
    ) -> Result<Result<Begun, Next>, Failure> {
        if !user.email_verified && !self.config.accounts().login_before_verification {
            return Ok(Err(Next::Again(Trouble::NotVerified)));
        }
        match self.hinted(asked, from.issuer).await? {
            Ok(hinted) if hinted.as_ref().is_none_or(|hinted| *hinted == user.user_id) => {}
            Ok(_) => {
                let description = "another user has logged in than the one of id_token_hint";
                return Ok(Err(Next::Back(Refused { code: AuthorizationErrorCode::LoginRequired, description })));
            }
            Err(refused) => return Ok(Err(Next::Back(refused))),
        }
        let must_ask = self.needs_consent(asked, user).await?;
        self.begin(asked, user, shown, must_ask, from).await.map(Ok)
    }

    /// Has a login wait: for the consent if it must be asked for, or else for its code. It reaches the legacy systems that need no password,
    /// and, if that was just shown, the others.
    pub(crate) async fn begin(
        &self,
        asked: &Asked,
        user: &User,
        shown: Shown<'_>,
        must_ask: bool,
        from: &Origin<'_>,
    ) -> Result<Begun, Failure> {
        let without = Login {
            user: &user.user_id,
            username: user.email.as_str(),
            links: &user.links,
            password: None,
            begun: &Handover::default(),
            separate: &BTreeMap::new(),
        };
        let (auth_time, by, login) = match shown {
            Shown::Password(login) => (from.now, LoginMethod::Password, login),
            Shown::Passkey => (from.now, LoginMethod::Passkey, without),
            Shown::Before(at, by) => (at, by, without),
        };
        let AuthorizationRequest { target, scope, challenge, key, nonce, .. } = &asked.request;
        let new = NewLogin {
            app: &asked.app,
            scope: scope.clone(),
            redirect_uri: target.redirect_uri.clone(),
            state: target.state.clone(),
            challenge: challenge.clone(),
            key: key.clone(),
            nonce: nonce.clone(),
            user: &user.user_id,
            credential_epoch: user.credential_epoch,
            browser_epoch: user.browser_epoch,
            auth_time,
            by,
            browser: from.browser.clone(),
        };
        if must_ask {
            return Ok(Begun { pending: self.pending.ask(new, login, from.now).await?, code: None });
        }
        let (pending, code) = self.pending.permit(new, login, from.now).await?;
        Ok(Begun { pending, code: Some(code) })
    }

    /// The user whom a request is for, if an ID token names one (OpenID Connect Core §3.1.2.1).
    pub(crate) async fn hinted(&self, asked: &Asked, issuer: &str) -> Result<Result<Option<UserId>, Refused>, Failure> {
        let Some(text) = &asked.request.id_token_hint else { return Ok(Ok(None)) };
        let (code, description) =
            (AuthorizationErrorCode::InvalidRequest, "id_token_hint is no ID token of this server");
        let hint = self.read_hint(text, issuer).await?;
        Ok(hint.map(|hint| Some(hint.user_id)).ok_or(Refused { code, description }))
    }

    /// Whether the user has to be asked: an application of the company's own is trusted, another one remembers the answer.
    pub(crate) async fn needs_consent(&self, asked: &Asked, user: &User) -> Result<bool, Failure> {
        if asked.app.trusted {
            return Ok(false);
        }
        if asked.request.prompt.consent {
            return Ok(true);
        }
        let given = self.consents.get(&user.user_id, &asked.app.client_id).await?;
        Ok(given.is_none_or(|consent| !asked.request.scope.is_subset(&consent.scope)))
    }
}
