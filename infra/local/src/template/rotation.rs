//! Reads which function rotates which secret.

use super::TemplateError;
use super::cursor::At;
use super::resolve::{Scope, id_of_arn};

/// A rotation. AWS does it on a schedule; here it is only done on request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Name of the secret.
    pub secret: String,
    /// Logical id of the function.
    pub function: String,
}

pub(super) fn read(resource: &At, scope: &Scope) -> Result<Rotation, TemplateError> {
    let parts = resource.fields(&["Type", "Properties", "Condition", "DependsOn"])?;
    let properties = scope.resolve(&parts.required("Properties")?)?;
    let fields = properties.fields(&["SecretId", "RotationLambdaARN", "RotateImmediatelyOnUpdate", "RotationRules"])?;
    // A rotation at the end of a deployment would make the first next key current when it is still too young.
    fields.required("RotateImmediatelyOnUpdate")?.one_of(&["false"])?;
    fields.required("RotationRules")?;
    let function = fields.required("RotationLambdaARN")?;
    let Some(id) = id_of_arn(function.text()?) else { return Err(function.error("must be !GetAtt Function.Arn")) };
    Ok(Rotation { secret: fields.required("SecretId")?.text()?.to_owned(), function: id.to_owned() })
}
