//! Amazon SES (API v2, `SendEmail`). Subject and bodies are fields of their own there, so that nothing in them is a header.

use crate::{Mail, Mailer, NotSent, Sender};
use async_trait::async_trait;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_sdk_sesv2::config::{BehaviorVersion, Builder};
use aws_sdk_sesv2::error::{BuildError, ProvideErrorMetadata as _};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageHeader};
use aws_types::SdkConfig;
use gateway_domain::causes;
use std::time::Duration;

/// How long SES may take for a mail.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends through SES.
#[derive(Debug, Clone)]
pub struct Ses {
    client: Client,
    sender: Sender,
    configuration_set: Option<String>,
}

impl Ses {
    /// SES with this configuration of all AWS clients. `endpoint` is another address than Amazon's. The configuration set says
    /// whom SES tells of bounces and complaints.
    pub fn new(shared: &SdkConfig, endpoint: Option<&str>, sender: Sender, configuration_set: Option<&str>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(TIMEOUT)
            .operation_timeout(TIMEOUT)
            .build();
        // Not retried: whoever sends tries again later, and a mail whose response was lost would be sent twice at once.
        let mut config = Builder::from(shared)
            .behavior_version(BehaviorVersion::latest())
            .timeout_config(timeouts)
            .retry_config(RetryConfig::disabled());
        config.set_endpoint_url(endpoint.map(str::to_owned));
        let configuration_set = configuration_set.map(str::to_owned);
        Self { client: Client::from_conf(config.build()), sender, configuration_set }
    }
}

/// The content. `Auto-Submitted` keeps answering machines from answering (RFC 3834 §5).
fn content(mail: &Mail) -> Result<EmailContent, BuildError> {
    let utf_8 = |text: &str| Content::builder().data(text).charset("UTF-8").build();
    let body = Body::builder().text(utf_8(&mail.text)?).html(utf_8(&mail.html)?).build();
    let header = MessageHeader::builder().name("Auto-Submitted").value("auto-generated").build()?;
    let message = Message::builder().subject(utf_8(&mail.subject)?).body(body).headers(header).build();
    Ok(EmailContent::builder().simple(message).build())
}

#[async_trait]
impl Mailer for Ses {
    async fn send(&self, mail: &Mail, _id: &str) -> Result<(), NotSent> {
        let content = content(mail).map_err(|error| NotSent::Refused(error.to_string()))?;
        let sent = self
            .client
            .send_email()
            .from_email_address(self.sender.named(&mail.service))
            .destination(Destination::builder().to_addresses(mail.to.as_str()).build())
            .content(content)
            .set_configuration_set_name(self.configuration_set.clone())
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        let reason = match error.as_service_error().and_then(|answered| Some((answered.code()?, answered.message()))) {
            // The message may quote the address: the code alone says what to do.
            Some((code, _)) => code.to_owned(),
            None => causes(&error),
        };
        Err(match error.as_service_error() {
            Some(SendEmailError::BadRequestException(_) | SendEmailError::MessageRejected(_)) => {
                NotSent::Refused(reason)
            }
            _ => NotSent::Unavailable(reason),
        })
    }
}
