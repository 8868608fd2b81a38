//! Applications that register themselves (RFC 7591).

use crate::check::Findings;
use crate::file::File;
use gateway_domain::ids::PlanName;
use schemars::JsonSchema;
use serde::Deserialize;

/// Applications that register themselves, with an initial access token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The plan that they get. They are subscribed to no API.
    #[schemars(with = "crate::file::Name")]
    pub plan: PlanName,
}

pub(crate) fn check(file: &File, findings: &mut Findings) {
    if let Some(Registration { plan }) = &file.registration
        && !file.plans.contains_key(plan)
    {
        findings
            .add("registration.plan".to_owned(), format!("there is no plan `{plan}`: write one that is under `plans`"));
    }
}
