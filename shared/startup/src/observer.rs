//! What operators see of one invocation: metrics, and log lines that name the request.

use crate::emf::Pending;
use crate::metric::Metric;
use crate::{Clock, Environment, StartError};
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// The namespace of the metrics, unless `METRICS_NAMESPACE` names another.
const NAMESPACE: &str = "MobileApiGateway";

/// The target, in the log, of what somebody should be told of.
const ALARM: &str = "alarm";

tokio::task_local! {
    static OBSERVER: Observer;
}

/// Counts something that happened in the invocation this runs in; outside of one, nothing.
pub fn count(metric: Metric<'_>) {
    let _ = OBSERVER.try_with(|observer| observer.pending().add(metric, observer.0.clock.now_millis()));
}

/// Tells that keys could not be read anew, or are not usable, and the last good ones are used on: a metric, and a log
/// line with `alarm` for those who alarm on lines. `age` of the keys in seconds; nothing here holds anything of a key.
pub fn keys_stale(secret: &str, age: i64, error: &StartError) {
    tracing::error!(target: ALARM, alarm = "keys_stale", secret, age, %error, "the last good keys are used");
    count(Metric::KeysStale);
}

/// What one container has to tell. Clones share it.
#[derive(Clone)]
pub struct Observer(Arc<Container>);

struct Container {
    pending: Mutex<Pending>,
    clock: Arc<dyn Clock>,
    write: fn(&str),
}

impl Observer {
    /// An observer for a function, which writes to standard output; Lambda carries it to CloudWatch.
    pub fn new(environment: &Environment, function: &'static str, clock: Arc<dyn Clock>) -> Self {
        Self::writing(environment, function, clock, to_stdout)
    }

    fn writing(environment: &Environment, function: &'static str, clock: Arc<dyn Clock>, write: fn(&str)) -> Self {
        let namespace = environment.get("METRICS_NAMESPACE").unwrap_or(NAMESPACE).to_owned();
        let mut pending = Pending::new(namespace, function, environment.get("LOG_LEVEL").unwrap_or_default());
        pending.add(Metric::ColdStart, clock.now_millis());
        Self(Arc::new(Container { pending: Mutex::new(pending), clock, write }))
    }

    /// Runs the start of a function. What it counts is written with the first invocation.
    pub async fn starting<T>(&self, work: impl Future<Output = T>) -> T {
        OBSERVER.scope(self.clone(), Box::pin(work)).await
    }

    /// Runs one invocation. What it counts is written at its end, if it cannot wait.
    pub async fn observe<T>(&self, work: impl Future<Output = T>) -> T {
        // Boxed: a whole journey is one very large future.
        let outcome = OBSERVER.scope(self.clone(), Box::pin(work)).await;
        let lines = self.pending().due(self.0.clock.now_millis());
        for line in lines {
            (self.0.write)(&line);
        }
        outcome
    }

    /// A panic while the lock was held cannot leave half a value behind.
    fn pending(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One write, so that no other line comes between. A log that cannot be written does not fail a call.
fn to_stdout(line: &str) {
    let _ = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}
