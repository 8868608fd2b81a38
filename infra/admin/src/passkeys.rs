//! `users passkeys`: shows the passkeys of a user, and removes them.
//!
//! Each removal raises the credential epoch in its own transaction, so that nothing which began before goes on; then the sessions end.

use crate::cli::WhichPasskeys;
use crate::context::Context;
use crate::date_time;
use crate::error::Error;
use crate::sessions;
use crate::user::subject;
use gateway_administration::Act;
use gateway_domain::passkey::{CredentialId, Passkey};
use gateway_store::{ChangeUser, User};
use serde_json::{Value as Json, json};

/// The columns of their list.
const COLUMNS: [(&str, &str); 5] = [
    ("PASSKEY", "/id"),
    ("NAME", "/name"),
    ("ADDED", "/added_at"),
    ("LAST USE", "/used_at"),
    ("ON SEVERAL DEVICES", "/backed_up"),
];

fn shown(passkey: &Passkey) -> Json {
    json!({
        "id": passkey.id,
        "name": passkey.name,
        "added_at": date_time::text(passkey.since),
        "used_at": passkey.used_at.map(date_time::text),
        "backed_up": passkey.backed_up,
    })
}

pub(crate) async fn list(context: &Context, name: &str) -> Result<(), Error> {
    let user = context.user(name).await?;
    let passkeys = context.connection.store.users.passkeys(&user.user_id).await?;
    context.print.list(&COLUMNS, &passkeys.iter().map(shown).collect::<Vec<_>>(), None);
    Ok(())
}

/// The passkeys of a user that a change of other credentials has left.
#[derive(Default)]
pub(crate) struct Stay {
    /// How many; `None` if that was not read.
    pub(crate) count: Option<usize>,
    /// What is added to the words about that change; empty if there are none.
    pub(crate) words: String,
}

/// What stays after a change that raised the credential epoch. Read after it: no enrolment that began before can be finished any more. The change
/// is done, so that it does not fail by what is only told about it.
pub(crate) async fn stay(context: &Context, user: &User) -> Stay {
    let email = &user.email;
    let words = |stay: &str| {
        let remove = format!("if a thief was in the account, `gateway-admin users passkeys {email} --remove all`");
        format!("; {stay}: {remove}")
    };
    match context.connection.store.users.passkeys(&user.user_id).await.map(|passkeys| passkeys.len()) {
        Ok(0) => Stay { count: Some(0), words: String::new() },
        Ok(1) => Stay { count: Some(1), words: words("1 passkey stays and logs in as before") },
        Ok(count) => Stay { count: Some(count), words: words(&format!("{count} passkeys stay and log in as before")) },
        Err(error) => {
            Stay { count: None, words: words(&format!("any passkeys stay, and could not be read ({error})")) }
        }
    }
}

/// Removes one passkey, or all. Removing all of none ends the sessions as well, so that repeating the command completes one that broke off.
pub(crate) async fn remove(context: &Context, name: &str, which: &WhichPasskeys) -> Result<(), Error> {
    let user = context.user(name).await?;
    let mut passkeys = context.connection.store.users.passkeys(&user.user_id).await?;
    if let WhichPasskeys::One(id) = which {
        passkeys.retain(|passkey| passkey.id == *id);
        if passkeys.is_empty() {
            return Err(Error::NoPasskey);
        }
    }
    let ids: Vec<CredentialId> = passkeys.iter().map(|passkey| passkey.id.clone()).collect();
    let before = Some(json!({ "passkeys": passkeys.iter().map(shown).collect::<Vec<_>>() }));
    let act = Act { act: "users remove-passkeys", subject: subject(&user), before, after: None };
    let change = async {
        remove_all(context, &user, &ids).await?;
        sessions::end_of_user(context, &user.user_id).await
    };
    let ended = sessions::audited(context, act, change).await?;
    let removed = if ids.len() == 1 { "1 passkey".to_owned() } else { format!("{} passkeys", ids.len()) };
    let words = format!("{removed} of {} removed; {}", user.email, ended.words());
    let result = json!({ "user_id": user.user_id, "passkeys_removed": ids.len() });
    context.print.done(&words, &ended.counted(result));
    Ok(())
}

async fn remove_all(context: &Context, user: &User, ids: &[CredentialId]) -> Result<(), Error> {
    for (epoch, id) in (user.credential_epoch..).zip(ids) {
        match context.connection.store.users.remove_passkey((&user.user_id, epoch), id).await? {
            ChangeUser::Done => {}
            ChangeUser::Conflict => return Err(Error::Conflict(subject(user))),
        }
    }
    Ok(())
}
