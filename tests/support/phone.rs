//! An app on a phone with a key of its own, at a running gateway that has devices.

use gateway_domain::clock::Clock as _;
use gateway_domain::ids::{ApiName, ClientId};
use gateway_runtime::SystemClock;
use gateway_store::{GrantType, Subscription};

use crate::{Client, ClientKey, Gateway, Response, User};

/// Where devices are registered.
pub const DEVICES: &str = "/oauth2/devices";
/// A path that a device can call: its back end needs no login.
pub const CATALOGUE: &str = "/catalogue";
const API: &str = "catalogue";

/// A device that is registered.
pub struct Phone<'g> {
    gateway: &'g Client,
    /// Its key.
    pub key: ClientKey,
    /// Its app.
    pub client: &'static str,
    /// Its id.
    pub id: String,
}

/// A gateway.yaml without devices.
pub fn without_devices(config: &str) -> String {
    let section = "devices: { scope: \"orders:read\" }\n";
    assert!(config.contains(section), "{config}");
    config.replacen(section, "", 1)
}

impl Gateway {
    /// Lets an app have devices, which can call what a device can.
    pub async fn give_devices(&self, client: &str) {
        let (apps, id) = (self.store().apps, ClientId::parse(client).expect("an id"));
        let mut app = apps.get(&id).await.expect("a read").expect("an app");
        app.grants.insert(GrantType::JwtBearer);
        let subscription = Subscription { id: format!("{client}-{API}"), enabled: true, plan: None };
        app.subscriptions.insert(ApiName::parse(API).expect("a name"), subscription);
        apps.put(&app).await.expect("a write");
    }
}

impl<'g> Phone<'g> {
    /// Registers a device of an app, with a new key.
    pub async fn registered(gateway: &'g Client, client: &'static str) -> Self {
        let key = ClientKey::new();
        let response = Self::register(gateway, client, &key).await;
        assert_eq!(response.status, 201, "{}", response.text());
        let id = response.json()["device_id"].as_str().expect("an id").to_owned();
        Self { gateway, key, client, id }
    }

    /// The response to a registration of this key that answers the challenge.
    pub async fn register(gateway: &Client, client: &str, key: &ClientKey) -> Response {
        let asked = gateway.post_form(DEVICES, &[("client_id", client)]).await;
        assert_eq!((asked.status, asked.json()["error"].as_str()), (400, Some("use_dpop_nonce")), "{}", asked.text());
        let proof = key.proof("POST", &gateway.url(DEVICES), now()).with_nonce(asked.header("dpop-nonce"));
        let form = [("client_id", client), ("device_name", "Kitchen")];
        gateway.response(gateway.request("POST", DEVICES).header("DPoP", proof.signed()).form(&form)).await
    }

    /// An assertion that was not used yet.
    pub fn assertion(&self) -> String {
        self.key.assertion(&self.id, &self.gateway.url("/oauth2/token"), now())
    }

    /// The assertion of a login that was not used yet.
    pub fn link_assertion(&self) -> String {
        self.key.link_assertion(&self.id, &self.gateway.url("/oauth2/token"), now())
    }

    /// The response to a request for a token.
    pub async fn asks(&self) -> Response {
        let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
        let form = [grant, ("client_id", self.client), ("assertion", &self.assertion())];
        self.gateway.post_form("/oauth2/token", &form).await
    }

    /// The response to a login of a user on the device.
    pub async fn log_in(&self, user: User) -> Response {
        let form = [("grant_type", "password"), ("client_id", self.client), ("username", user.name)];
        let shown = [("password", user.password), ("device_assertion", &self.link_assertion())];
        self.gateway.post_form("/oauth2/token", &[&form[..], &shown].concat()).await
    }
}

/// The time in Unix seconds.
fn now() -> i64 {
    SystemClock.now().as_secs()
}
