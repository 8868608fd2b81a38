//! The log: the lines that functions write to stdout and stderr, kept in a file and in memory.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::private;

/// Lines kept in memory.
const KEPT: usize = 50_000;

/// The log of one stack. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Log {
    inner: Arc<Mutex<Inner>>,
    /// How many outputs of processes are being copied into it.
    copied: Arc<watch::Sender<usize>>,
}

/// An output that is being copied into the log, until dropped.
#[derive(Debug)]
pub(crate) struct Copying(Arc<watch::Sender<usize>>);

impl Drop for Copying {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[derive(Debug, Default)]
struct Inner {
    lines: VecDeque<(String, String)>,
    file: Option<File>,
}

impl Log {
    /// A log that is also written to this file. The file is emptied, and only its owner can read it.
    pub fn to_file(path: &Path) -> std::io::Result<Self> {
        let inner = Inner { lines: VecDeque::new(), file: Some(private::create(path)?) };
        Ok(Self { inner: Arc::new(Mutex::new(inner)), ..Self::default() })
    }

    /// Marks an output as being copied.
    pub(crate) fn copying(&self) -> Copying {
        self.copied.send_modify(|count| *count += 1);
        Copying(Arc::clone(&self.copied))
    }

    /// Waits for the end of all outputs that are being copied, so that the log has every line of them.
    pub async fn complete(&self) {
        // The wait fails only if the sender is gone, and `self` holds it.
        let _ = self.copied.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Adds a line written by `source`, such as `token#1`.
    pub fn push(&self, source: &str, line: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &mut inner.file {
            // A full disk must not stop the gateway. The line is still kept in memory.
            let _ = writeln!(file, "[{source}] {line}");
        }
        if inner.lines.len() == KEPT {
            inner.lines.pop_front();
        }
        inner.lines.push_back((source.to_owned(), line.to_owned()));
    }

    /// All lines in memory, each with its source in front.
    pub fn lines(&self) -> Vec<String> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.lines.iter().map(|(source, line)| format!("[{source}] {line}")).collect()
    }

    /// The last lines of one source.
    pub fn tail(&self, source: &str, count: usize) -> Vec<String> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tail: Vec<String> = inner
            .lines
            .iter()
            .rev()
            .filter(|(from, _)| from == source)
            .take(count)
            .map(|(_, line)| line.clone())
            .collect();
        tail.reverse();
        tail
    }
}

/// The end of a message about a process: the last lines it wrote, if it wrote any.
pub(crate) fn quoted(lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { format!("; its last lines:\n  {}", lines.join("\n  ")) }
}
