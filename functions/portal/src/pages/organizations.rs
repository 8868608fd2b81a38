//! Organizations: those of a developer; and one of them, with its applications and members.

use super::{Content, Visit, Visitor, mistakes, shown, time};
use crate::Portal;
use crate::error::Failure;
use crate::organizations::{Seen, Standing};
use gateway_domain::address::Address;
use gateway_domain::event::ApiResponse;
use gateway_domain::form::Form;
use gateway_domain::ids::{ApiName, UserId};
use gateway_store::{App, MemberRole, Organization};
use gateway_web::pages::portal::{Block, Button, Cell, Field, Form as FormBlock, Input, Table};
use gateway_web::see_other;

impl Portal {
    pub(super) async fn organizations_page(
        &self,
        visit: &Visit<'_>,
        visitor: &Visitor,
        sent: Option<Form>,
    ) -> Result<ApiResponse, Failure> {
        let mut content = Content::new("Organizations");
        let mut status = 200;
        if let Some(sent) = &sent {
            match self.begin(visit, visitor, sent).await {
                Ok(path) => return Ok(see_other(&visit.site.path(&path))),
                Err(failure) => {
                    status = failure.response().status;
                    content.mistakes = mistakes(failure)?;
                }
            }
        }
        let (member_of, invited_to) = self.organizations_of(visit.asked, &visitor.user).await?;
        if !invited_to.is_empty() {
            content.blocks.push(Block::Heading("Invitations".to_owned()));
            content.blocks.push(Block::Table(Table {
                caption: "Invitations".to_owned(),
                columns: vec!["Organization", ""],
                rows: invited_to.iter().map(invitation).collect(),
                empty: "",
            }));
        }
        let role = |one: &Organization| one.role_of(&visitor.user.user_id).map(MemberRole::as_str).unwrap_or_default();
        let rows = member_of.iter().map(|one| {
            let path = format!("/gateway/organizations/{}", one.organization_id);
            vec![
                Cell::Link(one.name.clone(), visit.site.path(&path)),
                Cell::Text(role(one).to_owned()),
                Cell::Text(one.apps.to_string()),
            ]
        });
        content.blocks.push(Block::Table(Table {
            caption: "Organizations".to_owned(),
            columns: vec!["Name", "Your role", "Apps"],
            rows: rows.collect(),
            empty: "You belong to none yet. The members of an organization share its apps.",
        }));
        if self.may_make_organizations(&visitor.user) {
            content.blocks.push(Block::Heading("A new organization".to_owned()));
            let typed = sent.as_ref().and_then(|sent| sent.get("name")).unwrap_or_default().to_owned();
            let field = Field::new("name", "Name", Input::Line(typed)).hint("Of your company or team");
            content.blocks.push(first(form(&content, vec![field], "Make it", vec![("act", "make".to_owned())])));
        }
        Ok(shown(visit, Some(visitor), status, content))
    }

    /// Makes an organization, or answers an invitation to one. Returns the path of the page to go on with.
    async fn begin(&self, visit: &Visit<'_>, visitor: &Visitor, sent: &Form) -> Result<String, Failure> {
        let page = |id: &dyn std::fmt::Display| format!("/gateway/organizations/{id}");
        if let Some(id) = sent.get("join") {
            let seen = self.inviting(visit.asked, visitor, id).await?;
            self.join(visit.asked, visitor, &seen).await?;
            return Ok(page(&id));
        }
        if let Some(id) = sent.get("decline") {
            let seen = self.inviting(visit.asked, visitor, id).await?;
            self.uninvite(visitor, &seen, &visitor.user.email).await?;
            return Ok("/gateway/organizations".to_owned());
        }
        match sent.get("act") {
            Some("make") => {
                let name = sent.get("name").unwrap_or_default();
                Ok(page(&self.make_organization(visit.asked, visitor, name).await?))
            }
            _ => Err(Failure::NotFound),
        }
    }

    pub(super) async fn organization_page(
        &self,
        visit: &Visit<'_>,
        visitor: &Visitor,
        id: &str,
        sent: Option<Form>,
    ) -> Result<ApiResponse, Failure> {
        let seen = self.organization(visitor, id).await?;
        let mut content = Content::new(seen.organization.name.clone());
        content.done = visit.asked.request.parameter("done").ok().flatten().map(|_| "It is done.");
        let mut status = 200;
        if let Some(sent) = &sent {
            match self.change_organization(visit, visitor, &seen, sent).await {
                Ok(path) => return Ok(see_other(&visit.site.path(&path))),
                Err(failure) => {
                    content.done = None;
                    status = failure.response().status;
                    content.mistakes = mistakes(failure)?;
                }
            }
        }
        self.list_own_apps(visit, &mut content, &seen).await?;
        self.list_members(&mut content, visitor, &seen).await?;
        if seen.is_owner() {
            let typed = sent.as_ref().and_then(|sent| sent.get("email")).unwrap_or_default().to_owned();
            let roles = [MemberRole::Member, MemberRole::Owner]
                .map(|role| (role.as_str().to_owned(), role.as_str().to_owned()));
            let fields = vec![
                Field::new("email", "E-mail address", Input::Line(typed))
                    .hint("Whoever has an account with this address can accept; a mail says so"),
                Field::new("role", "Role", Input::Choice(roles.into(), MemberRole::Member.as_str().to_owned()))
                    .hint("Owners also say who belongs to the organization"),
            ];
            content.blocks.push(Block::Heading("Invite somebody".to_owned()));
            content.blocks.push(form(&content, fields, "Invite", vec![("act", "invite".to_owned())]));
            content.blocks.push(Block::Heading("The organization".to_owned()));
            let name = Field::new("name", "Name", Input::Line(seen.organization.name.clone()));
            content.blocks.push(form(&content, vec![name], "Rename", vec![("act", "rename".to_owned())]));
            if seen.organization.apps == 0 {
                let button = Button {
                    label: "Delete".to_owned(),
                    of: format!("the organization {}", seen.organization.name),
                    sends: ("act", "delete".to_owned()),
                };
                content.blocks.push(Block::Facts(vec![("It has no apps".to_owned(), Cell::Buttons(vec![button]))]));
            }
        }
        Ok(shown(visit, Some(visitor), status, content))
    }

    /// Does what a form asks for, and returns the path of the page to go on with.
    async fn change_organization(
        &self,
        visit: &Visit<'_>,
        visitor: &Visitor,
        seen: &Seen,
        sent: &Form,
    ) -> Result<String, Failure> {
        let page = format!("/gateway/organizations/{}?done=yes", seen.organization.organization_id);
        let list = "/gateway/organizations".to_owned();
        match sent.get("act").unwrap_or_default() {
            "invite" => {
                visitor.is_fresh(visit.asked.now)?;
                let role = if sent.get("role") == Some("owner") { MemberRole::Owner } else { MemberRole::Member };
                self.invite(visit.asked, visitor, seen, (sent.get("email").unwrap_or_default(), role)).await?;
            }
            "rename" => self.rename(visitor, seen, sent.get("name").unwrap_or_default()).await?,
            "delete" => {
                self.delete_organization(visitor, seen).await?;
                return Ok(list);
            }
            act => {
                let (act, whom) = act.split_once(' ').ok_or(Failure::NotFound)?;
                if act == "uninvite" {
                    if !seen.is_owner() {
                        return Err(Failure::NotFound);
                    }
                    let address = Address::parse(whom).map_err(|_| Failure::NotFound)?;
                    self.uninvite(visitor, seen, &address).await?;
                    return Ok(page);
                }
                let user = UserId::parse(whom).map_err(|_| Failure::NotFound)?;
                let role = match act {
                    "owner" => {
                        visitor.is_fresh(visit.asked.now)?;
                        Some(MemberRole::Owner)
                    }
                    "member" => Some(MemberRole::Member),
                    "remove" => None,
                    _ => return Err(Failure::NotFound),
                };
                self.set_member(visitor, seen, &user, role).await?;
                if role.is_none() && user == visitor.user.user_id {
                    return Ok(list);
                }
            }
        }
        Ok(page)
    }

    async fn list_own_apps(&self, visit: &Visit<'_>, content: &mut Content, seen: &Seen) -> Result<(), Failure> {
        let id = &seen.organization.organization_id;
        let mut rows = Vec::new();
        for client_id in self.developers.organizations.apps_of(id).await? {
            let Some(app) = self.developers.apps.get(&client_id).await? else { continue };
            let path = format!("/gateway/organizations/{id}/apps/{client_id}");
            rows.push(vec![
                Cell::Link(app.name.clone(), visit.site.path(&path)),
                Cell::Code(client_id.to_string()),
                Cell::Badge(state(&app).to_owned()),
                Cell::Text(app.subscriptions.keys().map(ApiName::as_str).collect::<Vec<_>>().join(", ")),
            ]);
        }
        content.blocks.push(Block::Heading("Apps".to_owned()));
        content.blocks.push(Block::Table(Table {
            caption: "Apps".to_owned(),
            columns: vec!["Name", "Client id", "State", "APIs"],
            rows,
            empty: "There are none yet.",
        }));
        let register = visit.site.path(&format!("/gateway/organizations/{id}/register"));
        content.blocks.push(Block::Links(vec![("Register an app".to_owned(), register)]));
        Ok(())
    }

    async fn list_members(&self, content: &mut Content, visitor: &Visitor, seen: &Seen) -> Result<(), Failure> {
        let mut rows = Vec::new();
        for (id, member) in &seen.organization.members {
            let user = self.users.get(id).await?;
            let name = user.map_or_else(|| "a closed account".to_owned(), |user| user.email.to_string());
            let own = *id == visitor.user.user_id;
            let button = |label: &str, act: &str| Button {
                label: label.to_owned(),
                of: name.clone(),
                sends: ("act", format!("{act} {id}")),
            };
            let mut buttons = Vec::new();
            if seen.is_owner() {
                buttons.push(match member.role {
                    MemberRole::Member => button("Make an owner", "owner"),
                    MemberRole::Owner => button("Make a member", "member"),
                });
            }
            if own {
                buttons.push(button("Leave", "remove"));
            } else if seen.is_owner() {
                buttons.push(button("Remove", "remove"));
            }
            rows.push(vec![
                Cell::Text(name.clone()),
                Cell::Text(member.role.as_str().to_owned()),
                Cell::Text(time(member.since)),
                Cell::Buttons(buttons),
            ]);
        }
        content.blocks.push(Block::Heading("Members".to_owned()));
        if seen.standing == Standing::Administrator {
            content.blocks.push(Block::Text("You see this as an administrator.".to_owned()));
        }
        content.blocks.push(Block::Table(Table {
            caption: "Members".to_owned(),
            columns: vec!["Who", "Role", "Since (UTC)", ""],
            rows,
            empty: "",
        }));
        if !seen.organization.invited.is_empty() {
            let rows = seen.organization.invited.iter().map(|(address, invitation)| {
                let button = Button {
                    label: "Take back".to_owned(),
                    of: format!("the invitation of {address}"),
                    sends: ("act", format!("uninvite {address}")),
                };
                vec![
                    Cell::Text(address.to_string()),
                    Cell::Text(invitation.role.as_str().to_owned()),
                    Cell::Text(time(invitation.ends_at)),
                    Cell::Buttons(if seen.is_owner() { vec![button] } else { Vec::new() }),
                ]
            });
            content.blocks.push(Block::Heading("Invited".to_owned()));
            content.blocks.push(Block::Table(Table {
                caption: "Invited".to_owned(),
                columns: vec!["Address", "As", "Until (UTC)", ""],
                rows: rows.collect(),
                empty: "",
            }));
        }
        Ok(())
    }
}

/// What an application is doing, in a word.
pub(super) fn state(app: &App) -> &'static str {
    match (app.enabled, &app.requested) {
        (false, _) => "disabled",
        (true, Some(_)) => "waits for an approval",
        (true, None) => "enabled",
    }
}

fn invitation(one: &Organization) -> Vec<Cell> {
    let button = |label: &str, sends| Button {
        label: label.to_owned(),
        of: one.name.clone(),
        sends: (sends, one.organization_id.to_string()),
    };
    vec![Cell::Text(one.name.clone()), Cell::Buttons(vec![button("Join", "join"), button("Decline", "decline")])]
}

/// A form of several on a page, with the mistakes at its fields.
pub(super) fn form(
    content: &Content,
    mut fields: Vec<Field>,
    button: &'static str,
    hidden: Vec<(&'static str, String)>,
) -> Block {
    for field in &mut fields {
        let wrong = content.mistakes.iter().filter_map(|(at, text)| Some((at.as_deref()?, text)));
        let mut wrong = wrong.filter(|(at, _)| at.split('[').next() == Some(field.name.as_str()));
        field.mistake = wrong.next().map(|(_, text)| text.clone());
    }
    Block::Form(FormBlock { fields, button, hidden, asks: false, second: true })
}

/// The form with which a page goes on.
pub(super) fn first(block: Block) -> Block {
    if let Block::Form(form) = block { Block::Form(FormBlock { second: false, ..form }) } else { block }
}
