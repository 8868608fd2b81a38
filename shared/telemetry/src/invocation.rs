//! The invocation that is answered now: by which ids its lines, metrics and traces are found.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, PoisonError, RwLock};

/// A longer id of a request is cut, in characters. Those of API Gateway and Lambda have 36.
const LONGEST_ID: usize = 128;

/// The invocation that is answered now. A container answers one at a time, so a line of any task belongs to it, also one
/// of a task that the HTTP client spawned.
static CURRENT: RwLock<Option<Arc<Invocation>>> = RwLock::new(None);

/// What an invocation goes by.
#[derive(Debug)]
pub struct Ids {
    /// Lambda's id of the invocation.
    pub function_request_id: String,
    /// API Gateway's id of the request that it is about, where there is one: the app got it, too.
    pub correlation_id: Option<String>,
    /// X-Ray's header, if Lambda gave one.
    pub trace: Option<String>,
}

/// One invocation.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) ids: Ids,
    /// Whether it is the first of its container.
    pub(crate) cold_start: bool,
    /// How many documents it has begun for X-Ray.
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

/// The one that the container answers.
pub(crate) fn of_container() -> Option<Arc<Invocation>> {
    CURRENT.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Until it is dropped, also by an invocation that was given up.
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
