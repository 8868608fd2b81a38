//! Keys that stay fresh: read at the start, and again when they are old or an unknown key is named.
//!
//! There is no background task, since Lambda freezes a container between invocations. A request that finds the keys old
//! reads them first, one request at a time.

use crate::secrets::Secrets;
use crate::{Environment, StartError};
use gateway_domain::clock::Clock;
use gateway_domain::rotation::Timing;
use gateway_domain::secret::sha256_hex;
use gateway_domain::time::Timestamp;
use gateway_telemetry::keys_stale;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a warm function waits for Secrets Manager: not longer, since it still has the last good keys.
const PATIENCE: Duration = Duration::from_secs(2);

/// The parsed value of a secret, as it was last read.
pub struct Fresh<T> {
    state: Mutex<State<T>>,
    /// `None` for a value that is not read from a secret.
    source: Option<Source<T>>,
}

struct State<T> {
    value: Arc<T>,
    /// SHA-256 of the text that the value was parsed from.
    digest: String,
    read_ms: i64,
    tried_ms: i64,
    failed: bool,
}

struct Source<T> {
    secrets: Secrets,
    name: String,
    parse: Parse<T>,
    timing: Timing,
    clock: Arc<dyn Clock>,
    flight: tokio::sync::Mutex<()>,
    may_follow: Option<MayFollow<T>>,
}

type MayFollow<T> = Box<dyn Fn(&T, &T, Timestamp) -> Result<(), String> + Send + Sync>;
type Parse<T> = Box<dyn Fn(&str) -> Result<T, String> + Send + Sync>;

/// The timing of keys: the default, unless a test sets a shorter cache age with `KEY_CACHE_SECONDS`.
pub fn key_timing(environment: &Environment) -> Result<Timing, StartError> {
    environment.get("KEY_CACHE_SECONDS").map_or(Ok(Timing::default()), |text| {
        Timing::parse(text).map_err(|error| StartError::Invalid {
            what: "environment variable KEY_CACHE_SECONDS".to_owned(),
            reason: error.to_string(),
        })
    })
}

impl<T> Fresh<T> {
    /// Reads the secret whose name is in this environment variable.
    pub async fn read<E: std::fmt::Display>(
        secrets: &Secrets,
        environment: &Environment,
        variable: &'static str,
        clock: &Arc<dyn Clock>,
        parse: impl Fn(&str) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let name = environment.require(variable, "the name or ARN of a secret")?;
        Self::named(secrets, environment, name, clock, parse).await
    }

    /// Reads the secret of this name.
    pub async fn named<E: std::fmt::Display>(
        secrets: &Secrets,
        environment: &Environment,
        name: &str,
        clock: &Arc<dyn Clock>,
        parse: impl Fn(&str) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let source = Source {
            secrets: secrets.clone(),
            name: name.to_owned(),
            parse: Box::new(move |text| parse(text).map_err(|error| error.to_string())),
            timing: key_timing(environment)?,
            clock: Arc::clone(clock),
            flight: tokio::sync::Mutex::default(),
            may_follow: None,
        };
        let now = source.clock.now_millis();
        let text = source.secrets.text(&source.name).await?;
        let value = Arc::new(source.parsed(text.expose())?);
        let digest = sha256_hex(text.expose().as_bytes());
        let state = State { value, digest, read_ms: now, tried_ms: now, failed: false };
        Ok(Self { state: Mutex::new(state), source: Some(source) })
    }

    /// Lets a new value replace the last good one only if `may_follow` permits it, given the new value, the last good one
    /// and the time. Otherwise the last good one stays, as if the new one were malformed.
    #[must_use]
    pub fn guarded<E: std::fmt::Display>(
        mut self,
        may_follow: impl Fn(&T, &T, Timestamp) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        if let Some(source) = &mut self.source {
            let may_follow =
                move |new: &T, before: &T, now| may_follow(new, before, now).map_err(|error| error.to_string());
            source.may_follow = Some(Box::new(may_follow));
        }
        self
    }

    /// Reports that the value was read but cannot be used, and returns the error for it. It raises the same alarm as a
    /// failed read.
    pub fn unusable(&self, reason: &impl std::fmt::Display) -> StartError {
        let name = self.source.as_ref().map_or("", |source| source.name.as_str());
        let error = StartError::Invalid { what: format!("secret {name}"), reason: reason.to_string() };
        let age = self.source.as_ref().map_or(0, |source| source.age(&self.state(), source.clock.now_millis()));
        keys_stale(name, age, &error);
        error
    }

    /// A value that is not read from a secret and never becomes old.
    pub fn of(value: T) -> Self {
        let state = State { value: Arc::new(value), digest: String::new(), read_ms: 0, tried_ms: 0, failed: false };
        Self { state: Mutex::new(state), source: None }
    }

    /// The value as it was last read.
    pub fn value(&self) -> Arc<T> {
        Arc::clone(&self.state().value)
    }

    /// The value, read again if it is older than the cache age. A read that fails raises an alarm, and the last good value
    /// stays in use.
    ///
    /// # Errors
    /// The last good value is older than [`Timing::last_good`], a day by default: no keys are better than such old ones.
    pub async fn fresh(&self) -> Result<Arc<T>, StartError> {
        let Some(source) = &self.source else { return Ok(self.value()) };
        let now = source.clock.now_millis();
        let is_old = |state: &State<T>| source.age(state, now) >= source.timing.cache().as_i64();
        if is_old(&self.state()) {
            self.attempt(source, now, is_old).await;
        }
        let state = self.state();
        if source.is_too_old(&state, now) { Err(source.unavailable()) } else { Ok(Arc::clone(&state.value)) }
    }

    /// The value, read again (see [`Self::again`]) if it lacks a key that was named. If it still lacks the key, the key is
    /// gone, never existed, or is newer than a read that was tried a moment ago.
    pub async fn having(&self, knows: impl Fn(&T) -> bool) -> Result<Arc<T>, StartError> {
        let value = self.value();
        if knows(&value) { Ok(value) } else { self.again().await }
    }

    /// The value, read again because a key that it lacks was named. All callers together cause at most one read in a tenth
    /// of the cache age, since clients can name any key.
    ///
    /// # Errors
    /// The last read failed, so that it is not known whether the key exists.
    pub async fn again(&self) -> Result<Arc<T>, StartError> {
        let Some(source) = &self.source else { return Ok(self.value()) };
        let now = source.clock.now_millis();
        self.attempt(source, now, |_| true).await;
        let state = self.state();
        if state.failed { Err(source.unavailable()) } else { Ok(Arc::clone(&state.value)) }
    }

    /// Reads the secret if that is still wanted, unless a read was tried less than a tenth of the cache age ago.
    async fn attempt(&self, source: &Source<T>, now: i64, wanted: impl Fn(&State<T>) -> bool) {
        let _flight = match source.flight.try_lock() {
            Ok(flight) => flight,
            // Another request is reading. Wait for it only if the present value is too old to use meanwhile.
            Err(_) if source.is_too_old(&self.state(), now) => source.flight.lock().await,
            Err(_) => return,
        };
        {
            let mut state = self.state();
            let since = now.saturating_sub(state.tried_ms);
            if !wanted(&state) || (0..source.timing.retry_millis()).contains(&since) {
                return;
            }
            state.tried_ms = now;
        }
        // Boxed, since few requests read: the others then carry a pointer and not the SDK's large future.
        let read = tokio::time::timeout(PATIENCE, Box::pin(source.secrets.text(&source.name))).await;
        let read = read.unwrap_or_else(|_| Err(source.unavailable()));
        let mut state = self.state();
        let parsed = read.and_then(|text| {
            let digest = sha256_hex(text.expose().as_bytes());
            // An unchanged text is not parsed again, so that a hasher of passwords keeps its working memory.
            let unchanged = digest == state.digest;
            let value =
                if unchanged { Arc::clone(&state.value) } else { source.following(text.expose(), &state, now)? };
            Ok((digest, value))
        });
        match parsed {
            Ok((digest, value)) => *state = State { value, digest, read_ms: now, tried_ms: now, failed: false },
            Err(error) => {
                state.failed = true;
                keys_stale(&source.name, source.age(&state, now), &error);
            }
        }
    }

    /// A poisoned lock is used on: a panic while it was held cannot leave half a value behind.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Source<T> {
    fn parsed(&self, text: &str) -> Result<T, StartError> {
        (self.parse)(text).map_err(|reason| StartError::Invalid { what: format!("secret {}", self.name), reason })
    }

    /// The new value, if it may replace the one before.
    fn following(&self, text: &str, before: &State<T>, now: i64) -> Result<Arc<T>, StartError> {
        let value = self.parsed(text)?;
        let now = Timestamp::from_secs(now.div_euclid(1_000));
        let allowed = self.may_follow.as_ref().map_or(Ok(()), |may_follow| may_follow(&value, &before.value, now));
        allowed.map_err(|reason| StartError::Invalid { what: format!("secret {}", self.name), reason })?;
        Ok(Arc::new(value))
    }

    /// Seconds since the value was read. A value that was read in the future counts as due to be read again: a clock that
    /// was set back must not keep it for ever.
    fn age(&self, state: &State<T>, now: i64) -> i64 {
        let age = now.saturating_sub(state.read_ms);
        if age < 0 { self.timing.cache().as_i64() } else { age / 1_000 }
    }

    fn is_too_old(&self, state: &State<T>, now: i64) -> bool {
        self.age(state, now) >= self.timing.last_good().as_i64()
    }

    fn unavailable(&self) -> StartError {
        let reason = "it could not be read again, and what was read is too old or lacks a key".to_owned();
        StartError::Unavailable { what: format!("secret {}", self.name), reason }
    }
}

impl<T> std::fmt::Debug for Fresh<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fresh")
            .field("secret", &self.source.as_ref().map(|source| &source.name))
            .finish_non_exhaustive()
    }
}
