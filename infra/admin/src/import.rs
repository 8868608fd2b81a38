//! `users import`: creates the users of a file, each by itself; those that exist already are skipped.

mod read;

use crate::cli::{FileFormat, Import};
use crate::context::Context;
use crate::error::Error;
use crate::user::{address, create, first_epoch, shown, subject};
use crate::users::NO_USER_ID;
use futures_util::{StreamExt as _, stream};
use gateway_administration::Act;
use gateway_domain::address::Address;
use gateway_domain::ids::{SubjectKind, UserId};
use gateway_domain::password::PasswordHash;
use gateway_store::User;
use indicatif::{ProgressBar, ProgressStyle};
use read::{Line, Record};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// How many users are written at the same time.
const AT_ONCE: usize = 16;

/// The outcome of a line.
enum Fate {
    Imported,
    Skipped,
    /// This line is wrong; the import continues with the others.
    Bad(String),
    /// The store or the audit table failed, so the import stops.
    Stopped(Error),
}

/// The addresses and ids of earlier lines, each with its line number. Users are written concurrently: without this, chance
/// would decide which of two lines with one address is imported, and a dry run could not report it.
#[derive(Default)]
struct Claims {
    addresses: HashMap<Address, u64>,
    ids: HashMap<UserId, u64>,
}

impl Claims {
    /// The user of a line; an error if an earlier line has the same address or id.
    fn user(&mut self, line: Line) -> Result<User, String> {
        let user = line.record.and_then(|record| user(&record).map_err(|error| error.to_string()))?;
        if let Some(before) = self.addresses.get(&user.email) {
            return Err(format!("line {before} has the same address"));
        }
        if let Some(before) = self.ids.get(&user.user_id) {
            return Err(format!("line {before} has the same user id"));
        }
        self.addresses.insert(user.email.clone(), line.number);
        self.ids.insert(user.user_id.clone(), line.number);
        Ok(user)
    }
}

/// The outcome of all lines.
#[derive(Default)]
struct Tally {
    imported: usize,
    skipped: usize,
    bad: Vec<(u64, String)>,
}

/// `users import`
pub(crate) async fn run(context: &Context, arguments: Import) -> Result<(), Error> {
    let format = format(&arguments)?;
    let (source, length) = read::open(&arguments.file)?;
    // The bar is drawn on standard error, and only if that is a terminal.
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {msg}") {
        bar.set_style(style);
    }
    let lines = read::lines(bar.wrap_read(source), format)?;
    let name = arguments.file.display().to_string();
    let act = Act {
        act: if arguments.dry_run { "users import --dry-run" } else { "users import" },
        subject: format!("file {name}"),
        before: None,
        after: None,
    };
    let tally = context.acts().audited(act, import(context, lines, arguments.dry_run, &bar)).await;
    bar.finish_and_clear();
    let tally = tally?;
    report(context, &tally, arguments.dry_run)
}

fn format(arguments: &Import) -> Result<FileFormat, Error> {
    let ending = arguments.file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match (arguments.format, ending) {
        (Some(format), _) => Ok(format),
        (None, "csv") => Ok(FileFormat::Csv),
        (None, "jsonl" | "ndjson") => Ok(FileFormat::Jsonl),
        (None, _) => Err(Error::Invalid("say what the file holds with --format csv or --format jsonl".to_owned())),
    }
}

async fn import(
    context: &Context,
    lines: impl Iterator<Item = Line>,
    dry_run: bool,
    bar: &ProgressBar,
) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    let mut claims = Claims::default();
    let users = lines.map(|line| (line.number, claims.user(line)));
    let fates = stream::iter(users).map(|(number, user)| async move { (number, fate(context, user, dry_run).await) });
    let mut fates = std::pin::pin!(fates.buffer_unordered(AT_ONCE));
    while let Some((number, fate)) = fates.next().await {
        match fate {
            Fate::Imported => tally.imported = tally.imported.saturating_add(1),
            Fate::Skipped => tally.skipped = tally.skipped.saturating_add(1),
            Fate::Bad(reason) => tally.bad.push((number, reason)),
            Fate::Stopped(error) => {
                return Err(Error::ImportStopped { line: number, reason: error.to_string() });
            }
        }
        bar.set_message(format!("{} imported, {} there already", tally.imported, tally.skipped));
    }
    tally.bad.sort_unstable();
    Ok(tally)
}

fn report(context: &Context, tally: &Tally, dry_run: bool) -> Result<(), Error> {
    for (line, reason) in &tally.bad {
        crate::output::note(&format!("line {line}: {reason}"));
    }
    let failed: Vec<_> = tally.bad.iter().map(|(line, reason)| json!({ "line": line, "reason": reason })).collect();
    let (done, count) = (if dry_run { "would be imported" } else { "imported" }, tally.imported);
    let words = format!("{count} {done}, {} skipped since they are there, {} refused", tally.skipped, failed.len());
    let result = json!({ "imported": count, "skipped": tally.skipped, "failed": failed, "dry_run": dry_run });
    context.print.done(&words, &result);
    if tally.bad.is_empty() {
        return Ok(());
    }
    let lines = tally.imported.saturating_add(tally.skipped).saturating_add(tally.bad.len());
    Err(Error::Import { failed: tally.bad.len(), lines })
}

async fn fate(context: &Context, user: Result<User, String>, dry_run: bool) -> Fate {
    let user = match user {
        Ok(user) => user,
        Err(reason) => return Fate::Bad(reason),
    };
    let store = &context.connection.store;
    match store.users.by_email(user.email.as_str()).await {
        Ok(None) => {}
        Ok(Some(_)) => return Fate::Skipped,
        Err(error) => return Fate::Stopped(error.into()),
    }
    if dry_run {
        return match store.users.get(&user.user_id).await {
            Ok(None) => Fate::Imported,
            Ok(Some(_)) => Fate::Bad(format!("the user id {} is taken", user.user_id)),
            Err(error) => Fate::Stopped(error.into()),
        };
    }
    let act = Act { act: "users create", subject: subject(&user), before: None, after: Some(shown(&user)) };
    match context.acts().audited(act, create(context, &user)).await {
        Ok(()) => Fate::Imported,
        Err(Error::Taken(what)) => match store.users.by_email(user.email.as_str()).await {
            // Somebody else has taken the address since it was looked up.
            Ok(Some(_)) => Fate::Skipped,
            Ok(None) => Fate::Bad(format!("{what} is taken")),
            Err(error) => Fate::Stopped(error.into()),
        },
        Err(error) => Fate::Stopped(error),
    }
}

fn user(record: &Record) -> Result<User, Error> {
    let email = address(&record.email)?;
    let user_id = match &record.user_id {
        Some(id) => UserId::parse(id)?,
        None => UserId::from_random(gateway_runtime::SystemEntropy.bytes()?),
    };
    if user_id.kind() != SubjectKind::User {
        return Err(Error::Invalid(NO_USER_ID.to_owned()));
    }
    let import = |text: &String| PasswordHash::import(text).map_err(|error| Error::Invalid(error.to_string()));
    let password = record.password_hash.as_ref().map(import).transpose()?;
    let enabled = record.enabled.unwrap_or(true);
    Ok(User {
        user_id,
        email,
        password,
        credential_epoch: first_epoch(),
        enabled,
        links: BTreeMap::new(),
        email_verified: true,
        directory_subject: None,
        ways_back: Vec::new(),
        browser_epoch: 0,
        roles: std::collections::BTreeSet::new(),
        second_factor: None,
        profile: BTreeMap::new(),
    })
}
