//! An authenticator with one passkey, in software, by others than who wrote what checks it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passkey::authenticator::{Authenticator as Inner, UiHint, UserCheck, UserValidationMethod};
use passkey::client::{Client, DefaultClientData};
use passkey::crypto::rust_crypto::RustCryptoBackend;
use passkey::types::Passkey;
use passkey::types::ctap2::{Aaguid, Ctap2Error};
use passkey::types::webauthn::{CredentialCreationOptions, CredentialRequestOptions};
use serde_json::{Value, json};

/// An authenticator that is used at one origin. A clone of it is a copy of its passkey, which counts by itself.
#[derive(Clone)]
pub struct Authenticator {
    origin: String,
    counts: bool,
    kept: Option<Passkey>,
}

/// A person who is there, and verified where that is asked for.
struct Person;

#[async_trait::async_trait]
impl UserValidationMethod for Person {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Passkey>,
        _: bool,
        verification: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck { presence: true, verification })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}

impl Authenticator {
    /// One without a passkey, at this origin.
    pub fn new(origin: &str) -> Self {
        Self { origin: origin.to_owned(), counts: false, kept: None }
    }

    /// The same, whose passkeys count how often they sign.
    #[must_use]
    pub fn counting(self) -> Self {
        Self { counts: true, ..self }
    }

    /// The same at another origin.
    #[must_use]
    pub fn at(&self, origin: &str) -> Self {
        Self { origin: origin.to_owned(), ..self.clone() }
    }

    /// Makes a passkey in place of the one before, as `PublicKeyCredentialCreationOptionsJSON` asks, and returns `RegistrationResponseJSON`.
    ///
    /// # Panics
    /// If a browser would refuse the options.
    pub async fn create(&mut self, options: &Value) -> String {
        let options: CredentialCreationOptions =
            serde_json::from_value(json!({ "publicKey": options })).expect("options of a passkey");
        let mut inner = Inner::new(Aaguid::new_empty(), self.kept.take(), Person, RustCryptoBackend);
        inner.set_make_credentials_with_signature_counter(self.counts);
        let mut client = Client::new(inner).allows_insecure_localhost(true);
        let origin = self.origin.parse::<url::Url>().expect("an origin");
        let made = client.register(&origin, options, DefaultClientData).await.expect("a passkey");
        self.kept.clone_from(client.authenticator().store());
        response(
            &made.raw_id,
            &json!({
                "clientDataJSON": encoded(&made.response.client_data_json),
                "attestationObject": encoded(&made.response.attestation_object),
            }),
        )
    }

    /// Signs as `PublicKeyCredentialRequestOptionsJSON` asks, and returns `AuthenticationResponseJSON`.
    ///
    /// # Panics
    /// If a browser would refuse the options, or there is no passkey.
    pub async fn get(&mut self, options: &Value) -> String {
        let options: CredentialRequestOptions =
            serde_json::from_value(json!({ "publicKey": options })).expect("options of a login");
        let inner = Inner::new(Aaguid::new_empty(), self.kept.take(), Person, RustCryptoBackend);
        let mut client = Client::new(inner).allows_insecure_localhost(true);
        let origin = self.origin.parse::<url::Url>().expect("an origin");
        let signed = client.authenticate(&origin, options, DefaultClientData).await.expect("a signature");
        self.kept.clone_from(client.authenticator().store());
        let user = signed.response.user_handle.as_deref().map(|handle| encoded(handle));
        response(
            &signed.raw_id,
            &json!({
                "clientDataJSON": encoded(&signed.response.client_data_json),
                "authenticatorData": encoded(&signed.response.authenticator_data),
                "signature": encoded(&signed.response.signature),
                "userHandle": user,
            }),
        )
    }

    /// The same with these members of the options in place of its own: what no good browser would sign.
    pub async fn get_with(&mut self, options: &Value, changes: &Value) -> String {
        let mut options = options.clone();
        let (Some(all), Some(changes)) = (options.as_object_mut(), changes.as_object()) else { return String::new() };
        all.extend(changes.clone());
        self.get(&options).await
    }
}

fn response(id: &[u8], response: &Value) -> String {
    let id = encoded(id);
    json!({ "id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {} })
        .to_string()
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
