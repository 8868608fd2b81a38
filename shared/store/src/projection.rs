//! Reads of some attributes of an item. A role can limit a function to attributes only if its reads name them (decision
//! 0026).

use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;

/// The read of these attributes and of the version `v`, which every read checks.
pub(crate) fn of(read: GetItemFluentBuilder, attributes: &[&str]) -> GetItemFluentBuilder {
    // Placeholders for all names, since many short names are reserved words of DynamoDB.
    let all = attributes.iter().copied().chain(["v"]).enumerate();
    let read = all.fold(read, |read, (at, name)| read.expression_attribute_names(format!("#a{at}"), name));
    let placeholders: Vec<_> = (0..=attributes.len()).map(|at| format!("#a{at}")).collect();
    read.projection_expression(placeholders.join(", "))
}
