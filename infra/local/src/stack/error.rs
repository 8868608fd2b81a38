//! Why a stack does not start.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::binaries::BuildError;
use crate::data_directory::DirectoryError;
use crate::dynamodb::DatabaseError;
use crate::log::quoted;
use crate::process::CannotStart;
use crate::secrets::SecretsError;
use crate::seed::SeedError;
use crate::template::TemplateError;

/// Why the stack does not start. The text says what to do about it, where something can be done.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or is not one of this machine.
    #[error("cannot listen on {address}: {source}; choose another address with --listen 127.0.0.1:PORT")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The address for functions in containers is not one of this machine.
    #[error(
        "DynamoDB, secrets and the demo back end cannot listen on {address}: {source}; \
         --services takes one address of this machine, which containers reach"
    )]
    Services {
        /// The address.
        address: IpAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The operating system gave no free port or no thread.
    #[error("the machine gave no port or thread: {0}")]
    Machine(#[from] std::io::Error),
    /// The data directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// What the data directory holds is damaged.
    #[error("{problem}\nTo start afresh, move the data directory aside: mv {} {}.old", .directory.display(), .directory.display())]
    Damaged {
        /// What is wrong.
        problem: String,
        /// The data directory.
        directory: PathBuf,
    },
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The secrets cannot be made or kept.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// A file cannot be read or written.
    #[error("{} cannot be used: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The template has something that the local stack does not run.
    #[error("{}: {source}", .path.display())]
    Template {
        /// The file.
        path: PathBuf,
        /// What it is.
        source: TemplateError,
    },
    /// The configuration is wrong.
    #[error("{}: {reason}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and field.
        reason: String,
    },
    /// Apps and users cannot be stored.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The function binaries were not built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A function of the template has no binary.
    #[error("function {0} of the template has no binary")]
    NoBinary(String),
    /// A function does not start.
    #[error(transparent)]
    Function(#[from] CannotStart),
    /// A function runs but does not respond as it should.
    #[error("function `{name}` started but {problem}{}", quoted(.lines))]
    NotReady {
        /// Name of its binary.
        name: String,
        /// What it did instead.
        problem: String,
        /// Its last lines.
        lines: Vec<String>,
    },
    /// The start broke off.
    #[error("the start broke off: {0}")]
    Aborted(String),
}
