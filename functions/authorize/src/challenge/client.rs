//! Which client a request to the challenge endpoint comes from. It authenticates as at the token endpoint, in every request (OAuth 2.0 for
//! First-Party Applications draft-04 §4.1, §5.1).
//!
//! This function reads no secret of an application, so that it asks the token function about every proof. Who shows none is looked up here.

use super::REPEATED;
use super::answer::NoCode;
use crate::AuthorizationEndpoint;
use crate::error::Failure;
use gateway_domain::event::ApiRequest;
use gateway_domain::form::Form;
use gateway_domain::ids::ClientId;
use gateway_domain::provider_event::{AuthenticateClient, ClientAuthenticated};
use gateway_store::{App, AppKind, GrantType};
use std::time::Duration;

/// The parameters by which a client proves itself, which only one with a secret or a key does.
const PROOFS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];
/// How long the token function may take, also where its container has to start.
const WITHIN: Duration = Duration::from_secs(10);

impl AuthorizationEndpoint {
    /// The client of a request, if the request says which: one of the company, and the one that it says it is.
    pub(super) async fn client(&self, api: &ApiRequest, form: &Form, issuer: &str) -> Result<Option<App>, NoCode> {
        let header = api.header("authorization").map_err(|_| NoCode::Malformed(REPEATED))?;
        if header.is_none() && !PROOFS.iter().any(|name| form.get(name).is_some()) {
            let Some(client_id) = form.get("client_id") else { return Ok(None) };
            let client_id = ClientId::parse(client_id).map_err(|_| NoCode::Client("a malformed client id"))?;
            return self.public_client(&client_id).await.map(Some);
        }
        let is_basic =
            |header: &str| header.split_once(' ').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
        // Nobody has the token function look at what is no proof of a client.
        if header.is_some_and(|header| !is_basic(header)) {
            return Err(NoCode::Client("an authentication scheme other than Basic"));
        }
        let asked = AuthenticateClient::to_event(header, form, issuer, api.source_ip.as_deref());
        let answer = self.token.ask(&asked, WITHIN).await.map_err(Failure::from)?;
        let answer: ClientAuthenticated = serde_json::from_value(answer).map_err(|_| Failure::OtherVersion)?;
        match answer {
            ClientAuthenticated::Client(client_id) => {
                let app = self.enabled(&client_id).await?.ok_or(NoCode::Client("the client has just gone"))?;
                first_party(app).map(Some)
            }
            ClientAuthenticated::Refused => Err(NoCode::Client("the token function refuses it")),
            ClientAuthenticated::Malformed => Err(NoCode::Malformed(
                "authenticate the client in one way: Authorization header, secret or assertion, whole",
            )),
            ClientAuthenticated::TooManyAttempts(wait) => Err(NoCode::TooManyAttempts(wait)),
        }
    }

    /// A client of the company that has nothing to prove itself by: without a proof nobody else gets so far.
    pub(super) async fn public_client(&self, client_id: &ClientId) -> Result<App, NoCode> {
        let app = self.enabled(client_id).await?.filter(|app| app.kind == AppKind::Public);
        first_party(app.ok_or(NoCode::Client("no such public client"))?)
    }

    async fn enabled(&self, client_id: &ClientId) -> Result<Option<App>, NoCode> {
        Ok(self.apps.asking(client_id).await.map_err(Failure::from)?.filter(|app| app.enabled))
    }
}

/// The application, if it is one of the company's that may log users in by itself.
fn first_party(app: App) -> Result<App, NoCode> {
    let may = app.trusted && app.grants.contains(&GrantType::Challenge);
    if may { Ok(app) } else { Err(NoCode::Unauthorized) }
}
