//! What operators see of one invocation: metrics, log lines that name the request, and its part of a trace.

use crate::emf::Pending;
use crate::metric::Metric;
use crate::xray::{Daemon, Ended, Invocation, Remote, Subsegment};
use crate::{Clock, Environment, StartError, trace};
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// The namespace of the metrics, unless `METRICS_NAMESPACE` names another.
const NAMESPACE: &str = "MobileApiGateway";

/// The target, in the log, of what somebody should be told of.
pub(crate) const ALARM: &str = "alarm";

tokio::task_local! {
    static OBSERVER: Observer;
}

/// Counts something that happened in the invocation this runs in; outside of one, nothing.
pub fn count(metric: Metric<'_>) {
    let _ = OBSERVER.try_with(|observer| observer.pending().add(metric, observer.now_millis()));
}

/// Tells that keys could not be read anew, or are not usable, and the last good ones are used on: a metric, and a log
/// line with `alarm` for those who alarm on lines. `age` of the keys in seconds; nothing here holds anything of a key.
pub fn keys_stale(secret: &str, age: i64, error: &StartError) {
    tracing::error!(target: ALARM, alarm = "keys_stale", secret, age, %error, "the last good keys are used");
    count(Metric::KeysStale);
}

/// Begins to trace an exchange with somebody, in the invocation this runs in.
pub fn exchange(remote: Remote<'_>) -> Exchange {
    OBSERVER.try_with(|observer| observer.exchange(remote)).unwrap_or(Exchange { header: None, told: None })
}

/// An exchange between its begin and its end. One that is dropped before is not told.
#[must_use]
pub struct Exchange {
    /// The invocation's own, where the exchange has none.
    header: Option<String>,
    told: Option<(Observer, Subsegment)>,
}

impl Exchange {
    /// The `X-Amzn-Trace-Id` to send on, if the invocation has one.
    pub fn header(&self) -> Option<&str> {
        self.told.as_ref().map(|(_, subsegment)| subsegment.header.as_str()).or(self.header.as_deref())
    }

    /// Tells X-Ray how it ended, if the trace is kept. Neither waits nor fails.
    pub fn ended(self, ended: Ended) {
        if let Some((observer, subsegment)) = self.told
            && let Some(daemon) = &observer.container.daemon
        {
            daemon.send(&subsegment.end(ended, observer.now_millis()));
        }
    }
}

/// What one container has to tell. Clones share it.
#[derive(Clone)]
pub struct Observer {
    container: Arc<Container>,
    /// The trace of the invocation it observes, if Lambda named one.
    invocation: Option<Arc<Invocation>>,
}

struct Container {
    pending: Mutex<Pending>,
    daemon: Option<Daemon>,
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
        let daemon = Daemon::from_environment(environment);
        let container = Arc::new(Container { pending: Mutex::new(pending), daemon, clock, write });
        Self { container, invocation: None }
    }

    /// Runs the start of a function. What it counts is written with the first invocation.
    pub async fn starting<T>(&self, work: impl Future<Output = T>) -> T {
        OBSERVER.scope(self.clone(), Box::pin(work)).await
    }

    /// Runs one invocation, of this trace of X-Ray. Each line that is written meanwhile names this request. What it
    /// counts is written at its end, if it cannot wait.
    pub async fn observe<T>(&self, request_id: &str, trace: Option<&str>, work: impl Future<Output = T>) -> T {
        let invocation = trace.map(|header| Arc::new(Invocation::new(header)));
        let observer = Self { container: Arc::clone(&self.container), invocation };
        // Boxed: a whole journey is one very large future.
        let work = OBSERVER.scope(observer, Box::pin(work));
        trace::answering(request_id, async {
            let outcome = work.await;
            let lines = self.pending().due(self.now_millis());
            for line in lines {
                (self.container.write)(&trace::named(&line));
            }
            outcome
        })
        .await
    }

    fn exchange(&self, remote: Remote<'_>) -> Exchange {
        let Some(invocation) = &self.invocation else { return Exchange { header: None, told: None } };
        let subsegment = self.container.daemon.as_ref().and_then(|_| invocation.begin(remote, self.now_millis()));
        let told = subsegment.map(|subsegment| (self.clone(), subsegment));
        Exchange { header: Some(invocation.header().to_owned()), told }
    }

    fn now_millis(&self) -> i64 {
        self.container.clock.now_millis()
    }

    /// A panic while the lock was held cannot leave half a value behind.
    fn pending(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.container.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One write, so that no other line comes between. A log that cannot be written does not fail a call.
fn to_stdout(line: &str) {
    let _ = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}
