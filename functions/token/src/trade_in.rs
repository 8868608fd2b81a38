//! Trade-in: the first refresh with another issuer's refresh token gives a session here (decision 0051).
//!
//! A record of the token says how far it has come, so that a repetition goes on from there, whatever died before: nobody asked, the issuer has
//! answered, or it became a session. What happens with a repetition after that is decided as of a refresh token of ours.

use crate::error::{Failure, NotTraded};
use crate::hooks::{Mapped, Whom};
use crate::refresh_grant::{bound_to, narrowed_scope};
use crate::{AuthorizationServer, Request};
use gateway_config::{ForeignClient, ForeignIssuer, ForeignUsers, Gateway};
use gateway_credentials::{AuthenticatedApp, ReservedTradeIn};
use gateway_domain::dpop::InvalidProof;
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::{ClientId, IssuerName, SessionId, SubjectKind, UserId};
use gateway_domain::scope::Scope;
use gateway_domain::sealing::SealedToken;
use gateway_domain::secret::Secret;
use gateway_domain::session::{Decision, Session, judge};
use gateway_domain::source::Source;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_domain::trade_in::{
    FORGOTTEN, ForeignRefreshToken, LEASE, Next, Progress, RecordKey, TradeIn, Traded, next, shown,
};
use gateway_issuers::{Answer, IssuerError};
use gateway_sessions::{MAX_POLLS, POLL_INTERVAL, TokenSource, TradingIn};
use gateway_store::User;
use gateway_telemetry::{Ended, Metric, Remote};

/// How long it is known after the last day which session a token became. Whoever moves that day back within this time lets no session begin
/// again that has ended.
const REMEMBERED: Seconds = Seconds::new(366 * 86_400);

/// A refresh token of another issuer, presented by an application that trades in those.
pub(crate) struct Trading<'a> {
    name: &'a IssuerName,
    issuer: &'a ForeignIssuer,
    mapped: &'a ForeignClient,
    token: ForeignRefreshToken,
    key: RecordKey,
    attempt: Option<&'a str>,
}

/// A user whose token it is, with what the session and the first access token get.
struct Granted {
    user: User,
    scope: Scope,
    mapped: Mapped,
}

impl<'a> Trading<'a> {
    /// The token, if it is one: not ours, and of an application that trades in those of an issuer, now or until a day ago.
    pub(crate) fn of(
        config: &'a Gateway,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        (text, attempt): (Option<&Secret>, Option<&'a str>),
    ) -> Option<Self> {
        let (name, issuer, mapped) = config.trade_in(&app.registered().client_id, request.now)?;
        let token = ForeignRefreshToken::of(text?.expose(), request.parties.issuer())?;
        let key = token.record(name);
        Some(Self { name, issuer, mapped, token, key, attempt })
    }

    /// Whether tokens are traded in still. A day longer, those that were are served again.
    fn is_open(&self, now: Timestamp) -> bool {
        now < self.issuer.until.end()
    }

    /// Until when an answer of the issuer is kept.
    fn kept(&self) -> Timestamp {
        self.issuer.until.served()
    }

    /// Until when it is kept which session the token became.
    fn remembered(&self) -> Timestamp {
        self.issuer.until.end().saturating_add(REMEMBERED)
    }
}

impl AuthorizationServer {
    /// Trades the token in, or serves the session again that it became.
    pub(crate) async fn trade_in(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        trading: &Trading<'_>,
        asked: (Option<&Scope>, Option<&str>),
    ) -> Result<ApiResponse, Failure> {
        let traded = Box::pin(self.traded_in(request, app, trading, asked)).await;
        let outcome = match &traded {
            Ok((_, outcome)) => outcome,
            Err(Failure::NotTraded(reason)) => reason.outcome(),
            Err(Failure::TooManyAttempts(_)) => "limited",
            Err(Failure::Busy) => "waiting",
            Err(failure) if failure.response().status >= 500 => "failed",
            Err(_) => "refused",
        };
        gateway_telemetry::count(Metric::TradeIn { issuer: trading.name.as_str(), outcome });
        traded.map(|(response, _)| response)
    }

    async fn traded_in(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        trading: &Trading<'_>,
        asked: (Option<&Scope>, Option<&str>),
    ) -> Result<(ApiResponse, &'static str), Failure> {
        for poll in 0..MAX_POLLS {
            if poll > 0 {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            let record = self.trade_ins.get(&trading.key).await?;
            match next(record.as_ref(), request.now) {
                Next::Wait => {}
                Next::Serve(traded) => return Box::pin(self.serve_traded(request, app, trading, traded, asked)).await,
                Next::Ask | Next::Identify(_) if !trading.is_open(request.now) => {
                    return Err(Failure::RefreshToken("the last day of its issuer is over"));
                }
                Next::Ask => {
                    let source = Source::of(request.api.source_ip.as_deref());
                    let reserved = self.trade_in_attempts.reserve(&source, request.now).await?;
                    if let Some(begun) = Box::pin(self.work(request, app, trading, Some(reserved), asked)).await? {
                        return Ok((begun, "traded"));
                    }
                }
                Next::Identify(_) => {
                    if let Some(begun) = Box::pin(self.work(request, app, trading, None, asked)).await? {
                        return Ok((begun, "traded"));
                    }
                }
            }
        }
        Err(Failure::Busy)
    }

    /// Asks, or finds out whose the answer is if no question is reserved, under the lease. `None` if another request has the lease, or the
    /// record has come further: look again.
    async fn work(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        trading: &Trading<'_>,
        reserved: Option<ReservedTradeIn>,
        asked: (Option<&Scope>, Option<&str>),
    ) -> Result<Option<ApiResponse>, Failure> {
        let lease = u128::from_be_bytes(self.entropy.bytes()?).to_string();
        let times = (request.now.saturating_add(LEASE), request.now);
        let is_answered = reserved.is_none();
        // Anybody can present texts without end: what nobody has answered is soon forgotten.
        let kept = if is_answered { trading.kept() } else { request.now.saturating_add(FORGOTTEN) };
        let Some(record) = self.trade_ins.lease(&trading.key, &lease, times, (is_answered, kept)).await? else {
            if let Some(reserved) = &reserved {
                self.trade_in_attempts.give_back(reserved).await?;
            }
            return Ok(None);
        };
        let worked = async {
            let subject = self.subject_of(request, trading, (record.progress, reserved), &lease).await?;
            let user = self.user_of(trading, &subject).await?;
            let sid = SessionId::from_random(self.entropy.bytes()?);
            // Before the token is used up here: a hook that does not answer leaves the record as it is.
            let granted = self.granted(request, app, user, asked.0, &sid).await?;
            let traded = Traded {
                user_id: granted.user.user_id.clone(),
                client_id: app.registered().client_id.clone(),
                sid,
                ends: request.now.saturating_add(self.config.lifetimes().session_absolute),
                credential_epoch: granted.user.credential_epoch,
            };
            if !self.trade_ins.traded(&trading.key, &lease, &traded, trading.remembered()).await? {
                return Err(Failure::Busy);
            }
            Ok((granted, traded))
        };
        match Box::pin(worked).await {
            Ok((granted, traded)) => {
                let begun = self.begin_traded(request, app, trading, &traded, (granted, asked.1)).await?;
                // Another request has read the record meanwhile and begun the session: it is served as that repetition.
                begun.map_or(Ok(None), |response| Ok(Some(response)))
            }
            Err(failure) => {
                self.trade_ins.release(&trading.key, &lease).await?;
                Err(failure)
            }
        }
    }

    /// The subject by which the issuer knows the user. What it answered before is asked again only when it has become too old to tell.
    async fn subject_of(
        &self,
        request: &Request<'_>,
        trading: &Trading<'_>,
        (progress, reserved): (Progress, Option<ReservedTradeIn>),
        lease: &str,
    ) -> Result<String, Failure> {
        let Trading { name, mapped, token, .. } = trading;
        let kept = match progress {
            Progress::Answered(sealed) => self.opened(trading, &sealed).await?,
            Progress::Asked => None,
            Progress::Traded(_) => return Err(Failure::Internal("the lease of what has become a session")),
        };
        if let Some(answer) = &kept {
            match self.issuers.subject(name, mapped, answer, request.now).await {
                Err(IssuerError::TooOld | IssuerError::Incomplete(_)) => {}
                told => return Ok(told.map_err(NotTraded::from)?),
            }
        }
        let reserved = if let Some(reserved) = reserved {
            reserved
        } else {
            let source = Source::of(request.api.source_ip.as_deref());
            self.trade_in_attempts.reserve(&source, request.now).await?
        };
        let newest = kept.as_ref().and_then(Answer::refresh_token).unwrap_or(token.secret());
        let traced = gateway_telemetry::exchange(Remote::Connector(name.as_str()));
        let answer = self.issuers.refresh(name, mapped, newest).await;
        traced.ended(match &answer {
            Ok(_) => Ended::Done,
            Err(IssuerError::Refused) => Ended::Refused,
            Err(_) => Ended::Failed,
        });
        let answer = answer.map(|answer| answer.after(kept));
        if let Ok(answer) = &answer {
            // First of all: the token may be spent.
            self.keep(trading, lease, answer).await?;
        }
        // What it takes, and what it could not decide, costs nothing; any other answer may be to a guess, or says to ask less.
        if matches!(answer, Ok(_) | Err(IssuerError::Unavailable(_))) {
            self.trade_in_attempts.give_back(&reserved).await?;
        }
        let answer = answer.map_err(NotTraded::from)?;
        let told = self.issuers.subject(name, mapped, &answer, request.now).await;
        // It has answered so just now: another answer is as old.
        let fresh = "what it answers with is over already: look at its clock, and at how long its tokens live";
        let told =
            told.map_err(|error| if error == IssuerError::TooOld { IssuerError::Incomplete(fresh) } else { error });
        Ok(told.map_err(NotTraded::from)?)
    }

    async fn keep(&self, trading: &Trading<'_>, lease: &str, answer: &Answer) -> Result<(), Failure> {
        let plain = answer.to_kept().map_err(|_| Failure::Internal("an answer cannot be written"))?;
        let keys = self.sessions.tokens().sealing();
        let sealed = keys.seal_answer(&trading.key, self.entropy.bytes()?, &plain);
        let sealed = sealed.map_err(|_| Failure::Internal("sealing failed"))?;
        let kept = self.trade_ins.answered(&trading.key, lease, &sealed, trading.kept()).await?;
        if kept { Ok(()) } else { Err(Failure::Busy) }
    }

    /// What was kept of an answer. `None` if the key that sealed it was revoked: then the issuer is asked again, as if it had answered nothing.
    async fn opened(&self, trading: &Trading<'_>, sealed: &SealedToken) -> Result<Option<Answer>, Failure> {
        let keys = self.sessions.tokens().sealing_for(sealed).await?;
        let Ok(opened) = keys.open_answer(&trading.key, sealed) else {
            tracing::warn!(
                issuer = trading.name.as_str(),
                "what an issuer has answered does not open: it is asked again"
            );
            return Ok(None);
        };
        let answer = Answer::read(&opened).map_err(|_| Failure::Internal("what was kept of an answer is none"))?;
        Ok(Some(answer))
    }

    /// The user whom the issuer names. Only the subject tells: no address, whoever has it. Whoever has other credentials here since that was
    /// noted may be another person, or have shut somebody out.
    async fn user_of(&self, trading: &Trading<'_>, subject: &str) -> Result<User, Failure> {
        let known = match trading.issuer.users {
            ForeignUsers::Subject => match UserId::parse(subject).ok().filter(|id| id.kind() == SubjectKind::User) {
                Some(id) => self.users.known_by_id(&id).await?,
                None => None,
            },
            ForeignUsers::Links => self.users.known_by_link(trading.name, subject).await?,
        };
        let known = known.ok_or(NotTraded::UnknownUser)?;
        if known.is_unchanged() { Ok(known.user) } else { Err(NotTraded::NewCredentials.into()) }
    }

    /// What this user may get in this application: as at a login.
    async fn granted(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        user: User,
        asked: Option<&Scope>,
        sid: &SessionId,
    ) -> Result<Granted, Failure> {
        if !user.enabled {
            return Err(Failure::RefreshToken("the user is disabled"));
        }
        if !user.email_verified && !self.config.accounts().login_before_verification {
            return Err(Failure::NotVerified);
        }
        let registered = app.registered();
        let scope = Scope::granted(asked, &registered.scope).ok_or(Failure::Scope)?;
        if !registered.trusted {
            let consent = self.consents.get(&user.user_id, &registered.client_id).await?;
            if !consent.is_some_and(|consent| scope.is_subset(&consent.scope)) {
                return Err(NotTraded::Consent.into());
            }
        }
        let (user_id, client_id) = (&user.user_id, &registered.client_id);
        let whom = Whom { grant: "refresh_token", user_id, client_id, session: Some(sid), scope: &scope };
        let mapped = self.mapped(request, whom).await?;
        Ok(Granted { user, scope, mapped })
    }

    /// Begins the session. `None` if another request has begun it.
    async fn begin_traded(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        trading: &Trading<'_>,
        traded: &Traded,
        (Granted { user, scope, mapped }, device): (Granted, Option<&str>),
    ) -> Result<Option<ApiResponse>, Failure> {
        let (refresh, holder) = (self.refresh.value(), request.holder(app));
        let trading_in = TradingIn {
            app: app.registered(),
            user: &user,
            traded,
            scope: &scope,
            attempt: trading.attempt,
            mac_key: refresh.current_id(),
            device,
            holder: holder.as_ref(),
            issuer: request.parties.issuer(),
            now: request.now,
        };
        let (session, ours) = self.sessions.begin_traded_in(&trading_in).await?;
        if ours { self.traded_response(request, app, &session, &mapped).await.map(Some) } else { Ok(None) }
    }

    /// Serves the session that the token became, if whoever presents it may have it: by the rules for a refresh token that was used.
    async fn serve_traded(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        trading: &Trading<'_>,
        traded: &Traded,
        asked: (Option<&Scope>, Option<&str>),
    ) -> Result<(ApiResponse, &'static str), Failure> {
        let registered = app.registered();
        if traded.client_id != registered.client_id {
            return Err(Failure::RefreshToken("another application has traded it in"));
        }
        let mut found = self.sessions.get(&traded.sid).await?;
        if found.is_none() {
            // What keeps it died before it began; or it began, and was swept long after its end.
            if request.now >= traded.ends {
                return Err(Failure::RefreshToken("traded in before, and that session is over"));
            }
            let user = self.users.get(&traded.user_id).await?;
            let user = user.ok_or(Failure::RefreshToken("the user is gone"))?;
            if user.credential_epoch != traded.credential_epoch {
                return Err(NotTraded::NewCredentials.into());
            }
            let granted = self.granted(request, app, user, asked.0, &traded.sid).await?;
            if let Some(begun) = self.begin_traded(request, app, trading, traded, (granted, asked.1)).await? {
                return Ok((begun, "traded"));
            }
            found = self.sessions.get(&traded.sid).await?;
        }
        let session = found.ok_or(Failure::Internal("a session vanished"))?;
        let response = self.serve_again(request, app, (&session, trading.attempt), asked.0).await?;
        Ok((response, "repeated"))
    }

    /// Ends the session that the token became, if this application has traded it in; one that has not begun yet never will. One read for
    /// any other.
    pub(crate) async fn revoke_traded_in(
        &self,
        client: &ClientId,
        trading: &Trading<'_>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let record = self.trade_ins.get(&trading.key).await?;
        if let Some(TradeIn { progress: Progress::Traded(traded), .. }) = record
            && traded.client_id == *client
        {
            self.sessions.end_traded_in(&traded, now).await?;
        }
        Ok(())
    }

    async fn serve_again(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        (session, attempt): (&Session, Option<&str>),
        asked: Option<&Scope>,
    ) -> Result<ApiResponse, Failure> {
        let (registered, key) = (app.registered(), request.key());
        let policy = self.reuse_policy(registered);
        let shown = shown(attempt, key.as_ref());
        match judge(bound_to(session, registered), &session.family, shown, policy, request.now) {
            Decision::Replay => {}
            Decision::Unproved => {
                let reason = "the refresh token is bound to a key: send a proof of it in the header DPoP";
                return Err(InvalidProof(reason).into());
            }
            Decision::Revoke => {
                tracing::warn!(session = %session.sid, "a traded-in refresh token was reused: the session is ended");
                gateway_telemetry::count(Metric::ReuseDetected);
                self.sessions.end(&session.sid).await?;
                return Err(Failure::RefreshToken("traded in before, and reused"));
            }
            Decision::Refuse | Decision::Rotate => {
                let client = &registered.client_id;
                self.sessions.finish_end(client, Some(session), &session.sid, request.now).await?;
                return Err(Failure::RefreshToken("traded in before"));
            }
        }
        let scope = narrowed_scope(asked, &session.scope, &registered.scope)?;
        let mapped = self.allowed(request, (session, Decision::Replay), &scope, TokenSource::Renewal).await?;
        self.sessions.finish_traded_in(registered, session).await?;
        self.traded_response(request, app, session, &mapped).await
    }

    async fn traded_response(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        session: &Session,
        mapped: &Mapped,
    ) -> Result<ApiResponse, Failure> {
        let subject = self.subject(app.registered(), session, &mapped.scope, request.now);
        let refresh_token = self.refresh_token(session, request.now).await?;
        self.response_with_tokens(request, &subject, mapped, Some(&refresh_token))
    }
}
