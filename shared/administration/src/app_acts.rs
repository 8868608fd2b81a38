//! Creates, changes and deletes applications.

use crate::shown::{described, differing};
use crate::{Act, ActError, Acts, AppChanges, Catalogue, requests, secret, subscriptions};
use gateway_domain::admin_scope;
use gateway_domain::ids::{ApiName, ClientId, HeaderText, PlanName, UserId};
use gateway_domain::secret::Secret;
use gateway_store::{App, AppKind, AppWrite, Developers, NewMail, Revision, WriteApp};
use std::collections::BTreeSet;

/// What is done with applications, and recorded.
pub struct AppActs<'a> {
    /// Who acts.
    pub acts: &'a Acts<'a>,
    /// The tables of applications and organizations.
    pub developers: &'a Developers,
    /// Who acts as a member of the application's organization: nothing is written once that user is none. `None` is an operator, an
    /// administrator or an application.
    pub member: Option<&'a UserId>,
    /// The user who asks for what waits for an approval.
    pub by: Option<&'a UserId>,
    /// The mails that tell of what is done, written with it or not at all.
    pub mails: Vec<NewMail>,
    /// The mail to those who approve, written if the application begins to wait for them.
    pub on_request: Option<NewMail>,
    /// The names that there are.
    pub names: Catalogue<'a>,
    /// The revision at which alone something is changed; any other one is a conflict.
    pub only_at: Option<Revision>,
    /// Whether scopes of the admin API may be given, and applications changed that have one. Who could without having all of them
    /// would have all of them.
    pub gives_admin_scopes: bool,
}

/// An application that is to be.
#[derive(Debug)]
pub struct NewApp {
    /// Its id.
    pub client_id: ClientId,
    /// Its name.
    pub name: HeaderText,
    /// Whether it can keep a secret.
    pub kind: AppKind,
    /// The plan that limits each of its users.
    pub plan: PlanName,
    /// The APIs that it may call.
    pub subscribe: BTreeSet<ApiName>,
    /// All else.
    pub settings: AppChanges,
    /// As [`App::registration_hash`].
    pub registration_hash: Option<String>,
}

/// An application as it is stored, and the secret that it got, which is told now or never.
pub struct Registered {
    /// The application.
    pub app: App,
    /// Its revision.
    pub revision: Revision,
    /// Its new secret, if it got one.
    pub secret: Option<Secret>,
}

impl AppActs<'_> {
    /// The application with this id.
    ///
    /// # Errors
    /// [`ActError::NoApp`], [`ActError::Store`].
    pub async fn registered(&self, client_id: &ClientId) -> Result<(App, Revision), ActError> {
        self.developers.apps.get_to_change(client_id).await?.ok_or_else(|| ActError::NoApp(client_id.clone()))
    }

    /// Fails if an application is one of the admin API, which is not for whoever acts.
    fn may_touch(&self, app: &App) -> Result<(), ActError> {
        if self.gives_admin_scopes || !app.scope.iter().any(admin_scope::is_one) {
            return Ok(());
        }
        Err(ActError::rule(
            "scopes",
            "an operator alone gives scopes of the admin API, and changes an app that has one",
        ))
    }

    /// Creates an application. A confidential one without keys gets a secret. A public one gets none: one that is shipped to every
    /// device is not secret (RFC 8252 §8.5).
    ///
    /// # Errors
    /// [`ActError::Fields`] with everything that is wrong, [`ActError::Taken`]; and those of [`Acts::audited`].
    pub async fn create(&self, new: NewApp) -> Result<Registered, ActError> {
        let NewApp { client_id, name, kind, plan, subscribe, mut settings, registration_hash } = new;
        let mut wrong: Vec<_> = subscribe.iter().filter_map(|api| self.names.api("subscribe", api)).collect();
        let subscriptions = subscribe.into_iter().map(|api| {
            let subscription = subscriptions::new(&client_id, &api);
            (api, subscription)
        });
        let mut app = App {
            subscriptions: subscriptions.collect(),
            registration_hash,
            ..App::new(client_id.clone(), name.to_string(), kind, plan.clone())
        };
        settings.plan = Some(plan);
        match settings.apply(&mut app, self.names) {
            Ok(()) => {}
            Err(ActError::Fields(fields)) => wrong.extend(fields),
            Err(error) => return Err(error),
        }
        if !wrong.is_empty() {
            return Err(ActError::Fields(wrong));
        }
        self.may_touch(&app)?;
        self.add(app).await
    }

    /// Writes a new application, which has been checked.
    pub(crate) async fn add(&self, mut app: App) -> Result<Registered, ActError> {
        let secret = match (app.kind, &app.jwks) {
            (AppKind::Public, _) | (_, Some(_)) => None,
            (AppKind::Confidential, None) => Some(secret::new(&mut app, self.acts.entropy)?),
        };
        let subject = subject(&app.client_id);
        let act = Act { act: "apps create", subject: subject.clone(), before: None, after: Some(described(&app)) };
        let write = async {
            match self.developers.write_app(AppWrite::Create(&app), self.member, &self.telling(None, &app)).await? {
                WriteApp::Written(revision) => Ok(revision),
                WriteApp::Conflict => Err(ActError::Taken(subject)),
            }
        };
        // Whoever is told of a failure alone would never learn the secret.
        let (revision, _) = self.acts.audited_or_told(act, Box::pin(write), |_| None).await?;
        Ok(Registered { app, revision, secret })
    }

    /// Changes what is asked for.
    ///
    /// # Errors
    /// [`ActError::Fields`] with everything that is wrong; and those of [`AppActs::change_with`].
    pub async fn change(
        &self,
        client_id: &ClientId,
        act: &'static str,
        changes: AppChanges,
    ) -> Result<(App, Revision), ActError> {
        self.change_with(client_id, act, |app| changes.apply(app, self.names)).await
    }

    /// Reads an application, changes it with `set` and writes it. What changes nothing is neither written nor recorded.
    ///
    /// # Errors
    /// Those of `set`; [`ActError::NoApp`]; [`ActError::Conflict`] if somebody else has changed it in between; and those of
    /// [`Acts::audited`].
    pub async fn change_with(
        &self,
        client_id: &ClientId,
        act: &'static str,
        set: impl FnOnce(&mut App) -> Result<(), ActError>,
    ) -> Result<(App, Revision), ActError> {
        let (app, revision, recorded) = self.changed_by(client_id, act, set).await?;
        recorded?;
        Ok((app, revision))
    }

    /// The same, which tells the application even if the outcome could not be recorded.
    pub(crate) async fn changed_by(
        &self,
        client_id: &ClientId,
        act: &'static str,
        set: impl FnOnce(&mut App) -> Result<(), ActError>,
    ) -> Result<(App, Revision, Result<(), ActError>), ActError> {
        let (before, from) = self.registered(client_id).await?;
        if self.only_at.is_some_and(|expected| expected != from) {
            return Err(ActError::Conflict(subject(client_id)));
        }
        self.may_touch(&before)?;
        let mut app = before.clone();
        set(&mut app)?;
        self.may_touch(&app)?;
        requests::keep(&before, &mut app);
        if app == before {
            return Ok((app, from, Ok(())));
        }
        let (old, new) = (described(&before), described(&app));
        let act = Act {
            act,
            subject: subject(client_id),
            before: Some(differing(&old, &new)),
            after: Some(differing(&new, &old)),
        };
        let (revision, recorded) = self.write_change(act, (&before, from), &app).await?;
        Ok((app, revision, recorded))
    }

    /// Writes what has become of an application.
    pub(crate) async fn write_change(
        &self,
        act: Act,
        (before, from): (&App, Revision),
        after: &App,
    ) -> Result<(Revision, Result<(), ActError>), ActError> {
        let write = async {
            let change = AppWrite::Change { before, from, after };
            match self.developers.write_app(change, self.member, &self.telling(Some(before), after)).await? {
                WriteApp::Written(revision) => Ok(revision),
                WriteApp::Conflict => Err(ActError::Conflict(subject(&after.client_id))),
            }
        };
        self.acts.audited_or_told(act, Box::pin(write), |_| None).await
    }

    /// The mails that tell of a change.
    fn telling(&self, before: Option<&App>, after: &App) -> Vec<NewMail> {
        let waits = |app: &App| app.requested.is_some();
        let begins = waits(after) && !before.is_some_and(waits);
        self.mails.iter().chain(self.on_request.as_ref().filter(|_| begins)).cloned().collect()
    }

    /// The act of deleting an application.
    pub fn deleting(app: &App) -> Act {
        Act { act: "apps delete", subject: subject(&app.client_id), before: Some(described(app)), after: None }
    }

    /// Deletes an application that still has this revision. Nothing is recorded here: its sessions are a part of the same act.
    ///
    /// # Errors
    /// [`ActError::Conflict`], [`ActError::Store`].
    pub async fn delete(&self, app: &App, from: Revision) -> Result<(), ActError> {
        self.may_touch(app)?;
        match self.developers.write_app(AppWrite::Delete(app, from), self.member, &self.mails).await? {
            WriteApp::Written(_) => Ok(()),
            WriteApp::Conflict => Err(ActError::Conflict(subject(&app.client_id))),
        }
    }
}

pub(crate) fn subject(client_id: &ClientId) -> String {
    format!("app {client_id}")
}
