//! What a call asks for whose session lacks the internal token of its API: another login (RFC 9470 §3).

use gateway_domain::acr::ACR_VALUES;
use gateway_domain::event::{ApiRequest, ApiResponse};
use gateway_domain::holder_key;
use gateway_domain::id_token::ACR;
use gateway_domain::problem::Problem;

use super::{phrase, send};

const ERROR: &str = "insufficient_user_authentication";

/// What kind of login would help, and how the token came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StepUp {
    /// The class of that login; `None` where any login would do.
    acr: Option<&'static str>,
    /// Whether the token is bound to a key, so that the challenge is of the scheme `DPoP` (RFC 9449 §7.1).
    bound: bool,
}

impl StepUp {
    /// For this call, to an API whose back end checks the password or does not.
    pub(crate) fn of(request: &ApiRequest, needs_password: bool) -> Self {
        let scheme = request.header("authorization").ok().flatten().and_then(|field| field.split(' ').next());
        let bound = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("DPoP"));
        Self { acr: needs_password.then_some(ACR), bound }
    }

    /// The legacy system no longer knows the user.
    pub(super) fn over(self) -> ApiResponse {
        self.challenge(match self.acr {
            Some(_) => "The session at the back end is over, a login with the password is needed",
            None => "The session at the back end is over, a new login is needed",
        })
    }

    /// The login of this session did not reach the legacy system: it was without the password, or the system did not answer.
    pub(super) fn never_begun(self) -> ApiResponse {
        self.challenge(match self.acr {
            Some(_) => "This API needs a login with the password",
            None => "This API needs a new login",
        })
    }

    /// Repeated in the body, since a REST API renames the field `WWW-Authenticate` of a function.
    fn challenge(self, description: &str) -> ApiResponse {
        let scheme = if self.bound { "DPoP" } else { "Bearer" };
        let mut header = format!("{scheme} realm=\"gateway\", error=\"{ERROR}\", error_description=\"{description}\"");
        let mut body = Problem::new(401, phrase(401), &format!("{description}."))
            .with("error", ERROR)
            .with("error_description", description);
        if let Some(acr) = self.acr {
            header = format!("{header}, {ACR_VALUES}=\"{acr}\"");
            body = body.with(ACR_VALUES, acr);
        }
        if self.bound {
            header = format!("{header}, algs=\"{}\"", holder_key::ALGORITHM);
        }
        send(&body).header("WWW-Authenticate", header)
    }
}
