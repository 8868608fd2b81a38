//! A gateway, a network, a device: what every test needs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gateway_client::{Client, Clock, Error, FileStorage, Kept, Patience, Response, Storage as _};
use reqwest::Method;
use support::{ADA, DEMO_APP, Gateway, User};
use tempfile::TempDir;

use crate::network::Network;

/// A clock moved by hand. Who waits on it does not wait, but time passes.
#[derive(Debug, Clone, Default)]
pub(crate) struct HandClock(Arc<Mutex<(Duration, Vec<Duration>)>>);

impl HandClock {
    pub(crate) fn forward(&self, time: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 += time;
    }

    /// Every wait so far.
    pub(crate) fn waits(&self) -> Vec<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

impl Clock for HandClock {
    fn now(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    async fn sleep(&self, time: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.push(time);
        self.forward(time);
        tokio::task::yield_now().await;
    }
}

pub(crate) type App = Client<FileStorage, HandClock>;

/// The lifetime of an access token.
pub(crate) const LIFETIME: Duration = Duration::from_mins(10);

pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) network: Network,
    pub(crate) clock: HandClock,
    device: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::of(Gateway::start().await).await
    }

    pub(crate) async fn of(gateway: Gateway) -> Self {
        let network = Network::to(gateway.stack.base_url()).await;
        Self { gateway, network, clock: HandClock::default(), device: tempfile::tempdir().expect("a directory") }
    }

    /// The app as it starts, with what the device remembers.
    pub(crate) fn app(&self) -> App {
        Client::new(&self.network.url, DEMO_APP, self.storage(), self.clock.clone(), Patience::default())
            .expect("a client")
    }

    pub(crate) fn storage(&self) -> FileStorage {
        FileStorage::new(self.storage_path())
    }

    pub(crate) fn storage_path(&self) -> std::path::PathBuf {
        self.device.path().join("session.json")
    }

    /// The app, ada logged in.
    pub(crate) async fn logged_in(&self) -> App {
        let app = self.app();
        app.login(&typed(ADA)).await.expect("a login");
        app
    }

    /// What the device keeps of its session.
    pub(crate) fn kept(&self) -> Kept {
        self.storage().load().expect("a file").expect("a session")
    }

    /// How often the session's refresh token has been exchanged for another: it says so itself.
    pub(crate) fn generation(&self) -> u64 {
        self.kept().refresh_token.split('.').nth(1).and_then(|part| part.parse().ok()).expect("a generation")
    }

    /// How many refreshes were sent.
    pub(crate) fn refreshes(&self) -> usize {
        self.network.seen("grant_type=refresh_token")
    }
}

/// What a user types into the fields of a login.
pub(crate) fn typed(user: User) -> [(&'static str, &'static str); 2] {
    [("username", user.name), ("password", user.password)]
}

pub(crate) async fn orders(app: &App) -> Result<Response, Error> {
    app.call(Method::GET, "/orders", None).await
}

/// Ada's orders are there.
pub(crate) async fn works(app: &App) {
    let response = orders(app).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(
        (response.status, response.json().get("user").and_then(serde_json::Value::as_str)),
        (200, Some(ADA.name))
    );
}
