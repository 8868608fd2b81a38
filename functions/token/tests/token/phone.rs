//! An app on a phone with a key that does not leave it.

use gateway_domain::ids::UserId;
use gateway_domain::time::Timestamp;
use gateway_store::Device;
use serde_json::{Value, json};
use support::ClientKey;

use crate::fixture::{Fixture, ISSUER, PASSWORD};
use crate::request::{Request, post};

pub(crate) const DEVICES: &str = "/oauth2/devices";
pub(crate) const TOKEN: &str = "/oauth2/token";
/// Two applications with devices.
pub(crate) const MOBILE: &str = "mobile";
pub(crate) const OTHER_MOBILE: &str = "other-mobile";
/// `grant_type` of RFC 7523 §2.1.
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// What a grant is answered with that is none.
pub(crate) const NO_GRANT: (u64, &str) = (400, "invalid_grant");
/// What a login is answered with whose device is none.
pub(crate) const NO_DEVICE: (u64, &str) = (400, "invalid_device");

/// A device that is registered.
pub(crate) struct Phone<'f> {
    pub(crate) fixture: &'f Fixture,
    pub(crate) key: ClientKey,
    pub(crate) client: &'static str,
    pub(crate) id: String,
}

/// The challenge that a registration without a proof is answered with.
pub(crate) async fn challenge(fixture: &Fixture, client: &str) -> String {
    let response = fixture.send(post(DEVICES, &[("client_id", client)])).await;
    assert_eq!(response.refusal(), (400, "use_dpop_nonce"), "{}", response.text);
    response.header("DPoP-Nonce").unwrap().to_owned()
}

/// The registration of a key that answers this challenge.
pub(crate) fn registration(fixture: &Fixture, key: &ClientKey, client: &str, nonce: &str) -> Request {
    let proof = key.proof("POST", &format!("{ISSUER}{DEVICES}"), fixture.now().as_secs()).with_nonce(nonce);
    post(DEVICES, &[("client_id", client), ("device_name", "Kitchen")]).header("DPoP", &proof.signed())
}

/// A request for a token by this assertion.
pub(crate) fn grant(client: &str, assertion: &str) -> Request {
    post(TOKEN, &[("grant_type", JWT_BEARER), ("client_id", client), ("assertion", assertion)])
}

/// A login of this user with this password, on the device that an assertion shows.
pub(crate) fn login_on(client: &str, name: &str, password: &str, assertion: &str) -> Request {
    let username = format!("{name}@example.com");
    let form = [("grant_type", "password"), ("client_id", client), ("username", &username), ("password", password)];
    post(TOKEN, &[&form[..], &[("scope", "notes:read"), ("device_assertion", assertion)]].concat())
}

impl<'f> Phone<'f> {
    /// Registers a device of this application.
    pub(crate) async fn registered(fixture: &'f Fixture, client: &'static str) -> Self {
        Self::with_key(fixture, client, ClientKey::new()).await
    }

    /// Registers the device with this key.
    pub(crate) async fn with_key(fixture: &'f Fixture, client: &'static str, key: ClientKey) -> Self {
        let nonce = challenge(fixture, client).await;
        let response = fixture.send(registration(fixture, &key, client, &nonce)).await;
        assert_eq!(response.status, 201, "{}", response.text);
        let id = response.body["device_id"].as_str().unwrap().to_owned();
        Self { fixture, key, client, id }
    }

    pub(crate) fn device_id(&self) -> UserId {
        UserId::parse(&self.id).unwrap()
    }

    /// The device as the table has it.
    pub(crate) async fn stored(&self) -> Device {
        self.fixture.db.store.devices.get(&self.device_id()).await.unwrap().unwrap()
    }

    /// The person that the device is linked to, and since when.
    pub(crate) async fn owner(&self) -> Option<(String, Timestamp)> {
        let device = self.stored().await;
        device.user_id.map(|user| (user.to_string(), device.linked_at.unwrap()))
    }

    /// The claims of an assertion that is good, and not used yet.
    pub(crate) fn claims(&self) -> Value {
        ClientKey::claims_of(&self.id, ISSUER, self.fixture.now().as_secs())
    }

    /// The assertion with these claims.
    pub(crate) fn signed(&self, claims: &Value) -> String {
        self.key.jwt(&json!({ "alg": "ES256" }), claims)
    }

    /// An assertion that is good, and not used yet.
    pub(crate) fn assertion(&self) -> String {
        self.signed(&self.claims())
    }

    /// An assertion for a login that is good, and not used yet.
    pub(crate) fn link_assertion(&self) -> String {
        self.key.jwt(&json!({ "alg": "ES256", "typ": "device-link+jwt" }), &self.claims())
    }

    /// A request for a token.
    pub(crate) fn asks(&self) -> Request {
        grant(self.client, &self.assertion())
    }

    /// A login of this user on the device.
    pub(crate) fn login(&self, name: &str) -> Request {
        login_on(self.client, name, PASSWORD, &self.link_assertion())
    }
}
