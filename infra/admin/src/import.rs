//! `users import`: creates the users of a file, each by itself; of those that exist already, the links that they lack are added.

mod claims;
mod one;
mod read;

use crate::cli::{FileFormat, Import};
use crate::context::Context;
use crate::error::Error;
use claims::Claims;
use futures_util::{StreamExt as _, stream};
use gateway_administration::Act;
use indicatif::{ProgressBar, ProgressStyle};
use one::{Fate, fate};
use read::Line;
use read::keycloak::Whose;
use serde_json::json;

/// How many users are written at the same time.
const AT_ONCE: usize = 16;

/// The outcome of all lines.
#[derive(Default)]
struct Tally {
    imported: usize,
    linked: usize,
    skipped: usize,
    bad: Vec<(u64, String)>,
}

/// `users import`
pub(crate) async fn run(context: &Context, arguments: Import) -> Result<(), Error> {
    let format = format(&arguments)?;
    let (source, length) = read::open(&arguments.file)?;
    let whose = whose(context, format, &arguments)?;
    // The bar is drawn on standard error, and only if that is a terminal.
    let bar = ProgressBar::new(length);
    style(&bar, "{bar:40} {bytes}/{total_bytes} {msg}");
    let lines: Box<dyn Iterator<Item = Line> + '_> = match &whose {
        None => read::lines(bar.wrap_read(source), format)?,
        Some(whose) => {
            let people = read::keycloak::users(bar.wrap_read(source), whose)?;
            // The whole file is read: from here on the bar counts people.
            bar.set_length(u64::try_from(people.len()).unwrap_or(u64::MAX));
            bar.set_position(0);
            style(&bar, "{bar:40} {pos}/{len} {msg}");
            Box::new(people.into_iter().inspect(|_| bar.inc(1)))
        }
    };
    let without = arguments.without_passwords;
    let lines = lines.map(|line| if without { line.without_password() } else { line });
    let name = arguments.file.display().to_string();
    let act = Act {
        act: if arguments.dry_run { "users import --dry-run" } else { "users import" },
        subject: format!("file {name}"),
        before: None,
        after: None,
    };
    let tally = context.acts().audited(act, import(context, lines, (arguments.dry_run, format.unit()), &bar)).await;
    bar.finish_and_clear();
    let tally = tally?;
    report(context, &tally, (arguments.dry_run, format.unit()))
}

fn style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

/// Whose the people of a file of Keycloak are.
fn whose(context: &Context, format: FileFormat, arguments: &Import) -> Result<Option<Whose>, Error> {
    match (format, &arguments.issuer) {
        (FileFormat::Keycloak, Some(issuer)) => {
            Ok(Some(Whose { issuer: issuer.clone(), users: context.catalogue.users_of(issuer)? }))
        }
        (FileFormat::Keycloak, None) => Err(read::needs_issuer()),
        (FileFormat::Csv | FileFormat::Jsonl, None) => Ok(None),
        (FileFormat::Csv | FileFormat::Jsonl, Some(issuer)) => {
            let words = "is for --format keycloak; in other files a link says it";
            Err(Error::Invalid(format!("--issuer {words}: the column links.{issuer}, or the member of `links`")))
        }
    }
}

fn format(arguments: &Import) -> Result<FileFormat, Error> {
    let ending = arguments.file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match (arguments.format, ending) {
        (Some(format), _) => Ok(format),
        (None, "csv") => Ok(FileFormat::Csv),
        (None, "jsonl" | "ndjson") => Ok(FileFormat::Jsonl),
        (None, _) => Err(Error::Invalid("say what the file holds: --format csv, jsonl or keycloak".to_owned())),
    }
}

async fn import(
    context: &Context,
    lines: impl Iterator<Item = Line>,
    (dry_run, unit): (bool, &'static str),
    bar: &ProgressBar,
) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    let mut claims = Claims::new(&context.catalogue, unit);
    let users = lines.map(|line| (line.number, claims.user(line)));
    let fates = stream::iter(users)
        .map(|(number, wanted)| async move { (number, Box::pin(fate(context, wanted, dry_run)).await) });
    let mut fates = std::pin::pin!(fates.buffer_unordered(AT_ONCE));
    while let Some((number, fate)) = fates.next().await {
        match fate {
            Fate::Imported => tally.imported = tally.imported.saturating_add(1),
            Fate::Linked => tally.linked = tally.linked.saturating_add(1),
            Fate::Skipped => tally.skipped = tally.skipped.saturating_add(1),
            Fate::Bad(reason) => tally.bad.push((number, reason)),
            Fate::Stopped(error) => {
                return Err(Error::ImportStopped { number, unit, reason: error.to_string() });
            }
        }
        bar.set_message(format!("{} imported, {} there already", tally.imported, tally.skipped));
    }
    tally.bad.sort_unstable();
    Ok(tally)
}

fn report(context: &Context, tally: &Tally, (dry_run, unit): (bool, &'static str)) -> Result<(), Error> {
    for (number, reason) in &tally.bad {
        crate::output::note(&format!("{unit} {number}: {reason}"));
    }
    let failed: Vec<_> = tally.bad.iter().map(|(number, reason)| json!({ unit: number, "reason": reason })).collect();
    let Tally { imported, linked, skipped, bad } = tally;
    let would = if dry_run { "would be " } else { "" };
    let words = format!(
        "{imported} {would}imported, {linked} who are there {would}linked, {skipped} skipped since they are there, {} refused",
        bad.len()
    );
    let result = json!({
        "imported": imported,
        "linked": linked,
        "skipped": skipped,
        "failed": failed,
        "dry_run": dry_run,
    });
    context.print.done(&words, &result);
    if bad.is_empty() {
        return Ok(());
    }
    let total = imported.saturating_add(*linked).saturating_add(*skipped).saturating_add(bad.len());
    Err(Error::Import { failed: bad.len(), total, unit })
}
