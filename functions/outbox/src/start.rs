//! Builds the outbox function when a container starts.

use crate::{Destinations, Outbox, Permitted, PublicClient};
use gateway_config::Gateway;
use gateway_domain::sealing::LetterKeys;
use gateway_invoke::Function;
use gateway_mail::{Mailer, NoSender, Sender, Ses, Smtp};
use gateway_runtime::{Environment, Platform, StartError};
use gateway_store::{Activity, Deliveries, Sessions, Users};
use std::fmt::Display;
use std::sync::Arc;

/// Reads keys, and chooses who carries mail: nobody without a sender, the mail server of `SMTP_URL` if there is one, otherwise
/// SES.
pub async fn start(platform: Platform) -> Result<Outbox, StartError> {
    let table = platform.table("OUTBOX_TABLE", gateway_store::Outbox::new)?;
    let users = platform.table("USERS_TABLE", Users::new)?;
    let sessions = platform.table("SESSIONS_TABLE", Sessions::new)?;
    let activity = platform.table("ACTIVITY_TABLE", Activity::new)?;
    let (named, expected) = ("RENEWAL_FUNCTION", "the name of the renewal function");
    let renewal = Function::of(&platform.environment, &platform.aws, named, expected)?;
    let (named, expected) = ("TOKEN_FUNCTION", "the name of the token function");
    let token = Function::of(&platform.environment, &platform.aws, named, expected)?;
    let permitted = match platform.environment.get("LOOPBACK_APPS") {
        Some("permitted") => Permitted::Loopback,
        _ => Permitted::Public,
    };
    let public_client = PublicClient::new(permitted).map_err(|error| invalid("TLS for applications", &error))?;
    let gateway = platform.environment.config_file()?.load(Gateway::load)?;
    let destinations = Destinations::of(&platform, &gateway).await;
    let deliveries = platform.table("OUTBOX_TABLE", Deliveries::new)?;
    let mailer = mailer(&platform)?;
    let letters = Box::pin(platform.keys("LETTER_KEYS_SECRET", LetterKeys::parse)).await?;
    let clock = platform.clock;
    Ok(Outbox {
        table,
        deliveries,
        users,
        sessions,
        activity,
        renewal,
        token,
        public_client,
        destinations,
        letters,
        mailer,
        clock,
    })
}

fn mailer(platform: &Platform) -> Result<Arc<dyn Mailer>, StartError> {
    let environment: &Environment = &platform.environment;
    let Some(from) = environment.get("MAIL_FROM") else { return Ok(Arc::new(NoSender)) };
    let sender = Sender::parse(from).map_err(|error| invalid("MAIL_FROM", &error))?;
    if let Some(url) = environment.get("SMTP_URL") {
        return Ok(Arc::new(Smtp::new(url, sender).map_err(|error| invalid("SMTP_URL", &error))?));
    }
    let endpoint = environment.get("AWS_ENDPOINT_URL_SESV2");
    Ok(Arc::new(Ses::new(platform.aws.shared(), endpoint, sender, environment.get("MAIL_CONFIGURATION_SET"))))
}

fn invalid(what: &str, error: &dyn Display) -> StartError {
    StartError::Invalid { what: what.to_owned(), reason: error.to_string() }
}
