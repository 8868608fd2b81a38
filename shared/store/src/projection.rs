//! Reads of some attributes of an item. A role can hold a function to them only if the read names them (decision 0026).

use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;

/// The read of these attributes alone, and of the version, without which no item is believed.
pub(crate) fn of(read: GetItemFluentBuilder, attributes: &[&str]) -> GetItemFluentBuilder {
    // Placeholders throughout, since many short names are reserved words of DynamoDB.
    let all = attributes.iter().copied().chain(["v"]).enumerate();
    let read = all.fold(read, |read, (at, name)| read.expression_attribute_names(format!("#a{at}"), name));
    let placeholders: Vec<_> = (0..=attributes.len()).map(|at| format!("#a{at}")).collect();
    read.projection_expression(placeholders.join(", "))
}
