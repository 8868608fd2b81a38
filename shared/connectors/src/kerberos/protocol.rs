//! The messages of Kerberos. Only this file uses the crate `rskrb5`.
//!
//! The crate makes and reads messages; the gateway sends them. The crate takes the time and the confounder of an
//! authenticator from the machine itself, because no two authenticators may be equal.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway_domain::entropy::Entropy;
use gateway_domain::secret::Secret;
use gateway_domain::time::{Seconds, Timestamp};
use rskrb5::Principal;
use rskrb5::client::{
    self, AsRepSession, AsReqOptions, BuiltTgsReq, Error, PA_REQ_ENC_PA_REP,
    PAC_OPTION_RESOURCE_BASED_CONSTRAINED_DELEGATION, PreauthKeyInfo, TgsReqOptions,
};
use rskrb5::keytab::EncryptionKey;
use rskrb5::spnego::{InitiatorContextOptions, init_sec_context};
use zeroize::Zeroizing;

use super::failure::{Failure, NO_SUCH_ETYPE, PREAUTH_REQUIRED};
use super::kdc::Kdcs;

/// AES with SHA-1 and SHA-2 (RFC 3962, RFC 8009), longer keys first. No other encryption types are requested.
const ETYPES: [i32; 4] = [18, 20, 17, 19];

/// `forwardable` (RFC 4120 §5.4.1). Only with it can a ticket to oneself be used to get a ticket for a service.
const FORWARDABLE: u32 = 0x4000_0000;

/// The accepted iteration counts for the derivation of a key from a password. Fewer than the default of RFC 3962 §4, which
/// is 4,096, would weaken the key. The count comes in an unsigned message, so a large one could be an attack on our time.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4_096..=200_000;

/// The requested lifetime of a ticket-granting ticket. Realms give less, Active Directory 10 hours.
const TGT_LIFETIME: Seconds = Seconds::new(86_400);

/// How long such a ticket should be renewable. Active Directory gives 7 days.
const RENEWABLE_FOR: Seconds = Seconds::new(30 * 86_400);

/// The name type of an account, `NT-PRINCIPAL` (RFC 4120 §6.2).
const ACCOUNT: i32 = 1;

/// The name type of a service, `NT-SRV-INST`.
const SERVICE: i32 = 2;

/// A ticket with its session key, and its times as the KDC set them.
pub(super) struct Ticket {
    pub(super) etype: i32,
    pub(super) key: Zeroizing<Vec<u8>>,
    pub(super) sealed: Vec<u8>,
    pub(super) forwardable: bool,
    pub(super) starts: Timestamp,
    pub(super) ends: Timestamp,
    pub(super) renew_until: Option<Timestamp>,
}

/// What a ticket-granting ticket is used for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To get tickets for users by delegation.
    Delegation,
    /// To be renewed without the password.
    Renewal,
}

/// Exchanges with one realm at one point in time.
pub(super) struct Conversation<'a> {
    pub(super) realm: &'a str,
    pub(super) kdcs: &'a Kdcs,
    pub(super) now: Timestamp,
    pub(super) entropy: &'a dyn Entropy,
}

impl Conversation<'_> {
    /// Gets a ticket-granting ticket with the password of this account (AS exchange).
    pub(super) async fn log_in(
        &self,
        account: &[&str],
        password: &Secret,
        purpose: Purpose,
    ) -> Result<Ticket, Failure> {
        let account = self.principal(ACCOUNT, account);
        let options = self.login_options(purpose)?;
        let probe = client::build_tgt_as_req(account.clone(), options.clone()).map_err(|error| failure(&error))?;
        let response = self.kdcs.ask(&probe.der).await?;
        // The first request has no proof. The KDC's refusal tells how to derive the key from the password.
        let Ok(refusal) = client::process_kdc_error(&response) else { return Err(unwanted(&response)) };
        if refusal.error_code != PREAUTH_REQUIRED {
            return Err(Failure::Code(refusal.error_code));
        }
        let hashing = client::select_preauth_key_info(&refusal, &ETYPES).map_err(|_| Failure::Code(NO_SUCH_ETYPE))?;
        bounded(&hashing)?;
        let key = client::derive_password_reply_key(&account, password.expose().as_bytes(), &hashing);
        let key = key.map_err(|error| failure(&error))?;
        let request = client::build_preauthenticated_tgt_as_req(account, options, &key, None);
        let request = request.map_err(|error| failure(&error))?;
        let response = self.kdcs.ask(&request.der).await?;
        client::process_as_rep(&request, &response, &key).map(Ticket::of).map_err(|error| failure(&error))
    }

    /// Gets a ticket of this account to itself, for a user (`S4U2Self`).
    pub(super) async fn to_oneself(
        &self,
        account: &[&str],
        tgt: &Ticket,
        user: &[&str],
        lifetime: Seconds,
    ) -> Result<Ticket, Failure> {
        let (tgt, user) = (self.tgt_of(account, tgt), self.principal(ACCOUNT, user));
        let options = self.options(lifetime)?.with_kdc_option_bits(FORWARDABLE);
        self.ask(&tgt, client::build_s4u2self_req(&tgt, user, options)).await
    }

    /// Gets a ticket for the service, for the user of the account's ticket to itself, `evidence` (`S4U2Proxy`).
    pub(super) async fn on_behalf(
        &self,
        account: &[&str],
        tgt: &Ticket,
        (user, evidence): (&str, &Ticket),
        service: &[String],
        lifetime: Seconds,
    ) -> Result<Ticket, Failure> {
        let tgt = self.tgt_of(account, tgt);
        let evidence = evidence.session(self.principal(ACCOUNT, &[user]), tgt.client.clone());
        // The realm may keep the right to delegate at the back end's account, and checks it there only with this option.
        let options = client::pa_pac_options_padata(PAC_OPTION_RESOURCE_BASED_CONSTRAINED_DELEGATION);
        let options = options.map_err(|error| failure(&error))?;
        let options = self.options(lifetime)?.with_kdc_option_bits(FORWARDABLE).with_padata([options]);
        let service = self.principal(SERVICE, service);
        self.ask(&tgt, client::build_s4u2proxy_req(&tgt, &evidence, service, options)).await
    }

    /// Gets a ticket for the service with a ticket-granting ticket (TGS exchange).
    pub(super) async fn for_service(
        &self,
        user: &str,
        tgt: &Ticket,
        service: &[String],
        lifetime: Seconds,
    ) -> Result<Ticket, Failure> {
        let tgt = self.tgt_of(&[user], tgt);
        let service = self.principal(SERVICE, service);
        self.ask(&tgt, client::build_tgs_req(&tgt, service, self.options(lifetime)?)).await
    }

    /// Renews a ticket-granting ticket, which then ends later.
    pub(super) async fn renewed(&self, user: &str, tgt: &Ticket) -> Result<Ticket, Failure> {
        let tgt = self.tgt_of(&[user], tgt);
        let options = self.options(TGT_LIFETIME)?;
        self.ask(&tgt, client::build_tgt_renewal_req(&tgt, options)).await
    }

    async fn ask(&self, tgt: &AsRepSession, request: Result<BuiltTgsReq, Error>) -> Result<Ticket, Failure> {
        let request = request.map_err(|error| failure(&error))?;
        let response = self.kdcs.ask(&request.der).await?;
        let ticket = client::process_tgs_rep(&request, &response, &tgt.session_key);
        ticket.map(Ticket::of).map_err(|error| failure(&error))
    }

    fn login_options(&self, purpose: Purpose) -> Result<AsReqOptions, Failure> {
        // With this, the response has a checksum of the request, which shows if somebody changed it on its way
        // (RFC 6806 §11).
        let mut signed = client::pa_pac_options_padata(0).map_err(|error| failure(&error))?;
        signed.r#type = PA_REQ_ENC_PA_REP;
        signed.value = Vec::new().into();
        let options = AsReqOptions::new(system_time(self.now), nonce(self.entropy)?)
            .with_etypes(ETYPES)
            .with_ticket_lifetime(Duration::from_secs(TGT_LIFETIME.as_u64()))
            .with_padata([signed]);
        Ok(match purpose {
            Purpose::Delegation => options.with_kdc_option_bits(FORWARDABLE),
            Purpose::Renewal => options.with_renew_lifetime(Some(Duration::from_secs(RENEWABLE_FOR.as_u64()))),
        })
    }

    fn options(&self, lifetime: Seconds) -> Result<TgsReqOptions, Failure> {
        let options = TgsReqOptions::new(system_time(self.now), nonce(self.entropy)?).with_etypes(ETYPES);
        Ok(options.with_ticket_lifetime(Duration::from_secs(lifetime.as_u64())))
    }

    fn principal<S: AsRef<str>>(&self, kind: i32, parts: &[S]) -> Principal {
        Principal::new(self.realm, kind, parts.iter().map(|part| part.as_ref().to_owned()))
    }

    fn tgt_of(&self, account: &[&str], tgt: &Ticket) -> AsRepSession {
        tgt.session(self.principal(ACCOUNT, account), Principal::tgt_service(self.realm))
    }
}

impl Ticket {
    fn of(session: AsRepSession) -> Self {
        Self {
            etype: session.session_key.etype,
            key: Zeroizing::new(session.session_key.value.clone()),
            forwardable: u32::from_be_bytes(session.ticket_flags) & FORWARDABLE != 0,
            starts: timestamp(session.start_time),
            ends: timestamp(session.end_time),
            renew_until: session.renew_till.map(timestamp),
            sealed: session.ticket,
        }
    }

    /// The ticket in the crate's form. The flags are zero, because the ones that count are sealed in the ticket itself.
    fn session(&self, client: Principal, service: Principal) -> AsRepSession {
        AsRepSession {
            client,
            service,
            session_key: EncryptionKey { etype: self.etype, value: self.key.to_vec() },
            ticket: self.sealed.clone(),
            ticket_flags: [0; 4],
            auth_time: system_time(self.starts),
            start_time: system_time(self.starts),
            end_time: system_time(self.ends),
            renew_till: self.renew_until.map(system_time),
            key_expiration: None,
        }
    }
}

/// A new message that carries a user's ticket to the back end, as the value of `Authorization`. It needs no KDC.
pub(super) fn negotiate(realm: &str, user: &str, ticket: &Ticket) -> Result<String, Failure> {
    let session = ticket.session(Principal::user(realm, user), Principal::new(realm, SERVICE, [""; 0]));
    let context = init_sec_context(&session, InitiatorContextOptions::new());
    Ok(context.map_err(|_| Failure::Broken("the stored ticket cannot be shown"))?.header)
}

fn bounded(hashing: &PreauthKeyInfo) -> Result<(), Failure> {
    let Some(parameters) = &hashing.s2kparams else { return Ok(()) };
    let iterations = <[u8; 4]>::try_from(parameters.as_slice()).map(u32::from_be_bytes);
    if iterations.is_ok_and(|iterations| ITERATIONS.contains(&iterations)) {
        return Ok(());
    }
    Err(Failure::Broken("the KDC wants the password hashed too seldom or too often"))
}

/// What a response other than a refusal means if the request had no proof.
fn unwanted(response: &[u8]) -> Failure {
    // An AS-REP is [APPLICATION 11] (RFC 4120 §5.4.2).
    if response.first() == Some(&0x6b) {
        return Failure::Broken("the KDC gives tickets without proof: require preauthentication for this account");
    }
    Failure::Broken("the KDC's response cannot be read")
}

fn failure(error: &Error) -> Failure {
    if let Error::Kdc(refusal) = error {
        return Failure::Code(refusal.error_code);
    }
    Failure::Broken("the KDC's response is not the one that was asked for")
}

fn nonce(entropy: &dyn Entropy) -> Result<u32, Failure> {
    let bytes = entropy.bytes().map_err(|_| Failure::Broken("the machine has no randomness"))?;
    // Old KDCs read it as a signed number, so the highest bit stays zero.
    Ok(u32::from_be_bytes(bytes) >> 1)
}

fn system_time(time: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(time.as_secs()).unwrap_or(0))
}

fn timestamp(time: SystemTime) -> Timestamp {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Timestamp::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}
