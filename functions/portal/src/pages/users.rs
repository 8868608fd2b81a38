//! Users: found, seen, disabled, logged out, without their devices; and who administers.

use super::{Content, Visit, Visitor, shown, time};
use crate::Portal;
use crate::error::Failure;
use crate::people::SeenSession;
use gateway_domain::event::ApiResponse;
use gateway_domain::form::Form;
use gateway_domain::ids::{SubjectKind, UserId};
use gateway_domain::role::Role;
use gateway_store::{Device, User};
use gateway_web::pages::portal::{Block, Button, Cell, Field, Form as FormBlock, Input, Table};
use gateway_web::see_other;

/// How many users a page has.
const MOST: usize = 50;

impl Portal {
    pub(super) async fn users_page(&self, visit: &Visit<'_>, administrator: &Visitor) -> Result<ApiResponse, Failure> {
        let parameter = |name| visit.asked.request.parameter(name).ok().flatten().unwrap_or_default();
        let wanted = parameter("q").trim().to_owned();
        let (users, next) = if wanted.is_empty() {
            let after = UserId::parse(&parameter("after")).ok();
            let page = self.users.page(after.as_ref(), MOST).await?;
            let next = page.items.last().filter(|_| page.more).map(|user| user.user_id.to_string());
            (page.items, next)
        } else {
            let by_address = self.users.by_email(&wanted).await?;
            let by_id = match UserId::parse(&wanted) {
                Ok(id) => self.user_by(&id).await?.filter(|user| by_address.as_ref().is_none_or(|one| one != user)),
                Err(_) => None,
            };
            (by_address.into_iter().chain(by_id).collect(), None)
        };
        let mut content = Content::new("Users");
        content.blocks.push(Block::Form(FormBlock {
            fields: vec![Field::new("q", "E-mail address or user id, or id of a device", Input::Line(wanted))],
            button: "Find",
            hidden: Vec::new(),
            asks: true,
            second: true,
        }));
        let rows = users.iter().map(|user| {
            vec![
                Cell::Link(user.email.to_string(), visit.site.path(&format!("/gateway/users/{}", user.user_id))),
                Cell::Badge(state(user).to_owned()),
                Cell::Text(if user.email_verified { "proved" } else { "not proved" }.to_owned()),
                Cell::Text(roles(user)),
                Cell::Code(user.user_id.to_string()),
            ]
        });
        content.blocks.push(Block::Table(Table {
            caption: "Users".to_owned(),
            columns: vec!["Address", "State", "Proof", "Roles", "Id"],
            rows: rows.collect(),
            empty: "Nobody has this address or id.",
        }));
        if let Some(next) = next {
            let after = form_urlencoded::Serializer::new(String::new()).append_pair("after", &next).finish();
            content
                .blocks
                .push(Block::Links(vec![("More".to_owned(), visit.site.path(&format!("/gateway/users?{after}")))]));
        }
        Ok(shown(visit, Some(administrator), 200, content))
    }

    /// The user with this id, or whose device has it.
    async fn user_by(&self, id: &UserId) -> Result<Option<User>, Failure> {
        if id.kind() != SubjectKind::Device {
            return Ok(self.users.get(id).await?);
        }
        let owner = self.devices.get(id).await?.and_then(|device| device.user_id);
        let Some(owner) = owner else { return Ok(None) };
        Ok(self.users.get(&owner).await?)
    }

    pub(super) async fn user_page(
        &self,
        visit: &Visit<'_>,
        administrator: &Visitor,
        id: &str,
        sent: Option<Form>,
    ) -> Result<ApiResponse, Failure> {
        let user_id = UserId::parse(id).map_err(|_| Failure::NotFound)?;
        let user = self.user(&user_id).await?;
        if let Some(sent) = sent {
            Box::pin(self.change_user(visit, administrator, user, &sent)).await?;
            return Ok(see_other(&visit.site.path(&format!("/gateway/users/{user_id}?done=yes"))));
        }
        let sessions = self.sessions_of(&user_id, visit.asked.now).await?;
        let devices = self.devices_of(&user_id).await?;
        let own = administrator.user.user_id == user_id;
        let mut content = Content::new(user.email.to_string());
        content.done = visit.asked.request.parameter("done").ok().flatten().map(|_| "It is done.");
        content.blocks.push(Block::Facts(facts(&user)));
        let buttons = buttons(&user, own, !devices.is_empty());
        content.blocks.push(Block::Facts(vec![("What can be done".to_owned(), Cell::Buttons(buttons))]));
        content.blocks.push(Block::Heading("Live sessions".to_owned()));
        content.blocks.push(Block::Table(Table {
            caption: "Live sessions".to_owned(),
            columns: vec!["App", "Device", "Began", "Last refreshed", "Ends", ""],
            rows: sessions.iter().map(row).collect(),
            empty: "There are none.",
        }));
        if self.gateway.devices().is_some() || !devices.is_empty() {
            content.blocks.push(Block::Heading("Devices".to_owned()));
            content.blocks.push(Block::Table(Table {
                caption: "Devices".to_owned(),
                columns: vec!["App", "Name", "Linked", "Last token", "Id", ""],
                rows: devices.iter().map(device_row).collect(),
                empty: "There are none.",
            }));
        }
        Ok(shown(visit, Some(administrator), 200, content))
    }

    async fn change_user(
        &self,
        visit: &Visit<'_>,
        administrator: &Visitor,
        user: User,
        sent: &Form,
    ) -> Result<(), Failure> {
        let who = administrator.who();
        let own = administrator.user.user_id == user.user_id;
        if let Some(sid) = sent.get("end") {
            return match self.end_sessions(visit.asked, who, &user.user_id, Some(sid)).await {
                // It has ended meanwhile, which is what was wanted.
                Err(Failure::NotFound) => Ok(()),
                ended => ended,
            };
        }
        if let Some(id) = sent.get("revoke-device") {
            let id = UserId::parse(id).map_err(|_| Failure::NotFound)?;
            return match self.revoke_device_of(who, &user.user_id, &id).await {
                // It was revoked meanwhile, which is what was wanted.
                Err(Failure::NoDevice) => Ok(()),
                revoked => revoked,
            };
        }
        if let Some("grant" | "revoke" | "grant-developer" | "reset-second-factor") = sent.get("act") {
            administrator.is_fresh(visit.asked.now)?;
        }
        match sent.get("act") {
            Some("end-sessions") => self.end_sessions(visit.asked, who, &user.user_id, None).await,
            Some("revoke-devices") => self.revoke_devices_of(who, &user.user_id).await,
            Some("enable") => self.enable(visit.asked, who, user, true).await.map(drop),
            Some("grant") if user.email_verified => self.set_role(who, &user, Role::Administrator, true).await,
            Some("grant-developer") => self.set_role(who, &user, Role::Developer, true).await,
            Some("revoke-developer") => self.set_role(who, &user, Role::Developer, false).await,
            // An administrator who shuts themselves out might be the last one.
            Some("disable") if !own => self.enable(visit.asked, who, user, false).await.map(drop),
            Some("revoke") if !own => self.set_role(who, &user, Role::Administrator, false).await,
            Some("reset-second-factor") if !own => self.reset_second_factor(who, &user.user_id).await,
            _ => Err(Failure::NotFound),
        }
    }
}

fn state(user: &User) -> &'static str {
    if user.enabled { "enabled" } else { "disabled" }
}

fn roles(user: &User) -> String {
    user.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
}

fn facts(user: &User) -> Vec<(String, Cell)> {
    let password = match &user.password {
        None => "none here",
        Some(hash) if hash.is_legacy() => "imported",
        Some(_) => "set",
    };
    let proved = if user.email_verified { "proved" } else { "not proved" };
    let mut facts = vec![
        ("Id".to_owned(), Cell::Code(user.user_id.to_string())),
        ("State".to_owned(), Cell::Badge(state(user).to_owned())),
        ("Address".to_owned(), Cell::Text(format!("{}, {proved}", user.email))),
        ("Password".to_owned(), Cell::Text(password.to_owned())),
        ("Roles".to_owned(), Cell::Text(if user.roles.is_empty() { "none".to_owned() } else { roles(user) })),
    ];
    if let Some(factor) = &user.second_factor {
        facts.push(("Authenticator app".to_owned(), Cell::Text(format!("since {} UTC", time(factor.since)))));
    }
    let known = |(name, value): (&str, &str)| (name.to_owned(), Cell::Text(value.to_owned()));
    facts.extend(user.directory_subject.as_deref().map(|subject| known(("In the directory", subject))));
    facts.extend(user.links.iter().map(|(connector, name)| known((&format!("At {connector}"), name))));
    facts.extend(user.profile.iter().map(|(field, value)| known((field, value))));
    facts
}

fn buttons(user: &User, own: bool, has_devices: bool) -> Vec<Button> {
    let [is_administrator, is_developer] =
        [Role::Administrator, Role::Developer].map(|role| user.roles.contains(&role));
    let offered = [
        (true, "End all sessions", "end-sessions"),
        (has_devices, "Revoke all devices", "revoke-devices"),
        (user.enabled && !own, "Disable", "disable"),
        (!user.enabled, "Enable", "enable"),
        (!is_administrator && user.email_verified, "Make an administrator", "grant"),
        (is_administrator && !own, "Take the administration away", "revoke"),
        (!is_developer, "Make a developer", "grant-developer"),
        (is_developer, "Take the role of a developer away", "revoke-developer"),
        (user.second_factor.is_some() && !own, "Reset the authenticator app", "reset-second-factor"),
    ];
    let button = |(_, label, act): (bool, &str, &str)| Button {
        label: label.to_owned(),
        of: format!("of {}", user.email),
        sends: ("act", act.to_owned()),
    };
    offered.into_iter().filter(|(offered, ..)| *offered).map(button).collect()
}

fn row(session: &SeenSession) -> Vec<Cell> {
    vec![
        Cell::Text(session.client_id.to_string()),
        Cell::Text(session.device.clone().unwrap_or_default()),
        Cell::Text(session.began.map(time).unwrap_or_default()),
        Cell::Text(time(session.refreshed)),
        Cell::Text(time(session.ends)),
        Cell::Buttons(vec![Button {
            label: "End".to_owned(),
            of: format!("the session in {}", session.client_id),
            sends: ("end", session.sid.to_string()),
        }]),
    ]
}

fn device_row(device: &Device) -> Vec<Cell> {
    vec![
        Cell::Text(device.client_id.to_string()),
        Cell::Text(device.name.clone().unwrap_or_default()),
        Cell::Text(device.linked_at.map(time).unwrap_or_default()),
        Cell::Text(time(device.used_at)),
        Cell::Code(device.device_id.to_string()),
        Cell::Buttons(vec![Button {
            label: "Revoke".to_owned(),
            of: format!("the device {}", device.name.as_deref().unwrap_or(device.device_id.as_str())),
            sends: ("revoke-device", device.device_id.to_string()),
        }]),
    ]
}
