//! What operators and developers do with applications and devices, whether by the command line, the admin API or the pages: each act is checked, and has a
//! row in the audit table before it is done.

mod acts;
mod app_acts;
mod catalogue;
mod changes;
mod date_time;
mod deliveries;
mod devices;
mod error;
mod jwks;
mod requests;
mod secret;
mod shown;
mod subscriptions;
mod usage;

pub use acts::{Act, Acts, Found, MOST_LOOKED_AT, acts_of, place, shown_row};
pub use app_acts::{AppActs, NewApp, Registered};
pub use catalogue::Catalogue;
pub use changes::{AppChanges, SubscriptionChanges};
pub use date_time::{millis, text};
pub use deliveries::{
    DeliveryFilter, FoundDeliveries, Replayed, Replays, deliveries_of, destination_of, destinations, shown_delivery,
    shown_queue, time_of, waiting_at,
};
pub use devices::{Revocations, devices_of, revocation_of, revocation_of_all, shown_device};
pub use error::{ActError, Problem, WrongField};
pub use requests::{Holds, NewOwn, Wish};
pub use secret::{MAX_OVERLAP, Rotation};
pub use shown::{described, shown};
pub use usage::{Time, WrongTime, shown_usage};
