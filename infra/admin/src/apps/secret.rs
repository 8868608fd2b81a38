//! Client secrets: made here, printed once, stored as hashes. After a rotation the previous one is valid for a stated time.

use super::change;
use crate::cli::RotateSecret;
use crate::context::Context;
use crate::date_time;
use crate::error::Error;
use gateway_domain::ids::ClientId;
use gateway_domain::secret::{Secret, sha256_hex};
use gateway_domain::time::Seconds;
use gateway_store::{App, AppKind, PreviousSecret};
use serde_json::json;

/// The longest overlap. It is bounded because either of two valid secrets can leak.
const MAX_OVERLAP: Seconds = Seconds::new(90 * 86_400);

/// Gives an application a new secret of 256 random bits, in characters that need no encoding in forms, headers and shells.
pub(super) fn new(app: &mut App) -> Result<Secret, Error> {
    let bytes: [u8; 32] = gateway_runtime::SystemEntropy.bytes()?;
    let mut text = "mgs_".to_owned();
    for byte in bytes {
        // Writing into a String cannot fail.
        let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}"));
    }
    app.secret_hash = Some(sha256_hex(text.as_bytes()));
    Ok(Secret::new(text))
}

/// `apps rotate-secret`
pub(super) async fn rotate(context: &Context, arguments: RotateSecret) -> Result<(), Error> {
    let overlap = if arguments.now { Seconds::new(0) } else { arguments.overlap.0 };
    if overlap > MAX_OVERLAP {
        return Err(Error::Invalid("an overlap is at most 90d: end it sooner and rotate again".to_owned()));
    }
    let now = date_time::now();
    let mut secret = None;
    let set = |app: &mut App| {
        if arguments.in_place_of_keys && app.jwks.take().is_none() {
            return Err(Error::Refused(format!("app {} has no keys: leave out --in-place-of-keys", app.client_id)));
        }
        confidential(app)?;
        let running = app.previous_secret.as_ref().filter(|previous| now < previous.until);
        if let (Some(running), false) = (running, arguments.now) {
            return Err(Error::Refused(format!(
                "the secret before still works until {}, and a third one would end it: say so first with \
                 `gateway-admin apps end-overlap {}`, or end all but the new one with --now",
                date_time::text(running.until),
                app.client_id
            )));
        }
        let until = now.saturating_add(overlap);
        app.previous_secret = app.secret_hash.take().filter(|_| now < until).map(|hash| PreviousSecret { hash, until });
        secret = Some(new(app)?);
        Ok(())
    };
    let (app, _) = change(context, &arguments.client_id, "apps rotate-secret", set).await?;
    let until = app.previous_secret.as_ref().map(|previous| date_time::text(previous.until));
    told_once();
    context.print.one(&json!({
        "client_id": app.client_id,
        "client_secret": secret.as_ref().map(Secret::expose),
        "previous_secret_until": until,
    }));
    Ok(())
}

/// `apps end-overlap`
pub(super) async fn end_overlap(context: &Context, client_id: &ClientId) -> Result<(), Error> {
    let set = |app: &mut App| {
        confidential(app)?;
        app.previous_secret = None;
        Ok(())
    };
    change(context, client_id, "apps end-overlap", set).await?;
    let result = json!({ "client_id": client_id, "previous_secret_until": null });
    context.print.done(&format!("only the newest secret of app {client_id} works"), &result);
    Ok(())
}

/// Checklist G-26: a public application has no secret, and neither has one with keys.
fn confidential(app: &App) -> Result<(), Error> {
    match app.kind {
        AppKind::Confidential if app.jwks.is_some() => {
            let words =
                "authenticates by its keys and has no secret: `apps rotate-secret --in-place-of-keys` makes one";
            Err(Error::Refused(format!("app {} {words}", app.client_id)))
        }
        AppKind::Confidential => Ok(()),
        AppKind::Public => Err(Error::Refused(format!("app {} is public and has no secret", app.client_id))),
    }
}

pub(super) fn told_once() {
    crate::output::note("The client secret is printed this once: keep it where the app will find it.");
}
