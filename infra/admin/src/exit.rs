//! The exit codes, by which scripts tell errors apart.

use std::fmt::Write as _;
use std::process::ExitCode;

/// Why a command did not do all that it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Failed,
    Usage,
    NotFound,
    Conflict,
    Refused,
    Unavailable,
}

impl Exit {
    const ALL: [Self; 6] =
        [Self::Failed, Self::Usage, Self::NotFound, Self::Conflict, Self::Refused, Self::Unavailable];

    /// Usage is 2, since clap ends with 2 when the command line is wrong.
    const fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Conflict => 4,
            Self::Refused => 5,
            Self::Unavailable => 6,
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::Failed => "not all was done, or something failed that is none of the others",
            Self::Usage => "usage: the command line, an input or a confirmation is missing or wrong",
            Self::NotFound => "not found: there is no such user, app, subscription, session, device or passkey",
            Self::Conflict => "conflict: it is taken, or somebody else changed it at the same time",
            Self::Refused => "refused: a rule of the gateway, or AWS, does not allow it",
            Self::Unavailable => "unavailable: the gateway, or what it is made of, is not there or does not answer",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The codes as `--help` and the manual page show them.
pub(crate) fn help() -> String {
    let mut text = "Exit codes:\n  0  all was done".to_owned();
    for exit in Exit::ALL {
        // Writing into a String cannot fail.
        let _ = write!(text, "\n  {}  {}", exit.code(), exit.meaning());
    }
    text
}
