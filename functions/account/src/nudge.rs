//! Asks the outbox function to send a mail that was just written. Nothing is lost if that fails: its schedule finds the mail.

use aws_sdk_lambda::config::{BehaviorVersion, Builder};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use aws_sdk_lambda::{Client, Config};
use gateway_domain::causes;
use gateway_domain::ids::MailId;
use gateway_domain::outbox::send_event;
use gateway_runtime::{Aws, Environment, StartError};

/// The outbox function.
#[derive(Debug, Clone)]
pub struct Nudge {
    function: String,
    client: Client,
}

impl Nudge {
    /// The function that `OUTBOX_FUNCTION` names.
    pub fn new(environment: &Environment, aws: &Aws) -> Result<Self, StartError> {
        let function = environment.require("OUTBOX_FUNCTION", "the name of the outbox function")?.to_owned();
        let mut config: Builder = Config::from(aws.shared()).to_builder().behavior_version(BehaviorVersion::latest());
        config.set_endpoint_url(environment.get("AWS_ENDPOINT_URL_LAMBDA").map(str::to_owned));
        Ok(Self { function, client: Client::from_conf(config.build()) })
    }

    /// Asks for a mail to be sent.
    pub(crate) async fn send(&self, mail: &MailId) {
        let invoke = self.client.invoke().function_name(&self.function).invocation_type(InvocationType::Event);
        if let Err(error) = invoke.payload(Blob::new(send_event(mail).to_string())).send().await {
            tracing::warn!(%mail, reason = causes(&error), "the outbox function could not be asked; its schedule finds the mail");
        }
    }
}
