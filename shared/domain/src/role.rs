//! What users may do on the gateway's own pages besides looking after their accounts.

use serde::{Deserialize, Serialize};

/// A role of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Administers users and applications.
    Administrator,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Administrator];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
        }
    }
}
