//! Issues ID tokens (OpenID Connect Core §3.1.3.3, §12.2).

use crate::error::Failure;
use crate::{AuthorizationServer, Request};
use gateway_domain::id_token::{self, IdClaims};
use gateway_domain::scope::Scope;
use gateway_domain::session::Session;
use gateway_store::App;

/// The login that an ID token tells of.
pub(crate) struct ToldLogin<'a> {
    pub(crate) app: &'a App,
    pub(crate) session: &'a Session,
    /// `nonce` of the authorization request. Only the first ID token of a session can have it (Core §12.2).
    pub(crate) nonce: Option<&'a str>,
}

impl<'a> ToldLogin<'a> {
    /// A login that no authorization request has asked for, or one of before that is refreshed.
    pub(crate) fn of(app: &'a App, session: &'a Session) -> Self {
        Self { app, session, nonce: None }
    }
}

impl AuthorizationServer {
    /// The ID token that is issued with this access token, of this scope. It has no personal data: those come from userinfo.
    pub(crate) fn id_token(
        &self,
        request: &Request<'_>,
        login: &ToldLogin<'_>,
        (access_token, scope): (&str, &Scope),
    ) -> Result<String, Failure> {
        let ToldLogin { app, session, nonce } = login;
        let claims = IdClaims {
            iss: request.parties.issuer(),
            sub: &session.user_id,
            aud: &session.client_id,
            iat: request.now,
            exp: request.now.saturating_add(self.config.lifetimes().access_token),
            auth_time: session.auth_time,
            nonce: *nonce,
            acr: id_token::acr(session.origin.by),
            amr: id_token::amr(session.origin.by),
            at_hash: id_token::at_hash(access_token),
            sid: &session.sid,
            ds_hash: session.sign_on.as_ref().filter(|_| self.signs_on(app, scope)).map(|of| of.ds_hash.as_str()),
        };
        let signed = id_token::sign(&claims, &self.id_tokens.value(), app.id_token_algorithm());
        signed.map_err(|_| Failure::Internal("signing an ID token failed"))
    }
}
