//! A complete client of the gateway, small enough to be written again in the language of an app.
//!
//! The rules, in the order in which an app meets them: one refresh at a time ([`Client::call`]); an attempt id that is
//! kept before it is sent ([`Storage`]); a clock that nobody sets ([`Clock`]); patience that ends ([`Patience`]).
//! `docs/mobile.md` says the same for Swift, Kotlin and TypeScript.

mod call;
mod clock;
mod error;
mod login;
mod patience;
mod random;
mod session;
mod storage;
mod token_endpoint;

pub use call::Response;
pub use clock::{Clock, SystemClock};
pub use error::Error;
pub use login::{Field, Step};
pub use patience::Patience;
pub use storage::{FileStorage, Kept, Storage};

use login::Begun;
use patience::Gate;
use session::Access;
use tokio::sync::Mutex;

/// One installation of an app: one session with the gateway, shared by everything in the app that calls.
#[derive(Debug)]
pub struct Client<S, C> {
    /// Where the gateway is, without a final slash.
    gateway: String,
    /// The app's id; a public app has no secret, since everybody could read it in the app.
    app: String,
    http: reqwest::Client,
    storage: S,
    clock: C,
    patience: Patience,
    /// The access token lives in memory only. The lock makes refreshes one at a time.
    access: Mutex<Option<Access>>,
    /// A login that takes another step.
    begun: Mutex<Option<Begun>>,
    /// Closed while the gateway wants no calls.
    calls: Gate,
    /// Closed while the token endpoint wants no requests.
    refreshes: Gate,
}

impl<S: Storage, C: Clock> Client<S, C> {
    /// A client; whether somebody is logged in is in the storage.
    ///
    /// # Errors
    /// When there is no TLS to be had.
    pub fn new(gateway: &str, client_id: &str, storage: S, clock: C, patience: Patience) -> Result<Self, Error> {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(patience.one_try);
        Ok(Self {
            gateway: gateway.trim_end_matches('/').to_owned(),
            app: client_id.to_owned(),
            http: http.no_proxy().build().map_err(|_| Error::Refused("no HTTP client".to_owned()))?,
            storage,
            clock,
            patience,
            access: Mutex::new(None),
            begun: Mutex::new(None),
            calls: Gate::default(),
            refreshes: Gate::default(),
        })
    }
}
