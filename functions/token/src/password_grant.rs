//! The resource owner password credentials grant (RFC 6749 §4.3), for trusted applications only.

use crate::client::may_use;
use crate::error::Failure;
use crate::hooks::Whom;
use crate::issue::device_secret_member;
use crate::parameters::PasswordRequest;
use crate::{AuthorizationServer, Request};
use gateway_credentials::{AuthenticatedApp, PasswordLogin, Proved, ProvedDevice};
use gateway_domain::event::ApiResponse;
use gateway_domain::id_token::OPENID;
use gateway_domain::ids::SessionId;
use gateway_domain::scope::Scope;
use gateway_domain::session::{Family, LoginMethod, Origin, Session};
use gateway_domain::source::Source;
use gateway_sessions::{Login, TokenSource, of_own_sign_on};
use gateway_store::GrantType;
use gateway_telemetry::Metric;

impl AuthorizationServer {
    /// A login. The password is checked and lent to the connectors; nothing keeps it.
    pub(crate) async fn password_grant(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        asked: PasswordRequest,
    ) -> Result<ApiResponse, Failure> {
        let registered = app.registered();
        let scope = Scope::granted(asked.scope.as_ref(), &registered.scope).ok_or(Failure::Scope)?;
        let device = self.login_device(request, app, asked.device_assertion.as_ref()).await?;
        let shown = match &asked.session {
            Some(presented) => self.shown_session(request, registered, presented).await?,
            None => None,
        };
        let attempt = PasswordLogin {
            username: &asked.username,
            password: &asked.password,
            client: &registered.client_id,
            source: &Source::of(request.api.source_ip.as_deref()),
            session: shown.as_ref(),
        };
        let proved = self.passwords.check(&attempt, request.now).await?;
        let answered = Box::pin(self.log_in(request, app, (&asked, scope), &proved, device.as_ref())).await;
        // What a directory began and no session has taken is of no use to anybody.
        self.sessions.tokens().end_begun(&proved.begun).await;
        answered
    }

    /// Begins a session for the user, or renews the one that was presented. The device that was shown is the user's then.
    async fn log_in(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        (asked, scope): (&PasswordRequest, Scope),
        Proved { user, begun }: &Proved,
        device: Option<&ProvedDevice>,
    ) -> Result<ApiResponse, Failure> {
        let registered = app.registered();
        // Told only to who knows the password.
        if !user.email_verified && !self.config.accounts().login_before_verification {
            return Err(Failure::NotVerified);
        }
        self.may_link(device, &user.user_id).await?;
        let whose = (&user.user_id, user.credential_epoch);
        // Back ends get the normalized address, not the text typed: one that distinguishes spellings must not take this user
        // for another one.
        let login = Login {
            user: &user.user_id,
            username: user.email.as_str(),
            links: &user.links,
            password: Some(&asked.password),
            begun,
            separate: &asked.separate,
        };
        if let Some(presented) = &asked.session {
            // A login into an existing session. Its refresh token proves that it is the client's; a session id would not.
            may_use(app, GrantType::RefreshToken)?;
            // Before the refresh token is spent: a login that does not link the device leaves the session as it was.
            self.link(device, whose, request.now).await?;
            let source = TokenSource::Login(login);
            return self.refresh_grant(request, app, presented, asked.scope.as_ref(), source).await;
        }
        let sid = SessionId::from_random(self.entropy.bytes()?);
        let (user_id, client_id) = (&user.user_id, &registered.client_id);
        let whom = Whom { grant: "password", user_id, client_id, session: Some(&sid), scope: &scope };
        let mapped = self.mapped(request, whom).await?;
        let (tokens, by) = (self.sessions.tokens(), LoginMethod::Password);
        let tokens = tokens.acquire_to_begin(&sid, (registered, &scope), (login, by), request.now).await?;

        let lifetimes = self.config.lifetimes();
        let issuer = scope.contains(OPENID).then(|| request.parties.issuer().to_owned());
        let (salt, refresh) = (self.entropy.bytes()?, self.refresh.value());
        let mac_key = refresh.current_id().to_owned();
        let sign_on = self.signs_on(registered, &mapped.scope).then(|| of_own_sign_on(&refresh, &mac_key, &salt, &sid));
        let session = Session {
            sid,
            user_id: user.user_id.clone(),
            client_id: registered.client_id.clone(),
            scope,
            family: Family::begin(request.now, lifetimes.session_idle, lifetimes.session_absolute),
            holder: request.holder(app),
            salt,
            mac_key,
            credential_epoch: user.credential_epoch,
            auth_time: Some(request.now),
            origin: Origin { began: Some(request.now), device: asked.device.clone(), by },
            issuer,
            sign_on: sign_on.transpose()?,
            tokens,
        };
        self.sessions.begin(registered, &session).await?;
        // Nobody has a token of the session yet: a login that does not link the device did not happen.
        if let Err(failure) = self.link(device, whose, request.now).await {
            self.sessions.end(&session.sid).await?;
            return Err(failure);
        }
        let refresh_token = if app.has_grant(GrantType::RefreshToken) {
            Some(self.refresh_token(&session, request.now).await?)
        } else {
            None
        };
        let secret = self.own_device_secret(registered, (&session, &mapped.scope), user.browser_epoch).await?;
        let mut subject = self.subject(registered, &session, &mapped.scope, request.now);
        subject.also.extend(secret.iter().map(device_secret_member));
        let response = self.response_with_tokens(request, &subject, &mapped, refresh_token.as_ref())?;
        gateway_telemetry::count(Metric::Login { grant: "password", app: registered.client_id.as_str() });
        Ok(response)
    }
}
