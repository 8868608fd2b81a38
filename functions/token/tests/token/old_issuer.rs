//! The issuer of before in the configuration of a fixture.

use support::OldIssuer;

use crate::fixture::{Fixture, refresh};
use crate::request::Request;

/// Which client the apps were there.
pub(crate) const SHOP: &str = "shop";
/// The client of `conf1` there, and its secret.
pub(crate) const SERVER: (&str, &str) = ("shop-server", "a+b%:é");

/// An issuer, and its configuration in the fixture: subjects are the ids of users.
pub(crate) async fn old_issuer(fixture: &mut Fixture) -> OldIssuer {
    configured(fixture, "subject", "").await
}

/// An issuer whose subjects are whom `users` says, with `more` of its fields.
pub(crate) async fn configured(fixture: &mut Fixture, users: &str, more: &str) -> OldIssuer {
    let issuer = OldIssuer::start(fixture.now().as_secs()).await;
    fixture.config = with_issuer(&issuer, &fixture.config, users, more);
    fixture.app = fixture.container();
    issuer
}

/// The configuration with this issuer.
pub(crate) fn with_issuer(issuer: &OldIssuer, config: &str, users: &str, more: &str) -> String {
    let address = issuer.address();
    let client = |name: &str| format!("{{ client: {name}, foreign_client_id: {SHOP} }}");
    let public = ["pub1", "pubx", "bound", "oidc", "strict"].map(client).join(", ");
    let confidential = format!(
        "{{ client: conf1, foreign_client_id: {}, authentication: client_secret_basic, secret: shop-secret }}",
        SERVER.0
    );
    let ends = if more.contains("introspection") {
        format!("introspection_endpoint: '{address}/who', clients: [{confidential}]")
    } else {
        format!("jwks_uri: '{address}/keys', clients: [{public}, {confidential}]")
    };
    let until = if more.contains("until") { "" } else { "until: 2027-06-30," };
    format!(
        "{config}\nissuers:\n  old: {{ issuer: '{address}', token_endpoint: '{address}/token', users: {users}, timeout: 1s, \
         {until} {more} {ends} }}\n"
    )
}

/// The refresh of a public application with a token of the issuer.
pub(crate) fn trade(client: &str, token: &str) -> Request {
    refresh(client, token)
}
