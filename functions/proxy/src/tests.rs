//! The proxy between events of both API kinds and a back end that records every byte.

mod answers;
#[path = "../../../shared/connectors/src/recording_server.rs"]
mod recording_server;
mod refusals;
mod rig;
mod sessions;
mod wire;
