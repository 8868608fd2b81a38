//! Who asks: an application of the admin API, by an access token that it got for itself.

use crate::error::Failure;
use crate::{Asked, Portal};
use gateway_domain::ids::UserId;

/// An application that administers, with what it may do.
pub(crate) struct Principal {
    claims: gateway_domain::access_token::AccessClaims,
}

impl Principal {
    /// Fails unless the token has this scope.
    pub(crate) fn may(&self, scope: &'static str) -> Result<(), Failure> {
        if self.claims.scope.contains(scope) { Ok(()) } else { Err(Failure::Scope(scope)) }
    }

    /// As the audit table names it.
    pub(crate) fn who(&self) -> String {
        format!("app {}", self.claims.client_id)
    }
}

impl Portal {
    /// Who asks. The scope is the token's as far as the application still has it, so that what is taken from an application is
    /// felt at once. People have no scope here: an app to which they lend their account must not administer.
    pub(crate) async fn principal(&self, asked: &Asked<'_>) -> Result<Principal, Failure> {
        let parties = self.gateway.token_parties(&asked.request.stage_variables)?;
        let of = (parties.issuer(), parties.audience());
        let mut claims =
            gateway_credentials::access(&self.public, &self.proofs, asked.request, of, asked.now).await??;
        if claims.sub != UserId::of_app(&claims.client_id) {
            return Err(Failure::NoToken);
        }
        let is_live = self.activity.entry_is_live(&claims.sub, &claims.client_id, &claims.sid, asked.now).await?;
        let app = self.developers.apps.get(&claims.client_id).await?.filter(|app| app.enabled && is_live);
        claims.scope = claims.scope.intersection(&app.ok_or(Failure::NoToken)?.scope);
        Ok(Principal { claims })
    }
}
