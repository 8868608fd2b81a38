//! People whom a directory has: which account belongs to which of its subjects. The claim `directory#<hash>` says so, and is
//! written in one transaction with the account, so that one person has one account. It outlives the account: then it is
//! taken over.

use super::{CreateUser, User, Users, user_key};
use crate::accounts::is_refused;
use crate::error::{StoreError, unavailable};
use crate::version;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use gateway_domain::ids::UserId;
use gateway_domain::secret::sha256_hex;

/// Who has a subject of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectHolder {
    /// Nobody had it yet.
    Nobody,
    /// A user who is gone.
    Gone(UserId),
    /// This user.
    User(Box<User>),
}

fn subject_key(subject: &str) -> AttributeValue {
    AttributeValue::S(format!("directory#{}", sha256_hex(subject.as_bytes())))
}

impl Users {
    /// Who has this subject. One or two strongly consistent reads.
    pub async fn holder_of_subject(&self, subject: &str) -> Result<SubjectHolder, StoreError> {
        const OPERATION: &str = "holder_of_subject";
        let Some(claim) = self.users_item(subject_key(subject), OPERATION).await? else {
            return Ok(SubjectHolder::Nobody);
        };
        version::of(&claim, OPERATION)?;
        let holder = claim.get("user_id").and_then(|id| id.as_s().ok()).and_then(|id| UserId::parse(id).ok());
        let corrupt = || StoreError::Corrupt { operation: OPERATION, cause: "a claim without a user".to_owned() };
        let holder = holder.ok_or_else(corrupt)?;
        let user = self.get(&holder).await?.filter(|user| user.directory_subject.as_deref() == Some(subject));
        Ok(user.map_or(SubjectHolder::Gone(holder), |user| SubjectHolder::User(Box::new(user))))
    }

    /// Creates a user of the directory, and claims the address and the subject, which nobody has, or this user who is gone.
    pub async fn create_for_subject(&self, user: &User, gone: Option<&UserId>) -> Result<CreateUser, StoreError> {
        const OPERATION: &str = "create_user_of_directory";
        let subject = user.directory_subject.as_deref().unwrap_or_default();
        let mut writes = self.creating(user, Self::item_of(user, OPERATION)?, OPERATION)?.to_vec();
        writes.push(self.claiming_subject(subject, &user.user_id, gone, OPERATION)?);
        Ok(if self.all_or_none(writes, OPERATION).await? { CreateUser::Created } else { CreateUser::Taken })
    }

    /// Binds a user who has no password to this subject in place of the one that was read, if any. Nobody has it, or this user who is
    /// gone. Returns whether that was done: not if the user was changed since.
    pub async fn bind_to_subject(&self, user: &User, subject: &str, gone: Option<&UserId>) -> Result<bool, StoreError> {
        const OPERATION: &str = "bind_to_subject";
        let before = match &user.directory_subject {
            None => "attribute_not_exists(directory_subject)",
            Some(_) => "directory_subject = :before",
        };
        let unchanged = format!("email = :email AND enabled = :true AND attribute_not_exists(password) AND {before}");
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", user_key(&user.user_id))
            .update_expression("SET directory_subject = :subject")
            .condition_expression(version::condition(&unchanged))
            .expression_attribute_values(":subject", AttributeValue::S(subject.to_owned()))
            .expression_attribute_values(":email", AttributeValue::S(user.email.to_string()))
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":version", version::current());
        let before = user.directory_subject.clone().into_iter();
        let update = before
            .fold(update, |update, before| update.expression_attribute_values(":before", AttributeValue::S(before)))
            .build()
            .map_err(|error| StoreError::Corrupt { operation: OPERATION, cause: error.to_string() })?;
        let writes = vec![
            TransactWriteItem::builder().update(update).build(),
            self.claiming_subject(subject, &user.user_id, gone, OPERATION)?,
        ];
        self.all_or_none(writes, OPERATION).await
    }

    fn claiming_subject(
        &self,
        subject: &str,
        user: &UserId,
        gone: Option<&UserId>,
        operation: &'static str,
    ) -> Result<TransactWriteItem, StoreError> {
        let claim = Put::builder()
            .table_name(&self.table)
            .item("pk", subject_key(subject))
            .item("user_id", AttributeValue::S(user.to_string()))
            .item("v", version::current());
        let claim = match gone {
            None => claim.condition_expression("attribute_not_exists(pk)"),
            Some(gone) => claim
                .condition_expression("user_id = :gone")
                .expression_attribute_values(":gone", AttributeValue::S(gone.to_string())),
        };
        let claim = claim.build().map_err(|error| StoreError::Corrupt { operation, cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().put(claim).build())
    }

    /// Whether the writes were made. One that met another transaction was not: whoever asked reads again.
    async fn all_or_none(&self, writes: Vec<TransactWriteItem>, operation: &'static str) -> Result<bool, StoreError> {
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(error.as_service_error()) => Ok(false),
            Err(error) => Err(unavailable(operation)(error)),
        }
    }
}
