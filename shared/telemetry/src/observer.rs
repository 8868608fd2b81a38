//! Observes invocations: their metrics, the ids in their log lines, and their part of a trace.

use crate::emf::Pending;
use crate::invocation::{Answering, Ids, Invocation, of_container};
use crate::metric::Metric;
use crate::xray::{Daemon, Ended, Remote, Subsegment};
use crate::{Settings, log_lines};
use gateway_domain::clock::{Clock, ClockOff};
use gateway_domain::entropy::Entropy;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The namespace of the metrics, unless the settings name another.
const NAMESPACE: &str = "MobileApiGateway";

/// The log target of lines that should alarm an operator.
const ALARM: &str = "alarm";

tokio::task_local! {
    static OBSERVER: Observer;
}

/// Counts something that happened in the current invocation, or in the start of the function. Elsewhere it does nothing.
pub fn count(metric: Metric<'_>) {
    let _ = OBSERVER.try_with(|observer| observer.pending().add(metric, observer.now_millis()));
}

/// Reports that keys could not be read again, or cannot be used, so that the last good ones stay in use: a metric, and a log
/// line with `alarm` for alarms on lines. `age` is the age of the keys in seconds. Nothing of a key may be in the arguments.
pub fn keys_stale(secret: &str, age: i64, error: &impl Display) {
    tracing::error!(target: ALARM, alarm = "keys_stale", secret, age, %error, "the last good keys are used");
    count(Metric::KeysStale);
}

/// Reports that the container's clock is off by more than is corrected: a metric, and a log line with `alarm`.
pub fn clock_off(off: &ClockOff) {
    tracing::error!(target: ALARM, alarm = "clock_off", offset_ms = off.offset_ms, "{off}");
    count(Metric::ClockOff);
}

/// The invocation of this task. A task that a library spawned has none, and then it is that of the container. The task comes
/// first because tests run several invocations at a time in one process.
pub(crate) fn invocation() -> Option<Arc<Invocation>> {
    OBSERVER.try_with(|observer| observer.invocation.clone()).unwrap_or_else(|_| of_container())
}

/// API Gateway's id of the request that the current invocation handles, if it has one.
pub fn correlation_id() -> Option<String> {
    invocation()?.ids.correlation_id.clone()
}

/// Begins to trace an exchange of the current invocation.
pub fn exchange(remote: Remote<'_>) -> Exchange {
    OBSERVER.try_with(|observer| observer.exchange(remote)).unwrap_or(Exchange { header: None, told: None })
}

/// An exchange that has begun. One that is dropped before its end is not traced.
#[must_use]
pub struct Exchange {
    /// The header of the invocation, for an exchange that is not traced.
    header: Option<String>,
    told: Option<(Observer, Subsegment)>,
}

impl Exchange {
    /// The `X-Amzn-Trace-Id` to send on, if the invocation has one.
    pub fn header(&self) -> Option<&str> {
        self.told.as_ref().map(|(_, subsegment)| subsegment.header.as_str()).or(self.header.as_deref())
    }

    /// Sends X-Ray how the exchange ended, if the trace is sampled. It neither waits nor fails.
    pub fn ended(self, ended: Ended) {
        if let Some((observer, subsegment)) = self.told
            && let Some(daemon) = &observer.container.daemon
        {
            daemon.send(&subsegment.end(ended, observer.now_millis()));
        }
    }
}

/// Collects what one container reports. Clones share it.
#[derive(Clone)]
pub struct Observer {
    container: Arc<Container>,
    /// The invocation it observes; `None` while the function starts.
    invocation: Option<Arc<Invocation>>,
}

struct Container {
    service: &'static str,
    pending: Mutex<Pending>,
    daemon: Option<Daemon>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Whether it has had an invocation.
    warm: AtomicBool,
}

impl Observer {
    /// An observer for a function. It writes to standard output, which Lambda sends to CloudWatch.
    pub fn new(settings: &Settings<'_>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let service = settings.service;
        let namespace = settings.namespace.unwrap_or(NAMESPACE).to_owned();
        let mut pending = Pending::new(namespace, service, settings.log_level.unwrap_or_default());
        pending.add(Metric::ColdStart, clock.now_millis());
        let (pending, warm) = (Mutex::new(pending), AtomicBool::new(false));
        let daemon = settings.xray_daemon.and_then(Daemon::named);
        Self { container: Arc::new(Container { service, pending, daemon, clock, entropy, warm }), invocation: None }
    }

    /// Runs the start of a function. Its metrics are written with the first invocation.
    pub async fn starting<T>(&self, work: impl Future<Output = T>) -> T {
        OBSERVER.scope(self.clone(), Box::pin(work)).await
    }

    /// Runs one invocation. Each log line meanwhile carries its ids. Metrics that are due are written at its end.
    pub async fn observe<T>(&self, ids: Ids, work: impl Future<Output = T>) -> T {
        let cold_start = !self.container.warm.swap(true, Ordering::Relaxed);
        let invocation = Arc::new(Invocation::new(ids, cold_start));
        let _answering = Answering::begin(&invocation);
        let observer = Self { container: Arc::clone(&self.container), invocation: Some(invocation) };
        // Boxed, since the future of a whole invocation is very large.
        let work = Box::pin(work);
        OBSERVER
            .scope(observer, async {
                let outcome = work.await;
                let lines = self.pending().due(self.now_millis());
                for line in lines {
                    log_lines::to_stdout(&log_lines::named(self.container.service, &line));
                }
                outcome
            })
            .await
    }

    fn exchange(&self, remote: Remote<'_>) -> Exchange {
        let container = &self.container;
        let Some(invocation) = &self.invocation else { return Exchange { header: None, told: None } };
        let begun = || Subsegment::begin(invocation, remote, self.now_millis(), &*container.entropy);
        let subsegment = container.daemon.as_ref().and_then(|_| begun());
        let told = subsegment.map(|subsegment| (self.clone(), subsegment));
        Exchange { header: invocation.ids.trace.clone(), told }
    }

    fn now_millis(&self) -> i64 {
        self.container.clock.now_millis()
    }

    /// A poisoned lock is used on: a panic while it was held cannot leave half a value behind.
    fn pending(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.container.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
