//! Which APIs an application may call, and the subscription id that back ends receive.

use crate::{ActError, AppActs, SubscriptionChanges};
use gateway_domain::ids::{ApiName, ClientId};
use gateway_store::{App, Subscription};

/// A new subscription, with the default id.
pub(crate) fn new(client_id: &ClientId, api: &ApiName) -> Subscription {
    Subscription { id: format!("{client_id}-{api}"), enabled: true, plan: None }
}

impl AppActs<'_> {
    /// Subscribes an application to an API.
    ///
    /// # Errors
    /// [`ActError::Taken`] if it is; [`ActError::Fields`]; and those of [`AppActs::change_with`].
    pub async fn subscribe(
        &self,
        client_id: &ClientId,
        api: &ApiName,
        changes: SubscriptionChanges,
    ) -> Result<App, ActError> {
        self.known(Some(api), &changes)?;
        let add = |app: &mut App| {
            if app.subscriptions.contains_key(api) {
                return Err(ActError::Taken(format!("a subscription of {client_id} to {api}")));
            }
            let mut subscription = new(client_id, api);
            changes.apply(&mut subscription);
            app.subscriptions.insert(api.clone(), subscription);
            Ok(())
        };
        Ok(self.change_with(client_id, "subscriptions add", add).await?.0)
    }

    /// Changes a subscription.
    ///
    /// # Errors
    /// [`ActError::NoSubscription`]; [`ActError::Fields`]; and those of [`AppActs::change_with`].
    pub async fn change_subscription(
        &self,
        client_id: &ClientId,
        api: &ApiName,
        changes: SubscriptionChanges,
    ) -> Result<App, ActError> {
        self.known(None, &changes)?;
        let act = match &changes {
            SubscriptionChanges { id: None, plan: None, enabled: Some(true) } => "subscriptions enable",
            SubscriptionChanges { id: None, plan: None, enabled: Some(false) } => "subscriptions disable",
            SubscriptionChanges { .. } => "subscriptions change",
        };
        let set = |app: &mut App| match app.subscriptions.get_mut(api) {
            Some(subscription) => {
                changes.apply(subscription);
                Ok(())
            }
            None => Err(none(client_id, api)),
        };
        Ok(self.change_with(client_id, act, set).await?.0)
    }

    /// Takes a subscription away.
    ///
    /// # Errors
    /// [`ActError::NoSubscription`]; and those of [`AppActs::change_with`].
    pub async fn unsubscribe(&self, client_id: &ClientId, api: &ApiName) -> Result<App, ActError> {
        let remove = |app: &mut App| match app.subscriptions.remove(api) {
            Some(_) => Ok(()),
            None => Err(none(client_id, api)),
        };
        Ok(self.change_with(client_id, "subscriptions remove", remove).await?.0)
    }

    fn known(&self, api: Option<&ApiName>, changes: &SubscriptionChanges) -> Result<(), ActError> {
        let plan = changes.plan.as_ref().and_then(Option::as_ref);
        let wrong =
            [api.and_then(|api| self.names.api("api", api)), plan.and_then(|plan| self.names.plan("plan", plan))];
        let wrong: Vec<_> = wrong.into_iter().flatten().collect();
        if wrong.is_empty() { Ok(()) } else { Err(ActError::Fields(wrong)) }
    }
}

impl SubscriptionChanges {
    fn apply(self, subscription: &mut Subscription) {
        if let Some(id) = self.id {
            id.as_str().clone_into(&mut subscription.id);
        }
        if let Some(enabled) = self.enabled {
            subscription.enabled = enabled;
        }
        if let Some(plan) = self.plan {
            subscription.plan = plan;
        }
    }
}

fn none(client_id: &ClientId, api: &ApiName) -> ActError {
    ActError::NoSubscription { client_id: client_id.clone(), api: api.clone() }
}
