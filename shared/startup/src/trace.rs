//! Log lines: JSON on standard output, which Lambda carries to CloudWatch.

use crate::Environment;
use tracing_subscriber::EnvFilter;

/// Begins logging at `LOG_LEVEL` (default `warn`); a second call does nothing.
pub fn tracing(environment: &Environment) {
    let mut filter =
        EnvFilter::try_new(environment.get("LOG_LEVEL").unwrap_or("warn")).unwrap_or_else(|_| EnvFilter::new("warn"));
    // The runtime would log every refused token as an error; the functions log their own failures.
    if let Ok(quiet) = "lambda_runtime=off".parse() {
        filter = filter.add_directive(quiet);
    }
    let _ =
        tracing_subscriber::fmt().json().with_env_filter(filter).with_current_span(false).with_ansi(false).try_init();
}
