//! The machine's clock, corrected by the `Date` of responses from AWS. A request reads it once and hands the time on.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use aws_smithy_types::date_time::Format;
use gateway_domain::clock::{Clock, ClockOff, MachineClock, Offset, Reading, Ticks};
use gateway_domain::time::Timestamp;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_millis(&self) -> i64 {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for the time")]
        let now = std::time::SystemTime::now();
        now.duration_since(std::time::UNIX_EPOCH)
            .ok()
            .and_then(|elapsed| i64::try_from(elapsed.as_millis()).ok())
            .unwrap_or(0)
    }
}

impl MachineClock for SystemClock {
    fn monotonic_millis(&self) -> i64 {
        static BEGUN: LazyLock<Instant> = LazyLock::new(instant);
        i64::try_from(instant().saturating_duration_since(*BEGUN).as_millis()).unwrap_or(i64::MAX)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for the time")]
fn instant() -> Instant {
    Instant::now()
}

/// A clock that the clients of [`crate::Aws::dated`] correct by the `Date` of each response. Before the first response it
/// is the machine's.
pub struct CorrectedClock {
    machine: Arc<dyn MachineClock>,
    offset: Mutex<Offset>,
}

impl CorrectedClock {
    /// A clock without any correction yet.
    pub fn new(machine: Arc<dyn MachineClock>) -> Arc<Self> {
        Arc::new(Self { machine, offset: Mutex::default() })
    }

    /// A poisoned lock is used on: a panic while it was held cannot leave half a value behind.
    fn offset(&self) -> MutexGuard<'_, Offset> {
        self.offset.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for CorrectedClock {
    fn now_millis(&self) -> i64 {
        let machine = self.machine.ticks();
        self.offset().corrected(machine)
    }

    fn reading(&self) -> Result<Reading, ClockOff> {
        let machine = self.machine.ticks();
        let reading = self.offset().reading(machine);
        reading.inspect_err(gateway_telemetry::clock_off)
    }
}

impl std::fmt::Debug for CorrectedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CorrectedClock").field("offset", &*self.offset()).finish_non_exhaustive()
    }
}

/// Corrects a clock by the `Date` of each response, error responses included.
#[derive(Debug)]
pub(crate) struct DateWatch(pub(crate) Arc<CorrectedClock>);

/// When the attempt was sent, by the machine's clocks.
#[derive(Debug)]
struct SentAt(Ticks);

impl Storable for SentAt {
    type Storer = StoreReplace<Self>;
}

impl Intercept for DateWatch {
    fn name(&self) -> &'static str {
        "DateWatch"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(SentAt(self.0.machine.ticks()));
        Ok(())
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let received = self.0.machine.ticks();
        let date = context.response().headers().get("date");
        let date = date.and_then(|text| DateTime::from_str(text, Format::HttpDate).ok());
        if let (Some(SentAt(sent)), Some(date)) = (config.load::<SentAt>(), date) {
            self.0.offset().observe(*sent, received, Timestamp::from_secs(date.secs()));
        }
        Ok(())
    }
}
