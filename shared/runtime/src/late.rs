//! Secrets that are read when they are first needed, and again until they can be: a function that lacks one does everything else.

use crate::{Environment, Fresh, Platform, Secrets, StartError};
use gateway_domain::clock::Clock;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The parsed value of a secret that only a part of a function needs.
pub struct Late<T> {
    name: String,
    parse: fn(&str) -> Result<T, String>,
    secrets: Secrets,
    environment: Environment,
    clock: Arc<dyn Clock>,
    read: OnceCell<Fresh<T>>,
}

impl<T: Send + Sync + 'static> Late<T> {
    /// The secret of this name. It is tried once now, so that the log says at the start what is missing.
    pub async fn of(platform: &Platform, name: &str, parse: fn(&str) -> Result<T, String>) -> Self {
        let Platform { secrets, environment, clock, .. } = platform;
        let (secrets, environment, clock) = (secrets.clone(), environment.clone(), Arc::clone(clock));
        let late = Self { name: name.to_owned(), parse, secrets, environment, clock, read: OnceCell::new() };
        drop(late.fresh().await);
        late
    }

    /// The value as it is now.
    ///
    /// # Errors
    /// The secret cannot be read, or its text not be parsed.
    pub async fn fresh(&self) -> Result<Arc<T>, StartError> {
        let Self { name, parse, secrets, environment, clock, read } = self;
        let value = read.get_or_try_init(|| Fresh::named(secrets, environment, name, clock, *parse));
        let value = value.await.inspect_err(|error| tracing::error!(secret = name, %error, "a secret is missing"))?;
        value.fresh().await
    }
}
