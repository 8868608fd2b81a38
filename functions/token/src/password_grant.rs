//! The resource owner password credentials grant (RFC 6749 §4.3), for trusted applications only.

use crate::client::AuthenticatedApp;
use crate::error::Failure;
use crate::issue::Holder;
use crate::{App, Request};
use domain::address::Address;
use domain::event::ApiResponse;
use domain::form::Form;
use domain::ids::SessionId;
use domain::password::{MAX_BYTES, PasswordHash, Verdict};
use domain::scope::Scope;
use domain::secret::Secret;
use domain::session::{Family, Session};
use sessions::{Login, TokenSource};
use startup::Metric;
use store::{GrantType, StoreError, User};

impl App {
    /// A login: the password is checked, lent to the connectors, and gone before the session is written.
    pub(crate) async fn password_grant(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        form: &mut Form,
    ) -> Result<ApiResponse, Failure> {
        let registered = app.registered();
        app.may_use(GrantType::Password)?;
        if !registered.trusted {
            return Err(Failure::UnauthorizedClient);
        }
        let password = form.take("password").ok_or(Failure::Missing("password"))?;
        let username = form.get("username").ok_or(Failure::Missing("username"))?;
        if password.expose().len() > MAX_BYTES {
            return Err(Failure::Malformed("password"));
        }
        if username.len() > 254 || username.chars().any(char::is_control) {
            return Err(Failure::Malformed("username"));
        }
        let scope = Self::granted_scope(form, &registered.scope)?;

        let shown = self.shown_session(request, registered, form).await?;
        let user = self.checked_user(request, registered, username, &password, shown.as_ref()).await?;
        // The one form of the address: a back end that tells spellings apart must not take this user for another one.
        let login =
            Login { user: &user.user_id, username: user.email.as_str(), links: &user.links, password: &password };
        if form.get("refresh_token").is_some() {
            // A login into a session that is there: its refresh token shows that it is theirs, which its id would not.
            return self.refresh_grant(request, app, form, TokenSource::Login(login)).await;
        }
        let sid = SessionId::from_random(startup::entropy::bytes()?);
        let tokens = self.sessions.tokens().acquire(&sid, registered, &scope, login, None, request.now).await?;
        drop(password);
        if self.sessions.is_useless(registered, &scope, &tokens, request.now) {
            return Err(Failure::BackEnd("no back end of this session could be logged in to".into()));
        }

        let lifetimes = self.config.lifetimes();
        let session = Session {
            sid,
            user_id: user.user_id,
            client_id: registered.client_id.clone(),
            scope,
            family: Family::begin(request.now, lifetimes.session_idle, lifetimes.session_absolute),
            salt: startup::entropy::bytes()?,
            mac_key: self.refresh.value().current_id().to_owned(),
            credential_epoch: user.credential_epoch,
            tokens,
        };
        self.sessions.begin(&session).await?;
        let refresh_token = match app.may_use(GrantType::RefreshToken) {
            Ok(()) => Some(self.refresh_token(&session, request.now).await?),
            Err(_) => None,
        };
        let holder = Holder {
            sub: &session.user_id,
            client_id: &session.client_id,
            sid: &session.sid,
            latest: self.sessions.latest_access(registered, &session, &session.scope, request.now),
        };
        let answer = self.answer_with_tokens(request, &holder, &session.scope, refresh_token.as_ref())?;
        startup::count(Metric::Login { grant: "password", app: registered.client_id.as_str() });
        Ok(answer)
    }

    /// The scope asked for, if the application may have it; all it may have when it asks for nothing (§3.3).
    pub(crate) fn granted_scope(form: &Form, assigned: &Scope) -> Result<Scope, Failure> {
        let Some(text) = form.get("scope") else { return Ok(assigned.clone()) };
        let asked = Scope::parse(text).map_err(|_| Failure::Scope)?;
        if asked.is_empty() || !asked.is_subset(assigned) { Err(Failure::Scope) } else { Ok(asked) }
    }

    /// The person, if the password is right. Unknown, disabled and wrong take the same steps and time.
    async fn checked_user(
        &self,
        request: &Request<'_>,
        app: &store::App,
        username: &str,
        password: &Secret,
        shown: Option<&Session>,
    ) -> Result<User, Failure> {
        // A text that is no address is nobody's, and takes the same steps.
        let address = Address::parse(username).map_or_else(|_| username.to_owned(), |address| address.to_string());
        // Whatever a comparison needs is here before the guess is counted: a request that is told to come back (503) because
        // something is missing has had no guess, and has not used one up.
        let user = match self.users.by_email(username).await {
            Err(error @ (StoreError::Newer { .. } | StoreError::Corrupt { .. })) => {
                return Err(self.unreadable(request, error.into()).await);
            }
            user => user?,
        };
        let stored = user.as_ref().and_then(|user| user.password.as_ref());
        let passwords = match self.passwords_for(stored).await {
            Err(failure) => return Err(self.unreadable(request, failure).await),
            Ok(passwords) => passwords,
        };
        let own = |session: &&Session| {
            user.as_ref().is_some_and(|user| {
                user.user_id == session.user_id && user.credential_epoch == session.credential_epoch && user.enabled
            })
        };
        let own = shown.filter(own).map(|session| &session.sid);
        let reserved = self.reserve_guess(request, &app.client_id, &address, user.as_ref(), own).await?;
        let verdict = passwords.verify(password, stored)?;
        let (Some(user), Verdict::Right { outdated }) = (user, verdict) else { return Err(Failure::Credentials) };
        if !user.enabled {
            return Err(Failure::Credentials);
        }
        self.guessed_right(request, &reserved, &user).await?;
        if let (true, Some(old)) = (outdated, &user.password) {
            self.rehash(&user, old, password).await;
        }
        Ok(user)
    }

    /// Stores the password under today's parameters. A login does not fail for it: the next one tries again.
    async fn rehash(&self, user: &User, old: &PasswordHash, password: &Secret) {
        let rehashed = async {
            let new = self.passwords.value().hash(password, startup::entropy::bytes()?)?;
            self.users.rehash(&user.user_id, old, &new).await?;
            Ok::<_, Failure>(())
        };
        if let Err(failure) = rehashed.await {
            tracing::warn!(reason = %failure, "the password hash stays outdated");
        }
    }
}
