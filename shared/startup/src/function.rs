//! What a function builds on its first use: once when it works, anew with every request while it does not.

use crate::StartError;
use std::pin::Pin;
use tokio::sync::OnceCell;

type Building<T> = Pin<Box<dyn Future<Output = Result<T, StartError>> + Send>>;

/// A value that is built at start, and again later if the start failed: a secret store that is down at a cold start
/// makes answers of 503 until it is back, not a crashing function.
pub struct Function<T> {
    cell: OnceCell<T>,
    build: Box<dyn Fn() -> Building<T> + Send + Sync>,
}

impl<T> Function<T> {
    /// Tries to build at once, so that connections are open before the first request.
    pub async fn start<F>(build: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, StartError>> + Send + 'static,
    {
        let function = Self { cell: OnceCell::new(), build: Box::new(move || Box::pin(build())) };
        if let Err(error) = function.get().await {
            tracing::error!(%error, "the function is not ready yet");
        }
        function
    }

    /// The value, built now if it was not.
    pub async fn get(&self) -> Result<&T, StartError> {
        self.cell.get_or_try_init(|| (self.build)()).await
    }
}
