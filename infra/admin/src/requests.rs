//! `requests …`: what developers wait for, and the decision on it.

use crate::cli::Requests;
use crate::context::Context;
use crate::error::Error;
use gateway_administration::shown;
use gateway_domain::ids::ClientId;

/// The columns of its list.
pub(crate) const COLUMNS: [(&str, &str); 4] =
    [("CLIENT_ID", "/client_id"), ("NAME", "/name"), ("SINCE", "/requested/at"), ("BY", "/requested/by")];

pub(crate) async fn run(context: &Context, command: Requests) -> Result<(), Error> {
    let acts = context.acts();
    let mut apps = context.app_acts(&acts)?;
    match command {
        Requests::List { limit, after } => list(context, usize::from(limit), after).await,
        Requests::Show { client_id } => {
            let (app, revision) = apps.registered(&client_id).await?;
            context.print.one(&shown(&app, revision));
            Ok(())
        }
        Requests::Approve { client_id, revision } => {
            apps.only_at = Some(revision);
            let (app, revision) = apps.approve(&client_id).await?;
            context.print.done(&decided(&client_id, "approved"), &shown(&app, revision));
            Ok(())
        }
        Requests::Refuse { client_id, revision, reason } => {
            apps.only_at = Some(revision);
            let (app, revision) = apps.refuse(&client_id, &reason).await?;
            context.print.done(&decided(&client_id, "refused"), &shown(&app, revision));
            Ok(())
        }
    }
}

/// What is said of a decision.
pub(crate) fn decided(client_id: &ClientId, how: &str) -> String {
    format!("what the developers of {client_id} asked for is {how}; they read it on their page")
}

async fn list(context: &Context, limit: usize, after: Option<ClientId>) -> Result<(), Error> {
    let developers = &context.connection.store.developers;
    let page = developers.organizations.waiting(after.as_ref(), limit).await?;
    let next = page.items.last().filter(|_| page.more).map(|one| one.client_id.to_string());
    let mut items = Vec::new();
    for waiting in &page.items {
        let found = developers.apps.get_to_change(&waiting.client_id).await?;
        items.extend(found.filter(|(app, _)| app.requested.is_some()).map(|(app, revision)| shown(&app, revision)));
    }
    context.print.list(&COLUMNS, &items, next.as_deref());
    Ok(())
}
