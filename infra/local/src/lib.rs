//! The local stack: API Gateway, Lambda, `DynamoDB`, Secrets Manager, SES, a demo app and a demo back end on one machine.

pub mod access;
pub mod api_gateway;
mod arn;
pub mod binaries;
pub mod credentials;
pub mod data_directory;
mod demo_app;
pub mod dynamodb;
pub mod functions;
mod lambda;
pub mod legacy;
pub mod limits;
pub mod log;
mod output;
mod private;
pub mod process;
mod random;
mod ready;
pub mod rotation;
mod runtime_api;
mod schedules;
pub mod secrets;
pub mod secrets_manager;
pub mod seed;
pub mod ses;
mod signature;
pub mod stack;
mod streams;
pub mod template;
mod visitors;

pub use runtime_api::FunctionError;
