//! The rules of the gateway: pure, without network, clock or environment.

pub mod access_token;
pub mod address;
pub mod basic;
pub mod call_context;
mod causes;
pub mod clock;
pub mod code;
pub mod cors;
pub mod entropy;
pub mod event;
pub mod form;
pub mod headers;
pub mod ids;
mod jose;
pub mod keys;
pub mod language;
pub mod login_attempts;
mod media_type;
pub mod outbox;
pub mod password;
pub mod path;
pub mod problem;
pub mod query;
pub mod rate_limit;
pub mod refresh_token;
pub mod renewal;
pub mod rotation;
pub mod scope;
pub mod sealing;
pub mod secret;
pub mod session;
pub mod source;
pub mod time;
pub mod trace;

pub use causes::causes;
