//! The hook `registered`: the company is told of a new user, and may answer by which names its legacy systems know the user.

use crate::AuthorizationServer;
use crate::error::Failure;
use crate::provider::NotAnswered;
use gateway_domain::address::name_at_a_back_end;
use gateway_domain::provider_event::{Links, RegisteredRequest};
use gateway_telemetry::{Ended, Remote};
use serde_json::json;
use std::collections::BTreeMap;

const REGISTERED: &str = "registered";

impl AuthorizationServer {
    /// Tells the hook of a user, and answers with the names that it says, none of which is noted here: this function links nobody.
    pub(crate) async fn registered(&self, asked: &RegisteredRequest) -> Result<Links, NotAnswered> {
        // Another container has read a newer configuration.
        let Some(hook) = self.hooks.registered() else {
            return Err(NotAnswered::Failed(format!("there is no hook `{REGISTERED}` here")));
        };
        let user = self.users.get(&asked.user_id).await.map_err(Failure::from)?;
        let Some(user) = user else {
            tracing::info!(user = %asked.user_id, "a new user is gone before the hook was told");
            return Ok(Links::default());
        };
        let data = json!({
            "event": asked.event,
            "user_id": user.user_id,
            "email": user.email,
            "email_verified": user.email_verified,
            "profile": user.profile,
        });
        let now = self.now().map_err(Failure::from)?;
        let traced = gateway_telemetry::exchange(Remote::Connector(REGISTERED));
        let answer = hook.ask::<Links>(REGISTERED, data, now).await;
        traced.ended(if answer.is_ok() { Ended::Done } else { Ended::Failed });
        let wrong = |reason: String| NotAnswered::Failed(format!("{REGISTERED}: {reason}"));
        let Links { links } = answer.map_err(|error| wrong(error.to_string()))?;
        let mut sound = BTreeMap::new();
        for (connector, name) in links {
            if self.config.connector(&connector).is_none() {
                return Err(wrong(format!("it answered a name at `{connector}`, which is no connector")));
            }
            let name = name_at_a_back_end(&name).map_err(|_| wrong(format!("its name at `{connector}` is none")))?;
            sound.insert(connector, name);
        }
        tracing::info!(user = %user.user_id, links = sound.len(), "the hook was told of a new user");
        Ok(Links { links: sound })
    }
}
