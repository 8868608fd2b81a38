//! Keys that stay fresh: read once at the start, and again when they have become old or somebody names an unknown one.
//!
//! There is no task in the background, since Lambda freezes what is not answering: a request that finds the keys old
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

/// A warm function waits this long for Secrets Manager; the keys it has are good enough.
const PATIENCE: Duration = Duration::from_secs(2);

/// The value of a secret, parsed, as it was lately.
pub struct Fresh<T> {
    state: Mutex<State<T>>,
    /// `None` for a value that comes from nowhere.
    source: Option<Source<T>>,
}

struct State<T> {
    value: Arc<T>,
    /// Of the text the value was parsed from.
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

/// The timing of keys: that of what is deployed, unless a test made it shorter with `KEY_CACHE_SECONDS`.
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
        let source = Source {
            secrets: secrets.clone(),
            name: environment.require(variable, "the name or ARN of a secret")?.to_owned(),
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

    /// Lets a new value take the place of the last good one only where this agrees: it is given the new one, the one
    /// before and the time. Otherwise the last good one stays, as if the new one had been malformed.
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

    /// Tells that the value was read and is not used, since it does not go with another one.
    pub fn unusable(&self, reason: &impl std::fmt::Display) -> StartError {
        let name = self.source.as_ref().map_or("", |source| source.name.as_str());
        let error = StartError::Invalid { what: format!("secret {name}"), reason: reason.to_string() };
        let age = self.source.as_ref().map_or(0, |source| source.age(&self.state(), source.clock.now_millis()));
        keys_stale(name, age, &error);
        error
    }

    /// A value that is read from nowhere and never old.
    pub fn of(value: T) -> Self {
        let state = State { value: Arc::new(value), digest: String::new(), read_ms: 0, tried_ms: 0, failed: false };
        Self { state: Mutex::new(state), source: None }
    }

    /// The value as it is kept.
    pub fn value(&self) -> Arc<T> {
        Arc::clone(&self.state().value)
    }

    /// The value, read again if it is older than the cache age. A read that fails is an alarm and leaves the last good
    /// value, until that is a day old and nothing is better than it.
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

    /// The value, read again if it lacks a key that somebody named. It may lack it then as well: the key is gone, or was
    /// never one.
    pub async fn having(&self, knows: impl Fn(&T) -> bool) -> Result<Arc<T>, StartError> {
        let value = self.value();
        if knows(&value) { Ok(value) } else { self.again().await }
    }

    /// The value, read again because a key that it lacks was named: at most once in a tenth of the cache age, whoever
    /// names whatever. When the last read failed, the key may exist nevertheless, and nothing can be said about it.
    pub async fn again(&self) -> Result<Arc<T>, StartError> {
        let Some(source) = &self.source else { return Ok(self.value()) };
        let now = source.clock.now_millis();
        self.attempt(source, now, |_| true).await;
        let state = self.state();
        if state.failed { Err(source.unavailable()) } else { Ok(Arc::clone(&state.value)) }
    }

    /// Reads the secret if it is still wanted, unless that was tried a moment ago.
    async fn attempt(&self, source: &Source<T>, now: i64, wanted: impl Fn(&State<T>) -> bool) {
        let _flight = match source.flight.try_lock() {
            Ok(flight) => flight,
            // Somebody else is reading; what is here does meanwhile, if it does at all.
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
        // Boxed: nearly every request has nothing to read, and carries a pointer instead of the SDK's future.
        let read = tokio::time::timeout(PATIENCE, Box::pin(source.secrets.text(&source.name))).await;
        let read = read.unwrap_or_else(|_| Err(source.unavailable()));
        let mut state = self.state();
        let parsed = read.and_then(|text| {
            let digest = sha256_hex(text.expose().as_bytes());
            // What did not change is not parsed again: a hasher of passwords keeps its memory.
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

    /// A panic while the lock was held cannot leave half a value behind.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Source<T> {
    fn parsed(&self, text: &str) -> Result<T, StartError> {
        (self.parse)(text).map_err(|reason| StartError::Invalid { what: format!("secret {}", self.name), reason })
    }

    /// The new value, if it may take the place of the one before.
    fn following(&self, text: &str, before: &State<T>, now: i64) -> Result<Arc<T>, StartError> {
        let value = self.parsed(text)?;
        let now = Timestamp::from_secs(now.div_euclid(1_000));
        let allowed = self.may_follow.as_ref().map_or(Ok(()), |may_follow| may_follow(&value, &before.value, now));
        allowed.map_err(|reason| StartError::Invalid { what: format!("secret {}", self.name), reason })?;
        Ok(Arc::new(value))
    }

    /// Seconds since the value was read. A value from the future is as old as can be: a clock that was set back must
    /// not keep it for ever.
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
