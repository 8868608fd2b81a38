//! `subscriptions …`: which APIs an application may call, and the subscription id that back ends receive.

use crate::cli::Subscriptions;
use crate::context::Context;
use crate::error::Error;
use gateway_administration::SubscriptionChanges;
use gateway_domain::ids::{ApiName, ClientId};
use gateway_store::Subscription;
use serde_json::json;

/// The columns of its list.
pub(crate) const COLUMNS: [(&str, &str); 4] =
    [("API", "/api"), ("ID", "/id"), ("PLAN", "/plan"), ("ENABLED", "/enabled")];

pub(crate) async fn run(context: &Context, command: Subscriptions) -> Result<(), Error> {
    let acts = context.acts();
    let apps = context.app_acts(&acts)?;
    let (client_id, done, changed) = match command {
        Subscriptions::List { client_id } => return list(context, &client_id).await,
        Subscriptions::Add { client_id, api, id, plan } => {
            let changes = SubscriptionChanges { id, enabled: None, plan: plan.map(Some) };
            let change = apps.subscribe(&client_id, &api, changes).await;
            (client_id, "added", change)
        }
        Subscriptions::Change { client_id, api, id, plan, no_plan } => {
            let plan = if no_plan { Some(None) } else { plan.map(Some) };
            let change =
                apps.change_subscription(&client_id, &api, SubscriptionChanges { id, enabled: None, plan }).await;
            (client_id, "changed", change)
        }
        Subscriptions::Disable { client_id, api } => {
            let change = apps.change_subscription(&client_id, &api, enabled(false)).await;
            (client_id, "disabled", change)
        }
        Subscriptions::Enable { client_id, api } => {
            let change = apps.change_subscription(&client_id, &api, enabled(true)).await;
            (client_id, "enabled", change)
        }
        Subscriptions::Remove { client_id, api } => {
            let change = apps.unsubscribe(&client_id, &api).await;
            (client_id, "removed", change)
        }
    };
    let subscriptions = json!({ "client_id": client_id, "subscriptions": changed?.subscriptions });
    context.print.done(&format!("subscription {done}"), &subscriptions);
    Ok(())
}

fn enabled(enabled: bool) -> SubscriptionChanges {
    SubscriptionChanges { enabled: Some(enabled), ..SubscriptionChanges::default() }
}

async fn list(context: &Context, client_id: &ClientId) -> Result<(), Error> {
    let (app, _) = context.app_acts(&context.acts())?.registered(client_id).await?;
    let row = |(api, subscription): (&ApiName, &Subscription)| json!({ "api": api, "id": subscription.id, "plan": subscription.plan, "enabled": subscription.enabled });
    let items: Vec<_> = app.subscriptions.iter().map(row).collect();
    context.print.list(&COLUMNS, &items, None);
    Ok(())
}
