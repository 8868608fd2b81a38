//! Native SSO (OpenID Connect Native SSO for Mobile Apps 1.0): an app gets a session of its own by the login of another app of its family on
//! the same device, shown by that app's ID token and the device secret.

use crate::error::{Failure, NoSignOn};
use crate::hooks::{Mapped, Whom};
use crate::issue::{TokenSubject, device_secret_member};
use crate::parameters::NativeSsoRequest;
use crate::refresh_grant::remaining_scope;
use crate::{AuthorizationServer, Request};
use gateway_config::AppFamily;
use gateway_credentials::AuthenticatedApp;
use gateway_domain::device_secret::{PresentedSecret, derive, ds_hash};
use gateway_domain::dpop::InvalidProof;
use gateway_domain::event::ApiResponse;
use gateway_domain::id_token::{DEVICE_SSO, OPENID};
use gateway_domain::id_token_hint::{SharedIdToken, verify_shared};
use gateway_domain::ids::{ClientId, SessionId};
use gateway_domain::scope::Scope;
use gateway_domain::secret::Secret;
use gateway_domain::session::{Family, LoginMethod, OfSignOn, Origin, Session};
use gateway_domain::sign_on::{MAX_EXCHANGES, Member, Place, SignOn, place};
use gateway_domain::source::Source;
use gateway_domain::token_type::TokenType;
use gateway_sessions::{SessionError, Tokens};
use gateway_store::{App, AppKind, GrantType, User};
use gateway_telemetry::Metric;

/// An exchange that lost a race reads the sign-on again: it finds the place that the other one took. Each round is a race that somebody won.
const ROUNDS: u32 = 4;

/// A sign-on that the request has shown to be its own, and its user.
struct Proved {
    sign_on: SignOn,
    secret: Secret,
    user: User,
}

/// The place of a session.
enum Taken<'a> {
    /// That of this id, which nobody has yet, instead of the session that the application has there.
    Anew(SessionId, Option<&'a Member>),
    /// That of this id, and the session if it was written already.
    Again(SessionId, Option<&'a Session>),
}

impl AuthorizationServer {
    /// Whether this application lets others of its family in by a login with this scope: while it is assigned both scopes itself, so that who
    /// takes one away ends that for the logins of before, too.
    pub(crate) fn signs_on(&self, app: &App, scope: &Scope) -> bool {
        let of_both = [scope, &app.scope].iter().all(|scope| scope.contains(OPENID) && scope.contains(DEVICE_SSO));
        of_both && self.family_of(app).is_some()
    }

    /// The family of an application that may share logins: a public one of the company, to which operators have given the grant.
    fn family_of(&self, app: &App) -> Option<&AppFamily> {
        let may = app.trusted && app.kind == AppKind::Public && app.grants.contains(&GrantType::NativeSso);
        self.config.app_family(&app.client_id).filter(|_| may)
    }

    /// The device secret of a session that belongs to a sign-on, if its application is to have it together with tokens of this scope.
    pub(crate) async fn own_device_secret(
        &self,
        app: &App,
        (session, scope): (&Session, &Scope),
        browser_epoch: u64,
    ) -> Result<Option<Secret>, Failure> {
        if session.sign_on.as_ref().is_none_or(|of| of.id != session.sid) || !self.signs_on(app, scope) {
            return Ok(None);
        }
        self.sessions.begin_sign_on(session, browser_epoch).await?;
        self.device_secret(&session.mac_key, &session.salt, &session.sid).await.map(Some)
    }

    async fn device_secret(&self, mac_key: &str, salt: &[u8; 16], id: &SessionId) -> Result<Secret, Failure> {
        let keys = self.refresh_for(mac_key).await?;
        derive(&keys, mac_key, salt, id).map_err(|_| Failure::Internal("the MAC key of a sign-on is gone"))
    }

    /// Gives the application a session of its own. An exchange can be repeated, as the redemption of a code can.
    pub(crate) async fn native_sso_grant(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        asked: &NativeSsoRequest,
    ) -> Result<ApiResponse, Failure> {
        let registered = app.registered();
        let family = self.family_of(registered).ok_or(Failure::UnauthorizedClient)?;
        if asked.audience != request.parties.issuer() {
            return Err(NoSignOn::Audience.into());
        }
        let scope = Scope::granted(asked.scope.as_ref(), &registered.scope).ok_or(Failure::Scope)?;
        for _ in 0..ROUNDS {
            let proved = Box::pin(self.proved_sign_on(request, (registered, family), asked)).await?;
            let member = proved.sign_on.members.get(&registered.client_id);
            let own = match member {
                Some(member) => self.sessions.get(&member.sid).await?,
                None => None,
            };
            let key = request.key();
            let shown = (asked.attempt.as_deref(), key.as_ref());
            let place = match (place(member, own.as_ref(), shown, request.now), member) {
                (Place::Again, Some(member)) => Taken::Again(member.sid.clone(), own.as_ref()),
                (Place::None, _) => return Err(NoSignOn::Used.into()),
                (Place::New | Place::Instead | Place::Again, _) => {
                    Taken::Anew(SessionId::from_random(self.entropy.bytes()?), member)
                }
            };
            if let Some(response) = Box::pin(self.join(request, app, (&proved, asked), (place, scope.clone()))).await? {
                return Ok(response);
            }
        }
        Err(Failure::Busy)
    }

    /// Begins the session in its place, or finds it begun; `None` if another exchange was faster.
    async fn join(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        (proved, asked): (&Proved, &NativeSsoRequest),
        (place, scope): (Taken<'_>, Scope),
    ) -> Result<Option<ApiResponse>, Failure> {
        let registered = app.registered();
        let (sid, begun) = match &place {
            Taken::Anew(sid, _) => (sid, None),
            Taken::Again(sid, own) => (sid, *own),
        };
        // What is served again is what was given then.
        let scope = begun.map_or(scope, |own| own.scope.clone());
        let (user_id, client_id) = (&proved.user.user_id, &registered.client_id);
        let still = remaining_scope(&scope, &registered.scope);
        let whom = Whom { grant: "native_sso", user_id, client_id, session: Some(sid), scope: &still };
        // Before anything is changed: a hook or a legacy system that does not answer leaves everything as it is.
        let mapped = match self.mapped(request, whom).await {
            Err(refused @ Failure::HookRefused(_)) if begun.is_some() => {
                self.sessions.end(sid).await?;
                return Err(refused);
            }
            mapped => mapped?,
        };
        let tokens = if let Some(own) = begun {
            own.tokens.clone()
        } else {
            let tokens = self.sessions.tokens();
            let whose = (&proved.user, LoginMethod::SignOn);
            tokens.acquire_without_password(sid, (registered, &scope), whose, request.now).await?
        };
        if let Taken::Anew(sid, before) = &place {
            let member = Member::taking(*before, sid.clone(), asked.attempt.clone(), request.now);
            let before = before.map(|before| &before.sid);
            let taken = self.sessions.take_place(&proved.sign_on, client_id, &member, before).await;
            if !matches!(taken, Ok(true)) {
                self.sessions.drop_tokens(sid, &tokens).await;
                return taken.map(|_| None).map_err(Failure::from);
            }
        }
        let new = self.joining(request, app, (proved, asked), (sid.clone(), scope, tokens))?;
        Box::pin(self.serve_joined(request, app, proved, (&new, &mapped))).await.map(Some)
    }

    /// The sign-on of a device secret and an ID token that belong together and to an application of the family, while the session of that
    /// application lives (OpenID Connect Native SSO §4.3). Only texts that this server has not made are counted.
    async fn proved_sign_on(
        &self,
        request: &Request<'_>,
        (app, family): (&App, &AppFamily),
        asked: &NativeSsoRequest,
    ) -> Result<Proved, Failure> {
        let issuer = request.parties.issuer();
        let shared = verify_shared(asked.subject_token.expose(), &self.id_tokens.value(), issuer);
        let presented = match asked.secret.clone() {
            Some(presented) => presented,
            None => PresentedSecret::of_nobody(SessionId::from_random(self.entropy.bytes()?)),
        };
        let found = self.sign_on_of(&presented).await?;
        let (Ok(SharedIdToken { hint, ds_hash: of_secret }), Some(sign_on)) = (shared, found) else {
            self.sign_on_attempts.wrong(&Source::of(request.api.source_ip.as_deref()), request.now).await?;
            return Err(refused("the ID token or the device secret is none of this server"));
        };
        let secret = self.device_secret(&sign_on.mac_key, &sign_on.salt, &sign_on.id).await?;
        if ds_hash(&secret) != of_secret || hint.user_id != sign_on.user_id {
            return Err(refused("the ID token is of another login"));
        }
        if hint.client_id == app.client_id || !family.apps.contains(&hint.client_id) {
            return Err(refused("the ID token is of no other application of the family"));
        }
        if !sign_on.has(&hint.client_id, &hint.sid) {
            return Err(refused("the session of the ID token has left the sign-on"));
        }
        if !sign_on.is_open(request.now) || sign_on.exchanges >= MAX_EXCHANGES {
            return Err(refused("the sign-on is over"));
        }
        let session = self.sessions.get(&hint.sid).await?.filter(|session| !session.family.is_over(request.now));
        let session = session.ok_or_else(|| refused("the session of the ID token is over"))?;
        // Whoever has copied the shared storage of the device has no key. Which key it is, is the application's own affair: each has another.
        if session.holder.is_some() && request.proof.is_none() {
            let reason = "the login is bound to a key: send a proof of this app's own key in the header DPoP";
            return Err(InvalidProof(reason).into());
        }
        // An application that may not let others in any more, or can do nothing, does not do it by what it gave before.
        let first = self.apps.get(&hint.client_id).await?.filter(|first| first.enabled);
        if first.is_none_or(|first| !self.signs_on(&first, &session.scope)) {
            return Err(refused("the application of the ID token shares nothing any more"));
        }
        let user = self.users.get(&sign_on.user_id).await?.filter(|user| {
            user.enabled
                && user.credential_epoch == sign_on.credential_epoch
                && user.browser_epoch == sign_on.browser_epoch
        });
        let user = user.ok_or_else(|| refused("the credentials changed, the user is disabled or has logged out"))?;
        Ok(Proved { sign_on, secret, user })
    }

    /// The sign-on of a device secret that this server has made. Every case costs one read and one MAC, so that all take the same time.
    pub(crate) async fn sign_on_of(&self, presented: &PresentedSecret) -> Result<Option<SignOn>, Failure> {
        let Some(sign_on) = self.sessions.sign_on(&presented.id).await? else {
            presented.check_nothing(&self.refresh.value());
            return Ok(None);
        };
        let keys = self.refresh_for(&sign_on.mac_key).await?;
        Ok(presented.check(&keys, &sign_on.mac_key, &sign_on.salt).is_ok().then_some(sign_on))
    }

    /// The session as it begins: it ends with the first login, and is as old.
    fn joining(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        (Proved { sign_on, secret, user }, asked): (&Proved, &NativeSsoRequest),
        (sid, scope, tokens): (SessionId, Scope, Tokens),
    ) -> Result<Session, Failure> {
        let idle = self.config.lifetimes().session_idle;
        let issuer = scope.contains(OPENID).then(|| request.parties.issuer().to_owned());
        Ok(Session {
            sid,
            user_id: user.user_id.clone(),
            client_id: app.registered().client_id.clone(),
            scope,
            family: Family::begin_until(request.now, idle, sign_on.absolute_end),
            holder: request.holder(app),
            salt: self.entropy.bytes()?,
            mac_key: self.refresh.value().current_id().to_owned(),
            credential_epoch: sign_on.credential_epoch,
            auth_time: sign_on.auth_time,
            origin: Origin { began: Some(request.now), device: asked.device.clone(), by: LoginMethod::SignOn },
            issuer,
            sign_on: Some(OfSignOn { id: sign_on.id.clone(), ds_hash: ds_hash(secret) }),
            tokens,
        })
    }

    async fn serve_joined(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        Proved { sign_on, secret, .. }: &Proved,
        (new, mapped): (&Session, &Mapped),
    ) -> Result<ApiResponse, Failure> {
        let (registered, now) = (app.registered(), request.now);
        let session = match self.sessions.begin_joined(registered, sign_on, new).await {
            Err(SessionError::CredentialsChanged) => return Err(refused("it ended meanwhile")),
            begun => begun?,
        };
        // Another attempt of the client may have begun it, for another scope or by another key, and may have refreshed it since.
        if session.scope != new.scope {
            return Err(Failure::Busy);
        }
        let is_of_another = session.holder.as_ref().map(|holder| &holder.key) != request.key().as_ref();
        if is_of_another || session.family.generation != 1 {
            return Err(NoSignOn::Used.into());
        }
        let refresh_token =
            if app.has_grant(GrantType::RefreshToken) { Some(self.refresh_token(&session, now).await?) } else { None };
        let mut subject: TokenSubject<'_> = self.subject(registered, &session, &mapped.scope, now);
        subject.also.insert("issued_token_type".to_owned(), TokenType::AccessToken.uri().into());
        if self.signs_on(registered, &mapped.scope) {
            subject.also.extend([device_secret_member(secret)]);
        }
        let response = self.response_with_tokens(request, &subject, mapped, refresh_token.as_ref())?;
        // A repetition finds the salt of the request that has written the session.
        if session.salt == new.salt {
            gateway_telemetry::count(Metric::Login { grant: "native_sso", app: registered.client_id.as_str() });
        }
        Ok(response)
    }

    /// Ends all sessions of a device secret, if the application has or had one of them.
    pub(crate) async fn revoke_device_secret(
        &self,
        client: &ClientId,
        presented: &PresentedSecret,
    ) -> Result<(), Failure> {
        if let Some(sign_on) = self.sign_on_of(presented).await?
            && sign_on.members.contains_key(client)
        {
            self.sessions.end_together(&sign_on.id).await?;
        }
        Ok(())
    }
}

fn refused(reason: &'static str) -> Failure {
    NoSignOn::Refused(reason).into()
}
