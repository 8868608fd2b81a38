//! Reads roles: what a function may do at `DynamoDB`, Secrets Manager, Lambda and SES.

use std::collections::{BTreeMap, BTreeSet};

use super::condition::{self, Condition, Keys};
use super::cursor::At;
use super::resolve::{Scope, id_of_arn, table_of_stream};
use super::{ACCOUNT, REGION, TemplateError};

/// An action, such as `dynamodb:GetItem`, and the logical id of the table, secret or function it is allowed on.
pub type Right = (String, String);

/// What one role allows. Everything else is denied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Role {
    /// Rights, each with the conditions that a request must meet.
    pub allowed: BTreeMap<Right, Vec<Condition>>,
    /// What Lambda may do in this role to read streams for the function: actions, and names of tables.
    pub reads: BTreeSet<Right>,
    /// Logical ids of the managed policies, which roles can share.
    pub managed: BTreeSet<String>,
}

impl Role {
    /// Whether a request that needs this right, with these values of condition keys, is allowed.
    pub fn allows(&self, right: &Right, keys: &Keys) -> bool {
        self.allowed.get(right).is_some_and(|conditions| conditions.iter().all(|condition| condition.holds(keys)))
    }
}

/// Services whose rights are read. Rights at other services, such as its log, are not needed here.
const SERVICES: [&str; 4] = ["dynamodb:", "lambda:", "secretsmanager:", "ses:"];

/// The rights that Lambda needs to read a stream for a function. The function itself has no use for them.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html>
pub(super) const STREAM_READS: [&str; 4] =
    ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];

/// Reads a role. It is an error if a statement is wider than a list of actions on named resources. It is also an error if a
/// right is there twice, since the wider one of the two statements would count.
pub(super) fn read(
    resource: &At,
    scope: &Scope,
    roles: &mut BTreeMap<String, Role>,
    id: &str,
) -> Result<(), TemplateError> {
    let parts = resource.fields(&["Type", "Properties", "Condition", "DependsOn"])?;
    let properties = scope.resolve(&parts.required("Properties")?)?;
    let fields = properties.fields(&["AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies", "Tags"])?;
    let mut role = Role::default();
    if let Some(policies) = fields.get("ManagedPolicyArns") {
        for policy in policies.items()? {
            role.managed.insert(policy.text()?.to_owned());
        }
    }
    for policy in fields.required("Policies")?.items()? {
        let document = policy.fields(&["PolicyName", "PolicyDocument"])?.required("PolicyDocument")?;
        let document = document.fields(&["Version", "Statement"])?;
        for statement in document.required("Statement")?.items()? {
            read_statement(&statement, scope, &mut role)?;
        }
    }
    roles.insert(id.to_owned(), role);
    Ok(())
}

fn read_statement(at: &At, scope: &Scope, role: &mut Role) -> Result<(), TemplateError> {
    let fields = at.fields(&["Effect", "Action", "Resource", "Condition"])?;
    fields.required("Effect")?.one_of(&["Allow"])?;
    let (actions, resources) = (fields.required("Action")?.one_or_more(), fields.required("Resource")?.one_or_more());
    let conditions = fields.get("Condition").map_or(Ok(Vec::new()), |at| condition::read(&at))?;
    for action in &actions {
        let name = action.text()?;
        condition::check(&conditions, name, action)?;
        if name.contains('*') {
            return Err(action.error("name the actions one by one"));
        }
        if !SERVICES.iter().any(|service| name.starts_with(service)) {
            continue;
        }
        for resource in &resources {
            let text = resource.text()?;
            if STREAM_READS.contains(&name) {
                let Some(table) = table_of_stream(text) else {
                    return Err(resource.error("must be the !GetAtt … StreamArn of a table"));
                };
                role.reads.insert((name.to_owned(), scope.table_name(table)));
                continue;
            }
            let id = id_of_arn(text).or_else(|| of_ses(text));
            if text.contains('*') || text.contains(':') && id.is_none() {
                return Err(
                    resource.error("must be the !GetAtt … Arn of a table or function, or the !GetAtt … Id of a secret")
                );
            }
            let right = (name.to_owned(), id.unwrap_or(text).to_owned());
            if role.allowed.insert(right, conditions.clone()).is_some() {
                return Err(resource.error(&format!("{name} on it is allowed by an earlier statement")));
            }
        }
    }
    Ok(())
}

/// What the ARN of a resource of SES names, such as `identity/example.com`.
fn of_ses(arn: &str) -> Option<&str> {
    arn.strip_prefix(&format!("arn:aws:ses:{REGION}:{ACCOUNT}:"))
}
