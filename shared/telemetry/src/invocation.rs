//! The current invocation, with the ids by which its log lines, metrics and traces are found.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, PoisonError, RwLock};

/// The most characters of an id; a longer one is cut. The ids of API Gateway and Lambda have 36.
const LONGEST_ID: usize = 128;

/// The current invocation of the container. Lambda runs one at a time in a container, so the line of any task belongs to it,
/// even of a task that the HTTP client spawned.
static CURRENT: RwLock<Option<Arc<Invocation>>> = RwLock::new(None);

/// The ids of an invocation.
#[derive(Debug)]
pub struct Ids {
    /// Lambda's id of the invocation.
    pub function_request_id: String,
    /// API Gateway's id of the request, if the event is one. The client gets the same id.
    pub correlation_id: Option<String>,
    /// The trace header of X-Ray, if Lambda gave one.
    pub trace: Option<String>,
}

/// One invocation.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) ids: Ids,
    /// Whether it is the first of its container.
    pub(crate) cold_start: bool,
    /// The number of X-Ray documents that were requested for it.
    pub(crate) documents: AtomicU32,
}

impl Invocation {
    pub(crate) fn new(mut ids: Ids, cold_start: bool) -> Self {
        cut(&mut ids.function_request_id);
        ids.correlation_id.iter_mut().for_each(cut);
        Self { ids, cold_start, documents: AtomicU32::new(0) }
    }
}

fn cut(id: &mut String) {
    if id.len() > LONGEST_ID
        && let Some((end, _)) = id.char_indices().nth(LONGEST_ID)
    {
        id.truncate(end);
    }
}

/// The current invocation of the container.
pub(crate) fn of_container() -> Option<Arc<Invocation>> {
    CURRENT.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Marks an invocation as current until this is dropped, also when the invocation's future is cancelled.
pub(crate) struct Answering;

impl Answering {
    pub(crate) fn begin(invocation: &Arc<Invocation>) -> Self {
        set(Some(Arc::clone(invocation)));
        Self
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        set(None);
    }
}

fn set(invocation: Option<Arc<Invocation>>) {
    *CURRENT.write().unwrap_or_else(PoisonError::into_inner) = invocation;
}
