//! What users may do on the gateway's own pages besides looking after their accounts.

use serde::{Deserialize, Serialize};

/// A role of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Administers users and applications.
    Administrator,
    /// May make organizations, whose members register applications, where not everybody may.
    Developer,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Administrator, Self::Developer];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Developer => "developer",
        }
    }
}
