//! Caches applications for a short time, within which a change to an application takes effect.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gateway_domain::ids::ClientId;
use gateway_store::{Apps, CallingApp, StoreError};

/// How long a copy is used, in milliseconds. A disabled application is refused after this time at the latest.
const KEEP_MS: i64 = 30_000;
/// The most applications that are kept.
const CAPACITY: usize = 512;

/// What one read of the table found: an application, or that there is none.
#[derive(Debug, Clone)]
struct Copy {
    read_ms: i64,
    app: Option<Arc<CallingApp>>,
}

/// The table of applications, with the copies that this container keeps.
#[derive(Debug)]
pub(crate) struct CachedApps {
    table: Apps,
    copies: Mutex<HashMap<ClientId, Copy>>,
}

impl CachedApps {
    /// A cache of this table without copies.
    pub(crate) fn new(table: Apps) -> Self {
        Self { table, copies: Mutex::default() }
    }

    /// The application, as it was at most [`KEEP_MS`] ago. When the store fails, this fails: no older copy is used.
    pub(crate) async fn get(&self, id: &ClientId, now_ms: i64) -> Result<Option<Arc<CallingApp>>, StoreError> {
        if let Some(known) = self.fresh(id, now_ms) {
            return Ok(known.app);
        }
        let app = self.table.calling(id).await?.map(Arc::new);
        let mut apps = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        if apps.len() >= CAPACITY {
            apps.retain(|_, copy| is_fresh(copy.read_ms, now_ms));
        }
        if apps.len() < CAPACITY {
            apps.insert(id.clone(), Copy { read_ms: now_ms, app: app.clone() });
        }
        Ok(app)
    }

    fn fresh(&self, id: &ClientId, now_ms: i64) -> Option<Copy> {
        let apps = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        apps.get(id).filter(|copy| is_fresh(copy.read_ms, now_ms)).cloned()
    }
}

/// A copy from the future is not fresh: otherwise a clock that was set back would keep it for ever.
fn is_fresh(read_ms: i64, now_ms: i64) -> bool {
    (0..KEEP_MS).contains(&now_ms.saturating_sub(read_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_believed_for_thirty_seconds_and_never_from_the_future() {
        assert!(is_fresh(1_000, 1_000) && is_fresh(1_000, 30_999));
        assert!(!is_fresh(1_000, 31_000) && !is_fresh(1_000, 999));
    }
}
