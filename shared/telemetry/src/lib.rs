//! What operators see of a function: log lines, metrics and traces. Settings, clock and entropy are given to this crate; it
//! reads neither the environment nor the machine.

mod emf;
mod invocation;
mod log_lines;
mod metric;
mod observer;
mod xray;

pub use invocation::Ids;
pub use log_lines::begin;
pub use metric::{ADMITTED, Metric};
pub use observer::{Exchange, Observer, clock_off, correlation_id, count, exchange, keys_stale};
pub use xray::{Ended, Remote};

/// What a function's environment says about its log lines, metrics and traces.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'e> {
    /// The function's name: `service` of its log lines and the dimension `Function` of its metrics.
    pub service: &'static str,
    /// The least level that is logged, `TRACE` to `ERROR`.
    pub log_level: Option<&'e str>,
    /// The namespace of the metrics.
    pub namespace: Option<&'e str>,
    /// The address of the X-Ray daemon.
    pub xray_daemon: Option<&'e str>,
}

impl Settings<'_> {
    /// The settings of a function whose environment says nothing.
    pub const fn of(service: &'static str) -> Self {
        Self { service, log_level: None, namespace: None, xray_daemon: None }
    }
}
