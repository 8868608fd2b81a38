//! Client authentication (RFC 6749 §2.3), done before any other parameter of a request is used.

use crate::error::Failure;
use crate::metadata::{CHALLENGE, PAR, TOKEN, endpoint};
use crate::{AuthorizationServer, Request};
use gateway_credentials::{AuthenticatedApp, ClientCredentials, ClientProof};
use gateway_domain::client_assertion::{self, ClientAssertion, InvalidAssertion};
use gateway_domain::form::{Form, decode};
use gateway_domain::secret::Secret;
use gateway_domain::source::Source;
use gateway_domain::time::Timestamp;
use gateway_store::GrantType;

impl AuthorizationServer {
    /// Authenticates the application.
    pub(crate) async fn authenticate(
        &self,
        request: &Request<'_>,
        form: &mut Form,
    ) -> Result<AuthenticatedApp, Failure> {
        let header = request.api.header("authorization").map_err(|_| Failure::RepeatedHeader("Authorization"))?;
        let source = Source::of(request.api.source_ip.as_deref());
        self.authenticate_by((header, form), request.parties.issuer(), &source, request.now).await
    }

    /// The same by the `Authorization` header and the form of a request to this issuer, also one to another function.
    pub(crate) async fn authenticate_by(
        &self,
        (header, form): (Option<&str>, &mut Form),
        issuer: &str,
        source: &Source,
        now: Timestamp,
    ) -> Result<AuthenticatedApp, Failure> {
        let presented = presented(header, form)?;
        // What an assertion may be for (RFC 7523 §3): this server, by any of its names. The endpoint at which requests are pushed
        // (RFC 9126 §2) and that for challenges are such, too.
        let audiences = [issuer, &endpoint(issuer, TOKEN), &endpoint(issuer, PAR), &endpoint(issuer, CHALLENGE)];
        Ok(self.clients.authenticate(&presented, &audiences, source, now).await?)
    }

    /// Refuses the grants of devices and of families of applications where there are none, as any grant that is not known (RFC 6749 §5.2).
    pub(crate) fn supports(&self, grant: GrantType) -> Result<(), Failure> {
        let unknown = (grant == GrantType::JwtBearer && self.config.devices().is_none())
            || (grant == GrantType::NativeSso && !self.config.has_app_families());
        if unknown { Err(Failure::UnsupportedGrantType) } else { Ok(()) }
    }
}

/// Refuses a grant that is not registered for the application or not allowed for its kind: the password grant needs a
/// trusted application (RFC 6749 §4.3), and what an application does for itself needs its secret (RFC 6749 §4.4).
pub(crate) fn may_use(app: &AuthenticatedApp, grant: GrantType) -> Result<(), Failure> {
    let fits = match grant {
        GrantType::Password => app.registered().trusted,
        GrantType::AuthorizationCode | GrantType::RefreshToken => true,
        GrantType::ClientCredentials | GrantType::TokenExchange => app.is_confidential(),
        // What runs on devices has no secret.
        GrantType::JwtBearer => !app.is_confidential(),
        // Of the company, whose apps share what they keep on a device.
        GrantType::NativeSso => app.registered().trusted && !app.is_confidential(),
        // No token is given for it here.
        GrantType::Challenge => false,
    };
    if fits && app.has_grant(grant) { Ok(()) } else { Err(Failure::UnauthorizedClient) }
}

/// The client id and its proof, from the header or the body: a client must not use two methods (RFC 6749 §2.3).
fn presented(header: Option<&str>, form: &mut Form) -> Result<ClientCredentials, Failure> {
    let (secret, assertion) = (form.take("client_secret"), assertion(form)?);
    let named = form.get("client_id");
    match (header, secret, assertion) {
        (Some(header), None, None) => {
            let basic = basic(header)?;
            if named.is_some_and(|id| id != basic.client_id) {
                return Err(Failure::TwoClientAuthentications);
            }
            Ok(basic)
        }
        (None, secret, None) => {
            let client_id = named.ok_or(Failure::Client("no client id"))?.to_owned();
            Ok(ClientCredentials { client_id, proof: secret.map_or(ClientProof::None, ClientProof::Secret) })
        }
        (None, None, Some(assertion)) => {
            // A `client_id` beside it is not needed, and must be the same (RFC 7521 §4.2): the assertion is verified as its.
            let client_id = named.or(assertion.client_id()).ok_or(Failure::Client("no client id"))?.to_owned();
            Ok(ClientCredentials { client_id, proof: ClientProof::Assertion(assertion) })
        }
        _ => Err(Failure::TwoClientAuthentications),
    }
}

/// The assertion of `private_key_jwt` (RFC 7521 §4.2), if the client sent one.
fn assertion(form: &mut Form) -> Result<Option<ClientAssertion>, Failure> {
    match (form.get("client_assertion_type").map(str::to_owned), form.take("client_assertion")) {
        (None, None) => Ok(None),
        (Some(kind), Some(_)) if kind != client_assertion::TYPE => {
            Err(Failure::Client("another client_assertion_type than jwt-bearer"))
        }
        (Some(_), Some(token)) => {
            let parsed = ClientAssertion::parse(token);
            parsed.map(Some).map_err(|InvalidAssertion(reason)| Failure::Client(reason))
        }
        (Some(_), None) => Err(Failure::Missing("client_assertion")),
        (None, Some(_)) => Err(Failure::Missing("client_assertion_type")),
    }
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
        proof: if secret.is_empty() { ClientProof::None } else { ClientProof::Secret(secret) },
    })
}
