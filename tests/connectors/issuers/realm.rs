//! A realm of Keycloak as its own apps know it, and its people.

use serde_json::Value as Json;
use support::{Client, Response};

use super::people::{PARTNER_SECRET, claims};

/// What a login at Keycloak gives.
pub(super) struct Theirs {
    pub(super) access: String,
    pub(super) refresh: String,
    /// By what Keycloak knows the person.
    pub(super) subject: String,
}

/// A realm.
pub(super) struct Realm {
    pub(super) name: &'static str,
    client: Client,
}

/// The names of this many people of each realm.
pub(super) fn people(count: usize) -> impl Iterator<Item = String> + Clone {
    (0..count).map(|number| format!("p{number:02}"))
}

impl Realm {
    pub(super) fn at(keycloak: &str, name: &'static str) -> Self {
        Self { name, client: Client::new(&format!("{keycloak}/realms/{name}/protocol/openid-connect")) }
    }

    async fn token(&self, client: &str, form: &[(&str, &str)]) -> Response {
        let secret = ["partner", "reader"].contains(&client).then_some(("client_secret", PARTNER_SECRET));
        let form: Vec<_> = form.iter().copied().chain([("client_id", client)]).chain(secret).collect();
        self.client.post_form("/token", &form).await
    }

    /// A person logs in by an app of Keycloak.
    pub(super) async fn login(&self, client: &str, person: &str, scope: &str) -> Theirs {
        let password = format!("{person}-password");
        let form = [("grant_type", "password"), ("username", person), ("password", &password), ("scope", scope)];
        let response = self.token(client, &form).await;
        let tokens = response.tokens();
        let subject = claims(&tokens.access)["sub"].as_str().expect("a subject").to_owned();
        Theirs { access: tokens.access, refresh: tokens.refresh, subject }
    }

    /// The next refresh token, if Keycloak still takes this one.
    pub(super) async fn refresh(&self, client: &str, token: &str) -> Option<String> {
        let response = self.token(client, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await;
        (response.status == 200).then(|| response.tokens().refresh)
    }

    /// The users that its admin REST API lists.
    pub(super) async fn users(&self) -> Vec<Json> {
        let token = self.token("reader", &[("grant_type", "client_credentials")]).await.tokens();
        let address = self.client.url("").replace("/realms/", "/admin/realms/");
        let admin = Client::new(address.trim_end_matches("/protocol/openid-connect"));
        let listed = admin.response(admin.request("GET", "/users?max=100").bearer_auth(token.access)).await;
        assert_eq!(listed.status, 200, "{}", listed.text());
        listed.json().as_array().expect("a list").clone()
    }
}
