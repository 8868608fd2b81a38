//! The long help, shell completions and manual pages of this program.

use crate::cli::Arguments;
use crate::connection::RESOURCES;
use crate::error::Error;
use crate::exit;
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::path::Path;

/// The last part of the long help: variables and exit codes.
pub(crate) fn long_help() -> String {
    let tables: Vec<_> = RESOURCES.iter().map(|(_, variable)| *variable).collect();
    format!(
        "Environment:\n  GATEWAY_STACK  the stack, where neither --stack nor --local is given\n  GATEWAY_URL, \
         GATEWAY_CLIENT_ID, GATEWAY_CLIENT_SECRET  the admin API and the app that asks it, where no stack is named\n  AWS_REGION, AWS_PROFILE \
         and the others of the AWS CLI: who you are\n  {}: the gateway's tables and secrets, where no stack is \
         named\n\n{}\n\nPasswords and secrets are asked for, or read from standard input; they are never arguments.\n\
         Every change is written to the audit table before and after it is made: gateway-admin audit list",
        tables.join(", "),
        exit::help()
    )
}

/// `completions`
pub(crate) fn completions(shell: Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "gateway-admin", &mut script);
    crate::output::write(String::from_utf8_lossy(&script).trim_end());
}

/// `man`: writes a page for the program and one for each of its commands.
pub(crate) fn manual(directory: &Path) -> Result<(), Error> {
    let written =
        std::fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(Arguments::command(), directory));
    written.map_err(|error| Error::NotWritten { path: directory.to_owned(), reason: error.to_string() })
}
