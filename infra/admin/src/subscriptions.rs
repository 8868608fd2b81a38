//! `subscriptions …`: which APIs an application may call, and the subscription id that back ends receive.

use crate::apps::{change, registered};
use crate::cli::Subscriptions;
use crate::context::Context;
use crate::error::Error;
use gateway_domain::ids::{ApiName, ClientId, HeaderText, PlanName};
use gateway_store::{App, Subscription};
use serde_json::json;

pub(crate) async fn run(context: &Context, command: Subscriptions) -> Result<(), Error> {
    let (client_id, act, changed) = match command {
        Subscriptions::List { client_id } => return list(context, &client_id).await,
        Subscriptions::Add { client_id, api, id, plan } => {
            context.catalogue.check_api(&api)?;
            check_plan(context, plan.as_ref())?;
            let add = |app: &mut App| add(app, &api, id.as_ref(), plan.clone());
            let change = change(context, &client_id, "subscriptions add", add).await;
            (client_id, "added", change)
        }
        Subscriptions::Change { client_id, api, id, plan, no_plan } => {
            check_plan(context, plan.as_ref())?;
            let set = |subscription: &mut Subscription| {
                if let Some(id) = &id {
                    id.as_str().clone_into(&mut subscription.id);
                }
                if plan.is_some() || no_plan {
                    subscription.plan.clone_from(&plan);
                }
            };
            let change = change(context, &client_id, "subscriptions change", |app| with(app, &api, set)).await;
            (client_id, "changed", change)
        }
        Subscriptions::Disable { client_id, api } => {
            let set = |subscription: &mut Subscription| subscription.enabled = false;
            let change = change(context, &client_id, "subscriptions disable", |app| with(app, &api, set)).await;
            (client_id, "disabled", change)
        }
        Subscriptions::Enable { client_id, api } => {
            let set = |subscription: &mut Subscription| subscription.enabled = true;
            let change = change(context, &client_id, "subscriptions enable", |app| with(app, &api, set)).await;
            (client_id, "enabled", change)
        }
        Subscriptions::Remove { client_id, api } => {
            let remove = |app: &mut App| match app.subscriptions.remove(&api) {
                Some(_) => Ok(()),
                None => Err(none(app, &api)),
            };
            let change = change(context, &client_id, "subscriptions remove", remove).await;
            (client_id, "removed", change)
        }
    };
    let (app, _) = changed?;
    let subscriptions = json!({ "client_id": client_id, "subscriptions": app.subscriptions });
    context.print.done(&format!("subscription {act}"), &subscriptions);
    Ok(())
}

/// A new subscription, with the default id.
pub(crate) fn new(client_id: &ClientId, api: &ApiName) -> Subscription {
    Subscription { id: format!("{client_id}-{api}"), enabled: true, plan: None }
}

fn check_plan(context: &Context, plan: Option<&PlanName>) -> Result<(), Error> {
    plan.map_or(Ok(()), |plan| context.catalogue.check_plan(plan))
}

fn add(app: &mut App, api: &ApiName, id: Option<&HeaderText>, plan: Option<PlanName>) -> Result<(), Error> {
    let mut subscription = new(&app.client_id, api);
    if let Some(id) = id {
        id.as_str().clone_into(&mut subscription.id);
    }
    subscription.plan = plan;
    if app.subscriptions.contains_key(api) {
        return Err(Error::Taken(format!("a subscription of {} to {api}", app.client_id)));
    }
    app.subscriptions.insert(api.clone(), subscription);
    Ok(())
}

fn with(app: &mut App, api: &ApiName, set: impl FnOnce(&mut Subscription)) -> Result<(), Error> {
    match app.subscriptions.get_mut(api) {
        Some(subscription) => {
            set(subscription);
            Ok(())
        }
        None => Err(none(app, api)),
    }
}

fn none(app: &App, api: &ApiName) -> Error {
    Error::NoSubscription { client_id: app.client_id.clone(), api: api.clone() }
}

async fn list(context: &Context, client_id: &ClientId) -> Result<(), Error> {
    let (app, _) = registered(context, client_id).await?;
    let row = |(api, subscription): (&ApiName, &Subscription)| json!({ "api": api, "id": subscription.id, "plan": subscription.plan, "enabled": subscription.enabled });
    let items: Vec<_> = app.subscriptions.iter().map(row).collect();
    context.print.list(&[("API", "/api"), ("ID", "/id"), ("PLAN", "/plan"), ("ENABLED", "/enabled")], &items, None);
    Ok(())
}
