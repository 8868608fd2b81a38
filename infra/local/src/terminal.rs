//! Prints on the terminal.

/// Prints a line of output.
#[expect(clippy::print_stdout, reason = "this is the command's output")]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Prints a problem on standard error.
pub(crate) fn problem(text: &str) {
    eprintln!("error: {text}");
}
