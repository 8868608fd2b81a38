//! What every command needs: the gateway, the names it knows, and how to print.

use crate::catalogue::Catalogue;
use crate::cli::{Arguments, Format};
use crate::connection::Connection;
use crate::error::Error;
use crate::output::Printer;
use gateway_administration::{Acts, AppActs};
use gateway_domain::ids::UserId;
use gateway_domain::password::{Cost, Passwords};
use gateway_runtime::{StartError, SystemClock, SystemEntropy};
use gateway_store::User;

/// A gateway and a way to operate it.
pub(crate) struct Context {
    pub(crate) connection: Connection,
    pub(crate) catalogue: Catalogue,
    pub(crate) print: Printer,
    /// Do what cannot be undone without asking (`--yes`).
    pub(crate) yes: bool,
}

impl Context {
    pub(crate) fn new(connection: Connection, arguments: &Arguments) -> Self {
        let catalogue = Catalogue::find(arguments.config.as_deref(), connection.config.as_deref());
        let print = Printer { json: arguments.output == Format::Json };
        Self { connection, catalogue, print, yes: arguments.yes }
    }

    /// Records what this operator does.
    pub(crate) fn acts(&self) -> Acts<'_> {
        let audit = &self.connection.store.audit;
        Acts { audit, clock: &SystemClock, entropy: &SystemEntropy, who: self.connection.who.clone() }
    }

    /// What this operator does with applications.
    pub(crate) fn app_acts<'a>(&'a self, acts: &'a Acts<'a>) -> Result<AppActs<'a>, Error> {
        Ok(AppActs {
            acts,
            developers: &self.connection.store.developers,
            member: None,
            by: None,
            mails: Vec::new(),
            on_request: None,
            names: self.catalogue.names()?,
            only_at: None,
            gives_admin_scopes: true,
        })
    }

    /// The user with this e-mail address or user id.
    pub(crate) async fn user(&self, name: &str) -> Result<User, Error> {
        let store = &self.connection.store;
        let by_address = store.users.by_email(name).await?;
        let by_id = match UserId::parse(name) {
            Ok(id) => store.users.get(&id).await?,
            Err(_) => None,
        };
        match (by_address, by_id) {
            // A user id may look like an address. If two users match, the operator must say which one is meant.
            (Some(one), Some(other)) if one.user_id != other.user_id => {
                Err(Error::TwoUsers { name: name.to_owned(), by_address: one.user_id })
            }
            (Some(user), _) | (None, Some(user)) => Ok(user),
            (None, None) => Err(Error::NoUser(name.to_owned())),
        }
    }

    /// The password hasher, with the cost and pepper of the functions.
    pub(crate) async fn passwords(&self) -> Result<Passwords, Error> {
        let Some(pepper) = self.connection.resources.get("Pepper") else {
            return Err(Error::NoResource { place: self.connection.place.clone(), resource: "Pepper" });
        };
        let text = self.connection.secrets.text(pepper).await?;
        Passwords::new(text.expose(), Cost::default()).map_err(|error| {
            Error::Start(StartError::Invalid { what: format!("secret {pepper}"), reason: error.to_string() })
        })
    }
}
