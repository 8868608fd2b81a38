//! Where people are kept who have no password here: at a legacy system, or at a system of the company that a hook asks.

use crate::check::{Findings, tls};
use crate::connector::{ConnectorConfig, Whose};
use crate::file::File;
use crate::localized::{LocalizedText, WrittenText};
use crate::{HttpUrl, NotAllowed, SecretName, Tls, WebLink, duration};
use gateway_domain::address::Address;
use gateway_domain::ids::ConnectorName;
use gateway_domain::time::Seconds;
use schemars::JsonSchema;
use serde::Deserialize;

/// Who checks the passwords of people who have none here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// The connector whose legacy system checks them. It has to be one with `password: theirs`.
    #[schemars(with = "Option<crate::file::Name>")]
    pub connector: Option<ConnectorName>,
    /// The system of the company that checks them.
    pub validate_user_pass: Option<Hook>,
    /// The domain of names that are typed without one: `alice` is then `alice@example.com`. A connector logs in with what was
    /// typed before the @.
    pub domain: Option<Domain>,
    /// With `validate_user_pass`: its name for users, or one for each language.
    #[schemars(with = "Option<WrittenText>")]
    pub label: Option<LocalizedText>,
    /// With `validate_user_pass`: where a forgotten password is replaced. Without it, pages lead nowhere.
    pub reset_url: Option<WebLink>,
    /// With `validate_user_pass`: where a password is changed. Without it, pages lead nowhere.
    pub change_url: Option<WebLink>,
}

/// A system of the company that is asked: over HTTP or as a function of AWS Lambda.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// Where the request is posted to.
    pub url: Option<HttpUrl>,
    /// With `url`: the secret with the key that signs requests, `whsec_` and base64.
    pub secret: Option<SecretName>,
    /// The name or ARN of a function that is invoked instead. IAM says who may.
    pub function: Option<FunctionName>,
    /// How long the answer may take, 1 s to 10 s.
    #[serde(default = "default_timeout", deserialize_with = "duration::seconds")]
    #[schemars(with = "duration::Text", extend("default" = "3s"))]
    pub timeout: Seconds,
    /// With `url`: permits one with `http` that is not on this machine. What is sent, passwords too, then travels unencrypted.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// With `url`: whom to trust there, and how the gateway authenticates. Without it, the public authorities are trusted.
    pub tls: Option<Tls>,
    /// Of a hook that decides what could be decided without it: what happens while it does not answer.
    pub when_down: Option<WhenDown>,
}

/// What happens while a hook does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenDown {
    /// It goes on as if there were no hook.
    Allow,
    /// It is refused for now: 503, and the app tries again.
    Refuse,
}

const fn default_timeout() -> Seconds {
    Seconds::new(3)
}

/// The name or ARN of a function of AWS Lambda.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[A-Za-z0-9:_-]{1,170}$"))]
pub struct FunctionName(String);

impl FunctionName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FunctionName {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let known = |b: u8| b.is_ascii_alphanumeric() || b":_-".contains(&b);
        if text.is_empty() || text.len() > 170 || !text.bytes().all(known) {
            return Err(NotAllowed::new(format!(
                "`{text}` is not a function: write its name or ARN, such as arn:aws:lambda:eu-central-1:123456789012:function:people"
            )));
        }
        Ok(Self(text))
    }
}

/// The domain of an address, in its canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Domain(String);

impl Domain {
    /// The domain as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Domain {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let address = Address::parse(&format!("name@{text}")).ok();
        let domain = address.as_ref().and_then(|address| address.as_str().split_once('@'));
        domain.map(|(_, domain)| Self(domain.to_owned())).ok_or_else(|| {
            NotAllowed::new(format!("`{text}` is not the domain of an address: write one such as example.com"))
        })
    }
}

pub(crate) fn check(file: &File, findings: &mut Findings) {
    const FIELD: &str = "accounts.directory";
    let Some(directory) = &file.accounts.directory else { return };
    if file.accounts.sign_up {
        findings.add(
            "accounts.sign_up".to_owned(),
            "people are kept in a directory, which alone takes new ones: write false, or remove `directory`",
        );
    }
    match (&directory.connector, &directory.validate_user_pass) {
        (None, None) => findings.add(FIELD.to_owned(), "says nobody: write `connector` or `validate_user_pass`"),
        (Some(_), Some(_)) => {
            findings.add(format!("{FIELD}.validate_user_pass"), "one alone checks passwords: keep this or `connector`");
        }
        (Some(name), None) => {
            let rule = file.connectors.get(name).map(ConnectorConfig::password);
            let kerberos = matches!(file.connectors.get(name), Some(ConnectorConfig::KerberosPassword(_)));
            let reason = match rule {
                // It proves the person to the KDC, and nothing proves the KDC to the gateway: the back end does, at a call.
                Some(_) if kerberos => {
                    Some(format!("`{name}` cannot tell a KDC from whoever answers like one: write another connector"))
                }
                None => Some(format!("there is no connector `{name}`: write one of `connectors`")),
                Some(None) => Some(format!("`{name}` checks no password: write a connector that does")),
                Some(Some(rule)) => (rule.whose != Whose::Theirs)
                    .then(|| format!("write `password: theirs` at `{name}`, whose system then has the passwords")),
            };
            if let Some(reason) = reason {
                findings.add(format!("{FIELD}.connector"), reason);
            }
            let of_hook = [
                ("label", directory.label.is_some()),
                ("reset_url", directory.reset_url.is_some()),
                ("change_url", directory.change_url.is_some()),
            ];
            for (field, _) in of_hook.into_iter().filter(|(_, there)| *there) {
                findings.add(format!("{FIELD}.{field}"), format!("is of the connector: write it at `{name}`"));
            }
        }
        (None, Some(hook)) => {
            let field = format!("{FIELD}.validate_user_pass");
            check_hook(&field, hook, findings);
            if hook.when_down.is_some() {
                findings.add(format!("{field}.when_down"), "nobody else can check the password: remove it");
            }
        }
    }
}

pub(crate) fn check_hook(field: &str, hook: &Hook, findings: &mut Findings) {
    match (&hook.url, &hook.function) {
        (None, None) => findings.add(field.to_owned(), "asks nobody: write `url` or `function`"),
        (Some(_), Some(_)) => findings.add(format!("{field}.function"), "one alone is asked: keep this or `url`"),
        (Some(url), None) => {
            if hook.secret.is_none() {
                findings
                    .add(field.to_owned(), "requests are signed: write `secret`, the name of the secret with the key");
            }
            if url.origin().is_exposed() && !hook.allow_plain_http {
                findings.add(
                    format!("{field}.url"),
                    "what is sent would travel unencrypted: write https, or `allow_plain_http: true`",
                );
            }
            tls::check(field, hook.tls.as_ref(), url.origin(), findings);
        }
        (None, Some(_)) => {
            let of_url = [("secret", hook.secret.is_some()), ("tls", hook.tls.is_some())];
            for (part, _) in of_url.into_iter().filter(|(_, there)| *there) {
                findings.add(format!("{field}.{part}"), "is of a `url`: IAM guards a function. Remove it");
            }
        }
    }
    findings.within(format!("{field}.timeout"), hook.timeout, 1, 10);
}
