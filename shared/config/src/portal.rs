//! What developers find in the portal: who may register applications, and the APIs and plans that are offered.

use crate::NotAllowed;
use crate::check::Findings;
use crate::file::File;
use gateway_domain::address::Address;
use gateway_domain::ids::PlanName;
use schemars::JsonSchema;
use serde::Deserialize;

/// Developers, who register applications and subscribe them to the APIs that have an `offer`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeveloperPortal {
    /// Who may make an organization, whose members register applications.
    #[serde(default)]
    pub developers: Developers,
    /// The plan of their applications, which limits each user.
    #[schemars(with = "crate::file::Name")]
    pub plan: PlanName,
    /// Who gets a mail when something waits for an approval. Without it, nobody does, and the page of requests shows it.
    #[schemars(with = "Option<String>")]
    pub requests_to: Option<Address>,
    /// Whether an application may name an https address on the Internet that is told of what happens to it. In AWS it needs `Events=on`.
    #[serde(default)]
    pub webhooks: bool,
}

/// Who may make an organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Developers {
    /// Who has the role `developer`. Its owners invite others.
    #[default]
    Invited,
    /// Everybody who has an account with a proved address.
    Anyone,
}

/// How an API is offered to developers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiOffer {
    /// What it is for, 1 to 500 characters.
    pub about: About,
    /// Whether a subscription waits until an administrator approves it.
    #[serde(default = "yes")]
    pub approval: bool,
    /// Its description by the OpenAPI specification 3.0 or 3.1, as YAML or JSON: the name of a file beside gateway.yaml, such as
    /// `orders.openapi.yaml`, of at most 1 MiB.
    pub documentation: Option<FileName>,
}

/// How a plan is offered to developers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanOffer {
    /// What it is for, 1 to 500 characters.
    pub about: About,
    /// Whether a subscription with it waits until an administrator approves it.
    #[serde(default)]
    pub approval: bool,
}

/// A text for developers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("minLength" = 1, "maxLength" = 500))]
pub struct About(String);

/// The name of a file beside gateway.yaml.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.openapi\.(yaml|yml|json)$", "maxLength" = 100))]
pub struct FileName(String);

impl About {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for About {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let text = text.trim().to_owned();
        if text.is_empty() || text.chars().count() > 500 || text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(NotAllowed::new("write a sentence for developers, of 1 to 500 characters".to_owned()));
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for FileName {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let name = [".yaml", ".yml", ".json"].iter().find_map(|end| text.strip_suffix(end));
        let name = name.and_then(|name| name.strip_suffix(".openapi"));
        let plain =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if text.len() > 100 || !name.is_some_and(|name| name.split('.').all(plain)) {
            return Err(NotAllowed::new(format!(
                "`{text}` is no description that can be deployed: write the name of a file beside gateway.yaml, without a folder, \
                 such as orders.openapi.yaml"
            )));
        }
        Ok(Self(text))
    }
}

const fn yes() -> bool {
    true
}

pub(crate) fn check(file: &File, findings: &mut Findings) {
    let offers = file.apis.iter().filter(|(_, api)| api.offer.is_some()).map(|(name, _)| format!("apis.{name}.offer"));
    let plans = file.plans.iter().filter(|(_, plan)| plan.offer.is_some());
    let plans = plans.map(|(name, _)| format!("plans.{name}.offer"));
    let Some(portal) = &file.portal else {
        for field in offers.chain(plans) {
            findings.add(field, "there is no portal in which developers would see it: write `portal`, or remove this");
        }
        return;
    };
    if !file.plans.contains_key(&portal.plan) {
        let plan = &portal.plan;
        findings.add("portal.plan".to_owned(), format!("there is no plan `{plan}`: write one that is under `plans`"));
    }
    if offers.count() == 0 {
        findings
            .add("portal".to_owned(), "developers could subscribe to nothing: give an API an `offer`, or remove this");
    }
}
