//! What a person sees: lines, problems, and progress while they wait.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Prints a line of output.
#[expect(clippy::print_stdout, reason = "this is the command's output")]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Prints a problem.
pub(crate) fn problem(text: &str) {
    eprintln!("error: {text}");
}

/// What is going on, in one line that replaces itself; nothing where no person looks on. It vanishes
/// when dropped.
#[derive(Clone)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn start(what: &'static str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    pub(crate) fn report(&self, line: &str) {
        self.0.set_message(line.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
