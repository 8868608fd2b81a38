//! The commands `users …`: creates, shows, changes and deletes users.

use crate::catalogue::LinkTo;
use crate::cli::{ChangeUser, CreateUser, RoleName, Users};
use crate::confirm::new_password;
use crate::context::Context;
use crate::error::Error;
use crate::user::{self, address, shown, subject};
use crate::{date_time, devices, import, passkeys, sessions};
use gateway_administration::Act;
use gateway_config::ForeignUsers;
use gateway_credentials::password_policy;
use gateway_domain::address::name_at_a_back_end;
use gateway_domain::ids::{ConnectorName, IssuerName, SubjectKind, UserId};
use gateway_domain::password::PasswordHash;
use gateway_domain::role::Role;
use gateway_domain::secret::Secret;
use gateway_store::User;
use serde_json::json;
use std::collections::BTreeMap;

/// What is said of an id that is none of a user.
pub(crate) const NO_USER_ID: &str = "a user id begins with neither app: nor device:, which mark apps and devices";

/// The columns of its list.
pub(crate) const COLUMNS: [(&str, &str); 4] =
    [("USER ID", "/user_id"), ("EMAIL", "/email"), ("ENABLED", "/enabled"), ("PASSWORD", "/password")];

pub(crate) async fn run(context: &Context, command: Users) -> Result<(), Error> {
    match command {
        Users::Create(arguments) => create(context, arguments).await,
        Users::List { limit, after } => list(context, usize::from(limit), after).await,
        Users::Show { user } => show(context, &user).await,
        Users::Change(arguments) => change(context, arguments).await,
        Users::SetPassword { user, none } => set_password(context, &user, none).await,
        Users::Disable { user } => enable(context, &user, false).await,
        Users::Enable { user } => enable(context, &user, true).await,
        Users::Link { user, connector, name } => link(context, &user, &connector, Some(&name)).await,
        Users::Unlink { user, connector } => link(context, &user, &connector, None).await,
        Users::Grant { user, role } => set_role(context, &user, role, true).await,
        Users::Revoke { user, role } => set_role(context, &user, role, false).await,
        Users::ResetSecondFactor { user } => reset_second_factor(context, &user).await,
        Users::Passkeys { user, remove: None } => passkeys::list(context, &user).await,
        Users::Passkeys { user, remove: Some(which) } => passkeys::remove(context, &user, &which).await,
        Users::Delete { user } => delete(context, &user).await,
        Users::Import(arguments) => import::run(context, arguments).await,
    }
}

async fn create(context: &Context, arguments: CreateUser) -> Result<(), Error> {
    let email = address(&arguments.email)?;
    let password =
        if arguments.no_password { None } else { Some(hashed(context, &new_password()?, email.as_str()).await?) };
    let user_id = match arguments.id {
        Some(id) if id.kind() != SubjectKind::User => return Err(Error::Invalid(NO_USER_ID.to_owned())),
        Some(id) => id,
        None => UserId::from_random(gateway_runtime::SystemEntropy.bytes()?),
    };
    let user = User {
        user_id,
        email,
        password,
        credential_epoch: user::first_epoch(),
        enabled: true,
        links: BTreeMap::new(),
        email_verified: true,
        directory_subject: None,
        ways_back: Vec::new(),
        browser_epoch: 0,
        roles: std::collections::BTreeSet::new(),
        second_factor: None,
        profile: BTreeMap::new(),
    };
    let act = Act { act: "users create", subject: subject(&user), before: None, after: Some(shown(&user)) };
    context.acts().audited(act, user::create(context, &user)).await?;
    context.print.one(&shown(&user));
    Ok(())
}

async fn hashed(context: &Context, password: &Secret, email: &str) -> Result<PasswordHash, Error> {
    password_policy::check(password.expose(), &[email])?;
    Ok(context.passwords().await?.hash(password, gateway_runtime::SystemEntropy.bytes()?)?)
}

async fn list(context: &Context, limit: usize, after: Option<UserId>) -> Result<(), Error> {
    let page = context.connection.store.users.page(after.as_ref(), limit).await?;
    let next = page.items.last().filter(|_| page.more).map(|user| user.user_id.to_string());
    let items: Vec<_> = page.items.iter().map(shown).collect();
    context.print.list(&COLUMNS, &items, next.as_deref());
    Ok(())
}

async fn show(context: &Context, name: &str) -> Result<(), Error> {
    let user = context.user(name).await?;
    let live = context.connection.store.activity.sessions_of_user(&user.user_id, date_time::now()).await?;
    let mut shown = shown(&user);
    if let Some(members) = shown.as_object_mut() {
        members.insert("live_sessions".to_owned(), json!(live.len()));
    }
    context.print.one(&shown);
    Ok(())
}

async fn change(context: &Context, arguments: ChangeUser) -> Result<(), Error> {
    let email = address(&arguments.email)?;
    let user = context.user(&arguments.user).await?;
    if user.email == email {
        context.print.one(&shown(&user));
        return Ok(());
    }
    let changed = User { email: email.clone(), ..user.clone() };
    let act = Act {
        act: "users change",
        subject: subject(&user),
        before: Some(json!({ "email": user.email })),
        after: Some(json!({ "email": email })),
    };
    let change = async {
        match context.connection.store.users.change_email(&user, &email).await? {
            gateway_store::ChangeUser::Done => Ok(()),
            gateway_store::ChangeUser::Conflict
                if context.connection.store.users.by_email(email.as_str()).await?.is_some() =>
            {
                Err(Error::Taken(format!("the address {email}")))
            }
            gateway_store::ChangeUser::Conflict => Err(Error::Conflict(subject(&user))),
        }
    };
    context.acts().audited(act, change).await?;
    context.print.one(&shown(&changed));
    Ok(())
}

async fn set_password(context: &Context, name: &str, none: bool) -> Result<(), Error> {
    let user = context.user(name).await?;
    let password = if none { None } else { Some(hashed(context, &new_password()?, user.email.as_str()).await?) };
    let act = Act { act: "users set-password", subject: subject(&user), before: None, after: None };
    let change = async {
        let users = &context.connection.store.users;
        let changed = match &password {
            Some(password) => users.set_password(&user.user_id, password).await?,
            None => users.forget_password(&user.user_id).await?,
        };
        if !changed {
            return Err(Error::NoUser(name.to_owned()));
        }
        sessions::end_of_user(context, &user.user_id).await
    };
    let ended = sessions::audited(context, act, change).await?;
    let password = if none { "no password here" } else { "a new password" };
    let stay = passkeys::stay(context, &user).await;
    let words = format!("{} has {password}; {}{}", user.email, ended.words(), stay.words);
    context.print.done(&words, &ended.counted(json!({ "user_id": user.user_id, "passkeys": stay.count })));
    Ok(())
}

/// Does its work even if the user is in this state already, so repeating the command completes one that broke off.
async fn enable(context: &Context, name: &str, enabled: bool) -> Result<(), Error> {
    let user = context.user(name).await?;
    if enabled && user.enabled {
        // Raising the epoch would end the sessions of somebody who may log in anyway.
        let result = json!({ "user_id": user.user_id, "enabled": true, "sessions_ended": 0, "logouts_queued": 0 });
        context.print.done(&format!("{} may log in already", user.email), &result);
        return Ok(());
    }
    let act = Act {
        act: if enabled { "users enable" } else { "users disable" },
        subject: subject(&user),
        before: Some(json!({ "enabled": user.enabled })),
        after: Some(json!({ "enabled": enabled })),
    };
    let change = async {
        match context.connection.store.users.change_credentials(&user.user_id, None, enabled).await? {
            None => Err(Error::NoUser(name.to_owned())),
            // Both commands end all sessions: the credential epoch was raised, so no session of this user can refresh.
            Some(_) => sessions::end_of_user(context, &user.user_id).await,
        }
    };
    let ended = sessions::audited(context, act, change).await?;
    // Nobody is told in words what stays with an account into which nobody can log in.
    let is_told = enabled || context.print.json;
    let stay = if is_told { passkeys::stay(context, &user).await } else { passkeys::Stay::default() };
    let words = if enabled {
        format!("{} may log in{}", user.email, stay.words)
    } else {
        format!("{} may not log in; {}", user.email, ended.words())
    };
    let result = json!({ "user_id": user.user_id, "enabled": enabled, "passkeys": stay.count });
    context.print.done(&words, &ended.counted(result));
    Ok(())
}

/// Sets or removes a link. Ends all sessions, since they were begun under the previous name.
async fn link(context: &Context, user: &str, connector: &ConnectorName, name: Option<&str>) -> Result<(), Error> {
    // A link can be removed even if its connector or issuer is no longer configured.
    if let Some(subject) = name
        && let LinkTo::Issuer(issuer, users) = context.catalogue.link_to(connector)?
    {
        return link_to_issuer(context, user, (&issuer, users), subject).await;
    }
    let name = name.map(name_at_a_back_end).transpose().map_err(|error| Error::Invalid(error.to_string()))?;
    let name = name.as_deref();
    let user = context.user(user).await?;
    let act = Act {
        act: if name.is_some() { "users link" } else { "users unlink" },
        subject: subject(&user),
        before: Some(json!({ "links": user.links })),
        after: Some(json!({ "connector": connector, "name": name })),
    };
    let change = async {
        if !context.connection.store.users.set_link(&user.user_id, connector, name).await? {
            return Err(Error::NoUser(user.email.to_string()));
        }
        sessions::end_of_user(context, &user.user_id).await
    };
    let ended = sessions::audited(context, act, change).await?;
    let words = match name {
        Some(name) => format!("{connector} logs {} in as {name}; {}", user.email, ended.words()),
        None => format!("{connector} knows no name of {}; {}", user.email, ended.words()),
    };
    let changed = json!({ "user_id": user.user_id, "connector": connector, "name": name });
    context.print.done(&words, &ended.counted(changed));
    Ok(())
}

/// Sets the subject by which another issuer knows a user. No session ends: none was begun under another one, since a subject is
/// unlinked, which ends them all, before there can be another.
async fn link_to_issuer(
    context: &Context,
    user: &str,
    (issuer, users): (&IssuerName, ForeignUsers),
    subject: &str,
) -> Result<(), Error> {
    let subject = user::subject_at_an_issuer(subject)?;
    let user = context.user(user).await?;
    if users == ForeignUsers::Subject && subject != user.user_id.as_str() {
        return Err(Error::Refused(user::read_by_nobody(issuer)));
    }
    let act = Act {
        act: "users link",
        subject: user::subject(&user),
        before: Some(json!({ "links": user.links })),
        after: Some(json!({ "issuer": issuer, "subject": subject })),
    };
    let change = async {
        if context.connection.store.users.link_to_issuer(&user.user_id, issuer, &subject).await? {
            return Ok(());
        }
        let words = "is linked to another subject there, or another user to this one: unlink that first";
        Err(Error::Refused(format!("nothing was changed at {issuer}: {} {words}", user.email)))
    };
    context.acts().audited(act, change).await?;
    let result = json!({
        "user_id": user.user_id,
        "connector": issuer,
        "name": subject,
        "sessions_ended": 0,
        "logouts_queued": 0,
    });
    context.print.done(&format!("{issuer} knows {} as {subject}", user.email), &result);
    Ok(())
}

async fn set_role(context: &Context, name: &str, role: RoleName, has: bool) -> Result<(), Error> {
    let user = context.user(name).await?;
    let role = match role {
        RoleName::Administrator => Role::Administrator,
        RoleName::Developer => Role::Developer,
    };
    if has && role == Role::Administrator && !user.email_verified {
        let words = "has not proved the address: whoever typed it would administer";
        return Err(Error::Refused(format!("{} {words}", user.email)));
    }
    let act = Act {
        act: if has { "users grant" } else { "users revoke" },
        subject: subject(&user),
        before: Some(json!({ "roles": user.roles })),
        after: Some(json!({ "role": role })),
    };
    let change = async {
        let found = context.connection.store.users.set_role(&user.user_id, role, has).await?;
        if found { Ok(()) } else { Err(Error::NoUser(name.to_owned())) }
    };
    context.acts().audited(act, change).await?;
    let words = format!("{} {} {}", user.email, if has { "is" } else { "is no" }, role.as_str());
    context.print.done(&words, &json!({ "user_id": user.user_id, "role": role, "has": has }));
    Ok(())
}

async fn reset_second_factor(context: &Context, name: &str) -> Result<(), Error> {
    let user = context.user(name).await?;
    let act = Act { act: "users reset-second-factor", subject: subject(&user), before: None, after: None };
    let change = async {
        let found = context.connection.store.users.forget_second_factor(&user.user_id).await?;
        if found { Ok(()) } else { Err(Error::NoUser(name.to_owned())) }
    };
    context.acts().audited(act, change).await?;
    let words = format!("{} sets up an authenticator app at the next login", user.email);
    context.print.done(&words, &json!({ "user_id": user.user_id }));
    Ok(())
}

/// Disables the user, ends the sessions and revokes the devices first, so repeating the command completes one that broke off.
async fn delete(context: &Context, name: &str) -> Result<(), Error> {
    let user = context.user(name).await?;
    context.confirm(&format!("This deletes {} and cannot be undone", user.email), user.email.as_str())?;
    let act = Act { act: "users delete", subject: subject(&user), before: Some(shown(&user)), after: None };
    let delete = async {
        let store = &context.connection.store;
        store.users.change_credentials(&user.user_id, None, false).await?;
        let ended = sessions::end_of_user(context, &user.user_id).await?;
        devices::revoke_of(context, &user.user_id).await?;
        for consent in store.consents.of_user(&user.user_id).await? {
            store.consents.revoke(&user.user_id, &consent.client_id).await?;
        }
        match store.users.delete(&user).await? {
            gateway_store::ChangeUser::Done => Ok(ended),
            gateway_store::ChangeUser::Conflict => Err(Error::Conflict(subject(&user))),
        }
    };
    let ended = sessions::audited(context, act, delete).await?;
    let words = format!("{} is deleted; {}", user.email, ended.words());
    context.print.done(&words, &ended.counted(json!({ "user_id": user.user_id, "deleted": true })));
    Ok(())
}
