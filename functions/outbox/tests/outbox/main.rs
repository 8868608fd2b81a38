//! The outbox function against a real DynamoDB implementation, a mail carrier that does what a test says, and a queue of the
//! renewal function.

#[cfg(test)]
mod ending;
mod events;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod notices;
#[cfg(test)]
#[allow(dead_code, reason = "shared with tests that need more of it")]
#[path = "../../../../shared/connectors/src/recording_server.rs"]
mod recording_server;
#[cfg(test)]
mod sending;
