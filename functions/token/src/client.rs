//! Client authentication (RFC 6749 §2.3), done before any other parameter of a request is used.

use crate::error::Failure;
use crate::{AuthorizationServer, Request};
use gateway_credentials::{AuthenticatedApp, ClientCredentials};
use gateway_domain::event::ApiRequest;
use gateway_domain::form::{Form, decode};
use gateway_domain::secret::Secret;
use gateway_domain::source::Source;
use gateway_store::GrantType;

impl AuthorizationServer {
    /// Authenticates the application.
    pub(crate) async fn authenticate(
        &self,
        request: &Request<'_>,
        form: &mut Form,
    ) -> Result<AuthenticatedApp, Failure> {
        let presented = presented(request.api, form)?;
        let source = Source::of(request.api.source_ip.as_deref());
        Ok(self.clients.authenticate(&presented, &source, request.now).await?)
    }
}

/// Refuses a grant that is not registered for the application or not allowed for its kind: the password grant needs a
/// trusted application (RFC 6749 §4.3), and the client credentials grant needs a client secret (RFC 6749 §4.4).
pub(crate) fn may_use(app: &AuthenticatedApp, grant: GrantType) -> Result<(), Failure> {
    let fits = match grant {
        GrantType::Password => app.registered().trusted,
        GrantType::AuthorizationCode | GrantType::RefreshToken => true,
        GrantType::ClientCredentials => app.is_confidential(),
    };
    if fits && app.has_grant(grant) { Ok(()) } else { Err(Failure::UnauthorizedClient) }
}

/// The client id and secret, from the header or the body: a client must not use two methods (RFC 6749 §2.3).
fn presented(request: &ApiRequest, form: &mut Form) -> Result<ClientCredentials, Failure> {
    let header = request.header("authorization").map_err(|_| Failure::RepeatedHeader("Authorization"))?;
    let in_body = form.take("client_secret");
    let Some(header) = header else {
        let client_id = form.get("client_id").ok_or(Failure::Client("no client id"))?.to_owned();
        return Ok(ClientCredentials { client_id, secret: in_body });
    };
    let basic = basic(header)?;
    if in_body.is_some() || form.get("client_id").is_some_and(|id| id != basic.client_id) {
        return Err(Failure::TwoClientAuthentications);
    }
    Ok(basic)
}

/// HTTP Basic (RFC 7617), in which id and secret are form-encoded (RFC 6749 §2.3.1).
fn basic(header: &str) -> Result<ClientCredentials, Failure> {
    let (scheme, credentials) = header.split_once(' ').ok_or(Failure::MalformedBasic)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Failure::Client("an authentication scheme other than Basic"));
    }
    let (client_id, secret) = gateway_domain::basic::decode(credentials).ok_or(Failure::MalformedBasic)?;
    let secret = Secret::new(decode(secret.expose()).map_err(|_| Failure::MalformedBasic)?);
    Ok(ClientCredentials {
        client_id: decode(&client_id).map_err(|_| Failure::MalformedBasic)?,
        secret: Some(secret).filter(|secret| !secret.is_empty()),
    })
}
