//! Sign-ons: what the sessions share that several apps have on one device from one login. The items are in the table of sessions, under
//! keys that no session has.

use super::Sessions;
use super::item::{KEPT, hex, unhex};
use crate::error::{StoreError, condition_failed, unavailable};
use crate::refusal::held;
use crate::{number, projection, ttl, version};
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::ids::{ClientId, SessionId, UserId};
use gateway_domain::outbox::AppSession;
use gateway_domain::sign_on::{MAX_EXCHANGES, Member, SignOn};
use gateway_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize)]
struct SignOnItem {
    sid: String,
    user_id: UserId,
    salt: String,
    mac_key: String,
    credential_epoch: u64,
    browser_epoch: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_time: Option<Timestamp>,
    absolute_end: Timestamp,
    members: BTreeMap<ClientId, MemberItem>,
    exchanges: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ended: bool,
    ttl: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct MemberItem {
    sid: SessionId,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
}

/// The part of a sign-on that tells whose sessions end with it.
#[derive(Deserialize)]
struct MembersItem {
    members: BTreeMap<ClientId, MemberItem>,
}

impl Sessions {
    /// Writes a new sign-on. If there is one of this id, it stays as it is, also if it has ended: the redemption of a code was repeated.
    pub async fn create_sign_on(&self, sign_on: &SignOn) -> Result<(), StoreError> {
        const OPERATION: &str = "create_sign_on";
        let item = version::written(SignOnItem::from(sign_on), OPERATION)?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(sid)").send().await {
            Ok(_) => Ok(()),
            Err(error) if condition_failed(&error) => Ok(()),
            Err(error) => Err(unavailable(OPERATION)(error)),
        }
    }

    /// The sign-on of that id. One strongly consistent read.
    pub async fn sign_on(&self, id: &SessionId) -> Result<Option<SignOn>, StoreError> {
        const OPERATION: &str = "sign_on";
        let item = self.read_sign_on(id).send().await.map_err(unavailable(OPERATION))?.item;
        let item: Option<SignOnItem> = item.map(|item| version::read(item, OPERATION)).transpose()?;
        Ok(item.map(|item| sign_on_of(id, item)))
    }

    /// Gives an application the place of its session in a sign-on, instead of `before` if it has one. `false` if another exchange was faster,
    /// the sign-on has ended, or there were too many exchanges. Of concurrent exchanges of one application one gets the place.
    pub async fn take_place(
        &self,
        id: &SessionId,
        client: &ClientId,
        member: &Member,
        before: Option<&SessionId>,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "take_place";
        let own = match before {
            None => "attribute_not_exists(members.#c)",
            Some(_) => "members.#c.sid = :before",
        };
        let condition = format!("attribute_not_exists(ended) AND exchanges < :most AND {own}");
        let update = self.client.update_item().table_name(&self.table).key("sid", key(id));
        let mut update = version::guarded(update, &condition)
            .update_expression("SET members.#c = :member, exchanges = exchanges + :one")
            .expression_attribute_names("#c", client.as_str())
            .expression_attribute_values(":member", version::part(MemberItem::from(member), OPERATION)?)
            .expression_attribute_values(":most", number(MAX_EXCHANGES))
            .expression_attribute_values(":one", number(1_u32));
        if let Some(before) = before {
            update = update.expression_attribute_values(":before", AttributeValue::S(before.to_string()));
        }
        held(update.send().await, OPERATION)
    }

    /// Ends a sign-on: from now on its device secret gives nobody a session. The sessions that there are stay. `false` if there is no such
    /// sign-on. Ending is idempotent.
    pub async fn end_sign_on(&self, id: &SessionId) -> Result<bool, StoreError> {
        let update = self.client.update_item().table_name(&self.table).key("sid", key(id));
        let sent = version::guarded(update, "attribute_exists(sid)")
            .update_expression("SET ended = :true")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .send()
            .await;
        held(sent, "end_sign_on")
    }

    /// The session of each application in a sign-on, live or not. After [`Sessions::end_sign_on`] these are all that there will be. One
    /// strongly consistent read of this attribute alone.
    pub async fn members(&self, id: &SessionId) -> Result<Vec<AppSession>, StoreError> {
        const OPERATION: &str = "sign_on_members";
        let read = projection::of(self.read_sign_on(id), &["members"]);
        let item = read.send().await.map_err(unavailable(OPERATION))?.item;
        let item: Option<MembersItem> = item.map(|item| version::read(item, OPERATION)).transpose()?;
        let members = item.map(|item| item.members).unwrap_or_default().into_iter();
        Ok(members.map(|(client_id, member)| AppSession { client_id, sid: member.sid }).collect())
    }

    fn read_sign_on(&self, id: &SessionId) -> GetItemFluentBuilder {
        self.client.get_item().table_name(&self.table).consistent_read(true).key("sid", key(id))
    }
}

fn key(id: &SessionId) -> AttributeValue {
    AttributeValue::S(format!("sso#{id}"))
}

fn sign_on_of(id: &SessionId, item: SignOnItem) -> SignOn {
    let member = |(client, MemberItem { sid, at, attempt, before })| (client, Member { sid, at, attempt, before });
    SignOn {
        id: id.clone(),
        user_id: item.user_id,
        // An unreadable salt becomes zeros, with which no device secret verifies: it fails closed.
        salt: unhex(&item.salt),
        mac_key: item.mac_key,
        credential_epoch: item.credential_epoch,
        browser_epoch: item.browser_epoch,
        auth_time: item.auth_time,
        absolute_end: item.absolute_end,
        members: item.members.into_iter().map(member).collect(),
        exchanges: item.exchanges,
        ended: item.ended,
    }
}

impl From<&SignOn> for SignOnItem {
    fn from(sign_on: &SignOn) -> Self {
        let members = sign_on.members.iter();
        Self {
            sid: format!("sso#{}", sign_on.id),
            user_id: sign_on.user_id.clone(),
            salt: hex(sign_on.salt),
            mac_key: sign_on.mac_key.clone(),
            credential_epoch: sign_on.credential_epoch,
            browser_epoch: sign_on.browser_epoch,
            auth_time: sign_on.auth_time,
            absolute_end: sign_on.absolute_end,
            members: members.map(|(client, member)| (client.clone(), member.into())).collect(),
            exchanges: sign_on.exchanges,
            ended: sign_on.ended,
            ttl: ttl::after([sign_on.absolute_end.saturating_add(KEPT)]),
        }
    }
}

impl From<&Member> for MemberItem {
    fn from(member: &Member) -> Self {
        Self { sid: member.sid.clone(), at: member.at, attempt: member.attempt.clone(), before: member.before.clone() }
    }
}
