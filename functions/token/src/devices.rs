//! Devices of applications: a device is registered by its key, gets tokens by its signature, and is linked to who logs in on it.

use crate::client::may_use;
use crate::error::{Failure, NoDevice};
use crate::hooks::Whom;
use crate::issue::TokenSubject;
use crate::metadata::{TOKEN, endpoint};
use crate::parameters::{DeviceRequest, device};
use crate::{AuthorizationServer, Request, response};
use gateway_credentials::{AuthenticatedApp, NotADevice, ProvedDevice, Registrations};
use gateway_domain::device_assertion::{DeviceAssertion, Purpose};
use gateway_domain::dpop::{InvalidProof, NONCE_HEADER};
use gateway_domain::event::ApiResponse;
use gateway_domain::holder_key::HolderKey;
use gateway_domain::id_token::user_scopes;
use gateway_domain::ids::UserId;
use gateway_domain::scope::Scope;
use gateway_domain::source::Source;
use gateway_domain::time::Timestamp;
use gateway_sessions::SessionError;
use gateway_store::{App, Device, GrantType, Linked, MAX_DEVICES};
use gateway_telemetry::Metric;
use serde_json::{Map, json};

impl AuthorizationServer {
    /// Registers the device that has a key, by a proof of possession (RFC 9449) with a nonce of this server, which is the challenge. The same key
    /// is the same device of the application, however often it is registered.
    pub(crate) async fn register_device(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        if self.config.devices().is_none() {
            return Err(Failure::NotFound);
        }
        match Box::pin(self.registered_device(request)).await {
            // The response to a request with a proof has a nonce anyway.
            Err(failure @ Failure::NoDevice(NoDevice::NoChallenge)) if request.proof.is_none() => {
                Ok(response::failure(&failure).header(NONCE_HEADER, self.nonce()?))
            }
            outcome => outcome,
        }
    }

    async fn registered_device(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let (app, form) = self.authenticated_form(request).await?;
        may_use(&app, GrantType::JwtBearer)?;
        let app = app.registered();
        let scope = self.device_scope(app)?;
        // Unlike at the token endpoint, nothing is done without a nonce: a proof that was made before is of no use.
        let proof = request.proof.as_ref().ok_or(NoDevice::NoChallenge)?;
        if proof.nonce.is_none() {
            return Err(NoDevice::NoChallenge.into());
        }
        proof.key.check_point().map_err(|invalid| InvalidProof(invalid.0))?;
        self.use_at_issuer(request).await?;
        let new = new_device(app, proof.key.clone(), device(&form, request.api), request.now);
        // Only what is new is counted: a lost response can be repeated whatever others do.
        let mut found = self.devices.get(&new.device_id).await?;
        if found.is_none() {
            self.may_register(app, request).await?;
            found = self.devices.register(&new).await?;
        }
        let (status, device) = match found {
            None => (201, new),
            Some(device) if device.revoked_at.is_some() => return Err(NoDevice::Revoked.into()),
            Some(device) => (200, device),
        };
        let mut body = json!({
            "device_id": device.device_id,
            "client_id": device.client_id,
            "scope": scope.to_string(),
            "created_at": device.created_at,
        });
        if let (Some(name), Some(members)) = (device.name, body.as_object_mut()) {
            members.insert("device_name".to_owned(), name.into());
        }
        Ok(response::private(status, &body))
    }

    async fn may_register(&self, app: &App, request: &Request<'_>) -> Result<(), Failure> {
        let most = self.config.devices().ok_or(Failure::NotFound)?;
        let most = Registrations { per_source: most.registrations_per_source, per_app: most.registrations_per_app };
        let source = Source::of(request.api.source_ip.as_deref());
        Ok(self.device_check.may_register(&app.client_id, &source, most, request.now).await?)
    }

    /// The grant of a device's assertion (RFC 7523 §2.1): an access token for its one standing session, without a refresh token, whether or not it
    /// is linked to a person.
    pub(crate) async fn device_grant(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        asked: &DeviceRequest,
    ) -> Result<ApiResponse, Failure> {
        let registered = app.registered();
        let assigned = self.device_scope(registered)?;
        let scope = Scope::granted(asked.scope.as_ref(), &assigned).ok_or(Failure::Scope)?;
        // A token is bound to the key of the device or to none: to another key, whoever found an assertion could bind it.
        let of_key = request.key().map(|key| UserId::of_device(&registered.client_id, &key));
        if of_key.is_some_and(|device| asked.assertion.device() != Some(device)) {
            return Err(NoDevice::Grant("the proof is by another key").into());
        }
        let proved = self.proved_device(request, registered, (&asked.assertion, Purpose::Grant)).await?;
        let proved = proved.map_err(|NotADevice(reason)| NoDevice::Grant(reason))?;
        let (device, client_id) = (proved.registered(), &registered.client_id);
        let sub = &device.device_id;
        let whom = Whom { grant: "jwt_bearer", user_id: sub, client_id, session: None, scope: &scope };
        let mapped = self.mapped(request, whom).await?;
        let latest = request.now.saturating_add(self.config.lifetimes().access_token);
        let sid = self.sessions.begin_standing(sub, client_id, latest, request.now).await?;
        // Whoever revoked the device meanwhile has not found this session.
        if !self.still_lives(device, request.now).await? {
            self.sessions.end_standing(sub, client_id, &sid).await?;
            return Err(NoDevice::Grant("it was revoked meanwhile").into());
        }
        let subject = TokenSubject { sub, app: registered, sid: &sid, latest, login: None, also: Map::new() };
        let response = self.response_with_tokens(request, &subject, &mapped, None)?;
        gateway_telemetry::count(Metric::Login { grant: "jwt_bearer", app: client_id.as_str() });
        Ok(response)
    }

    /// The device that a login shows, before anything else of the login is looked at. Where the application has no devices, the login is
    /// one without: switching them off keeps nobody out.
    pub(crate) async fn login_device(
        &self,
        request: &Request<'_>,
        app: &AuthenticatedApp,
        assertion: Option<&DeviceAssertion>,
    ) -> Result<Option<ProvedDevice>, Failure> {
        let Some(assertion) = assertion else { return Ok(None) };
        if self.config.devices().is_none() || may_use(app, GrantType::JwtBearer).is_err() {
            return Ok(None);
        }
        let proved = self.proved_device(request, app.registered(), (assertion, Purpose::Link)).await?;
        proved.map(Some).map_err(|NotADevice(reason)| NoDevice::Login(reason).into())
    }

    /// Refuses a login on a device that is another person's: two people are never made one. Refuses one on a device too many, before anything
    /// begins. Only who has shown the password is told.
    pub(crate) async fn may_link(&self, proved: Option<&ProvedDevice>, user: &UserId) -> Result<(), Failure> {
        let Some(device) = proved.map(ProvedDevice::registered) else { return Ok(()) };
        match &device.user_id {
            Some(owner) if owner == user => Ok(()),
            Some(_) => Err(NoDevice::OfAnother.into()),
            None => {
                let linked = self.devices.linked_to(user).await?;
                let has_room = linked.len() < MAX_DEVICES || linked.contains(&device.device_id);
                if has_room { Ok(()) } else { Err(NoDevice::TooMany.into()) }
            }
        }
    }

    /// Links the device of a login to the person who has logged in, with credentials of this epoch. Nothing is written for one that is that
    /// person's already.
    pub(crate) async fn link(
        &self,
        proved: Option<&ProvedDevice>,
        (user, epoch): (&UserId, u64),
        now: Timestamp,
    ) -> Result<(), Failure> {
        let Some(device) = proved.map(ProvedDevice::registered) else { return Ok(()) };
        if device.user_id.as_ref() == Some(user) {
            return Ok(());
        }
        match self.devices.link(device, (user, epoch), &self.users, now).await? {
            // Who proves the address later has the device from the next login on.
            Linked::Done | Linked::Unproved => Ok(()),
            Linked::OfAnother => Err(NoDevice::OfAnother.into()),
            Linked::Full => Err(NoDevice::TooMany.into()),
            Linked::Gone => Err(NoDevice::Login("it was revoked meanwhile").into()),
            Linked::UserChanged => Err(SessionError::CredentialsChanged.into()),
        }
    }

    /// What devices of an application may have.
    fn device_scope(&self, app: &App) -> Result<Scope, Failure> {
        let devices = self.config.devices().ok_or(Failure::UnsupportedGrantType)?;
        // Nobody logs in, so there is nobody to tell about.
        let scope = app.scope.intersection(&devices.scope).difference(&user_scopes());
        if scope.is_empty() { Err(Failure::Scope) } else { Ok(scope) }
    }

    async fn proved_device(
        &self,
        request: &Request<'_>,
        app: &App,
        assertion: (&DeviceAssertion, Purpose),
    ) -> Result<Result<ProvedDevice, NotADevice>, Failure> {
        let issuer = request.parties.issuer();
        // What an assertion may be for (RFC 7523 §3): this server, by either of its names.
        let audiences = [issuer, &endpoint(issuer, TOKEN)];
        let source = Source::of(request.api.source_ip.as_deref());
        Ok(self.device_check.prove(&app.client_id, assertion, &audiences, &source, request.now).await?)
    }

    /// Whether a device was not revoked since it was read. That it was used is noted once a day.
    async fn still_lives(&self, device: &Device, now: Timestamp) -> Result<bool, Failure> {
        Ok(if device.wants_note(now) {
            self.devices.note_use(device, now).await?
        } else {
            self.devices.lives(&device.device_id).await?
        })
    }
}

fn new_device(app: &App, key: HolderKey, name: Option<String>, now: Timestamp) -> Device {
    Device {
        device_id: UserId::of_device(&app.client_id, &key.thumbprint()),
        client_id: app.client_id.clone(),
        key,
        name,
        created_at: now,
        used_at: now,
        user_id: None,
        linked_at: None,
        revoked_at: None,
    }
}
