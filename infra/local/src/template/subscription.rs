//! Reads which functions SNS tells.

use super::TemplateError;
use super::cursor::At;
use super::resolve::{Scope, id_of_arn};

/// A function that SNS tells what is published to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Logical id of the topic.
    pub topic: String,
    /// Logical id of the function.
    pub function: String,
}

pub(super) fn read(resource: &At, scope: &Scope) -> Result<Subscription, TemplateError> {
    let parts = resource.fields(&["Type", "Properties", "Condition", "DependsOn"])?;
    let properties = scope.resolve(&parts.required("Properties")?)?;
    let fields = properties.fields(&["Protocol", "TopicArn", "Endpoint"])?;
    fields.required("Protocol")?.one_of(&["lambda"])?;
    let function = fields.required("Endpoint")?;
    let Some(id) = id_of_arn(function.text()?) else { return Err(function.error("must be !GetAtt Function.Arn")) };
    Ok(Subscription { topic: fields.required("TopicArn")?.text()?.to_owned(), function: id.to_owned() })
}
