//! The proxy between events of both API kinds and a back end that records every byte.

#[path = "../../../shared/connectors/src/recording_server.rs"]
mod recording_server;
mod refusals;
mod responses;
mod rig;
mod sessions;
mod wire;
