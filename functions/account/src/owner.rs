//! What owners do with their accounts, whether by a page or by JSON: password, address, profile, sessions, consents, their data,
//! and the end of the account.

use crate::error::{Failure, Wrong};
use crate::flows::{Asker, NewCode, ROUNDS};
use crate::limits::{Allowed, Mailing};
use crate::{Account, Asked};
use gateway_credentials::PasswordLogin;
use gateway_domain::address::Address;
use gateway_domain::code::{LIFETIME, TAKE_BACK, WAYS_BACK};
use gateway_domain::ids::{ClientId, CodeId, OutboxId, SessionId, UserId};
use gateway_domain::outbox::{AppSession, ENDING, PATIENCE, Which};
use gateway_domain::password::Verdict;
use gateway_domain::secret::Secret;
use gateway_domain::session::LoginMethod;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_mail::{Notice, PasskeysThen};
use gateway_store::{BrowserLogin, ChangeUser, Code, Following, LiveSession, NewEnding, NewMail, Purpose, User};
use std::collections::BTreeSet;

/// For so long after a login the password is not asked for again.
const FRESH: Seconds = Seconds::new(600);

/// Whether a login at this time is recent enough for what follows it without the password.
pub(crate) fn is_fresh(auth_time: Timestamp, now: Timestamp) -> bool {
    now < auth_time.saturating_add(FRESH)
}

/// An owner: who has logged in, and when.
pub(crate) struct Owner {
    pub(crate) user: User,
    /// When the user logged in.
    pub(crate) auth_time: Timestamp,
    /// The login of this browser.
    pub(crate) login: BrowserLogin,
}

impl Owner {
    /// Whether the login is recent enough for a change of the password, the address or the passkeys.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        is_fresh(self.auth_time, now)
    }

    /// By what the owner has shown who it is, and when, for a login that goes on: by the login itself, or else by the password, which was just asked
    /// for.
    pub(crate) fn proof(&self, now: Timestamp) -> (LoginMethod, Timestamp) {
        if self.is_fresh(now) { (self.login.by, self.auth_time) } else { (LoginMethod::Password, now) }
    }

    /// Whether a session of an app began in this browser.
    pub(crate) fn began_here(&self, session: &SessionId) -> bool {
        self.login.sessions.contains_key(session)
    }
}

impl Account {
    /// Checks the password of an owner, counted as a login is.
    pub(crate) async fn prove_owner(
        &self,
        asked: &Asked<'_>,
        user: &User,
        typed: Option<&Secret>,
    ) -> Result<(), Failure> {
        let wrong = |wrong| Failure::field("current_password", wrong);
        let password = typed.filter(|typed| !typed.is_empty()).ok_or_else(|| wrong(Wrong::Required))?;
        match self.log_in(asked, user.email.as_str(), password).await {
            Ok(shown) if shown.user_id == user.user_id => Ok(()),
            Ok(_) | Err(Failure::WrongLogin) => Err(wrong(Wrong::OtherPassword)),
            Err(failure) => Err(failure),
        }
    }

    /// The user with this name and password.
    pub(crate) async fn log_in(&self, asked: &Asked<'_>, name: &str, password: &Secret) -> Result<User, Failure> {
        let client = ClientId::of_account_pages();
        let (source, session) = (&asked.source, None);
        let login = PasswordLogin { username: name, password, client: &client, source, session };
        Ok(self.credentials.check(&login, asked.now).await?.user)
    }

    /// A password that belongs to a legacy system is changed there.
    pub(crate) fn may_change_password(&self) -> Result<(), Failure> {
        match self.gateway.password_elsewhere() {
            Some(elsewhere) => Err(Failure::PasswordElsewhere(elsewhere.change.map(|url| url.as_str().to_owned()))),
            None => Ok(()),
        }
    }

    /// Sets another password. All sessions end, but those that begin from now on. Returns the user as it is then.
    pub(crate) async fn change_password(
        &self,
        asked: &Asked<'_>,
        user: &User,
        (field, password): (&str, &Secret),
    ) -> Result<User, Failure> {
        let known: Vec<&str> = user.profile.values().map(String::as_str).chain([user.email.as_str()]).collect();
        self.new_password(asked, (field, password), &known)?;
        let hasher = self.passwords_for(user.password.as_ref()).await?;
        if hasher.verify(password, user.password.as_ref())? != Verdict::Wrong {
            return Err(Failure::field(field, Wrong::SamePassword));
        }
        let hash = hasher.hash(password, self.entropy.bytes()?)?;
        let forgotten = asked.link("/account/forgotten");
        let stay = || PasskeysThen::Stay(asked.link("/account/passkeys"));
        let passkeys = (!self.users.passkeys(&user.user_id).await?.is_empty()).then(stay);
        let follows = self.following(asked, user, Notice::PasswordChanged { forgotten, passkeys })?;
        done(self.accounts.change_password(user, &hash, follows.both()).await?)?;
        self.follow(&follows).await;
        Ok(User { password: Some(hash), credential_epoch: next_epoch(user), ..user.clone() })
    }

    /// Disables the account, and revokes its devices: before, so that they are found by the account, and once more after it, when no other
    /// one can be linked.
    pub(crate) async fn disable(&self, asked: &Asked<'_>, user: &User) -> Result<(), Failure> {
        Box::pin(self.revoke_devices(asked, &user.user_id)).await?;
        let follows = self.following(asked, user, Notice::AccountDisabled)?;
        done(self.accounts.disable(user, follows.both()).await?)?;
        self.follow(&follows).await;
        Box::pin(self.revoke_devices(asked, &user.user_id)).await
    }

    /// Takes back all that a user has allowed.
    pub(crate) async fn take_back_consents(&self, user: &UserId) -> Result<(), Failure> {
        for consent in self.consents.of_user(user).await? {
            self.consents.revoke(user, &consent.client_id).await?;
        }
        Ok(())
    }

    /// Deletes the account and what its owner has told and allowed. The consents and devices go first: they are found by the account. A device
    /// that was linked meanwhile goes after it, when no other one can be.
    pub(crate) async fn delete(&self, asked: &Asked<'_>, user: &User) -> Result<(), Failure> {
        self.take_back_consents(&user.user_id).await?;
        Box::pin(self.revoke_devices(asked, &user.user_id)).await?;
        let follows = self.following(asked, user, Notice::AccountDeleted)?;
        done(self.accounts.delete(user, follows.both()).await?)?;
        self.follow(&follows).await;
        Box::pin(self.revoke_devices(asked, &user.user_id)).await
    }

    /// Sends a code to an address that the account is to have. Nobody learns whether it has another owner, who gets a word.
    pub(crate) async fn ask_for_address(
        &self,
        asked: &Asked<'_>,
        user: &User,
        email: &Address,
    ) -> Result<CodeId, Failure> {
        if user.password.is_none() {
            return Err(Failure::AddressElsewhere);
        }
        if user.email == *email {
            return Err(Failure::field("email", Wrong::SameAddress));
        }
        // The owner of the account may be told that the address gets no mail now: that says nothing of who has it.
        let allowed = self.limits.mail(Mailing::Proof, email, asked.source, asked.now).await?;
        if let Allowed::No(wait) = allowed {
            return Err(Failure::TooMany(wait));
        }
        if let Some(wait) = until_another_change(user, asked.now) {
            return Err(Failure::TooMany(wait));
        }
        let held = self.users.by_email(email.as_str()).await?;
        let NewCode { code, digits, token, .. } =
            self.new_code(Purpose::ChangeAddress, Asker::of(user), Some(email.clone()), LIFETIME, asked.now)?;
        let notice = if held.is_some_and(|held| held.email_verified) {
            Notice::AddressTaken { forgotten: asked.link("/account/forgotten") }
        } else {
            Notice::ChangeAddress {
                code: digits.expose().to_owned(),
                link: asked.link(&format!("/account/address/confirm?id={}&token={}", code.id, token.expose())),
                minutes: LIFETIME.as_u64() / 60,
            }
        };
        let mail = self.mail(asked, email, notice, LIFETIME)?;
        self.accounts.send_code(&code, &mail).await?;
        self.outbox.send(&mail.id).await;
        Ok(code.id)
    }

    /// The address that a code would give to this user.
    pub(crate) async fn asked_address(&self, asked: &Asked<'_>, id: &CodeId, user: &User) -> Result<Address, Failure> {
        let code = self.codes.get(id, Purpose::ChangeAddress, asked.now).await?;
        code.filter(|code| code.is_of(user)).and_then(|code| code.address).ok_or(Failure::WrongCode)
    }

    /// Gives the account the address that the mail proves. The address before is told, and can take it back for some days.
    pub(crate) async fn change_address(
        &self,
        asked: &Asked<'_>,
        user: &User,
        (id, proof): (&CodeId, &crate::flows::Proof),
    ) -> Result<(), Failure> {
        let code = self.tried(asked, id, Purpose::ChangeAddress, proof).await?;
        if !code.is_of(user) {
            return Err(Failure::WrongCode);
        }
        let to = code.address.ok_or(Failure::WrongCode)?;
        if let Some(wait) = until_another_change(user, asked.now) {
            return Err(Failure::TooMany(wait));
        }
        // Nobody has shown that an unproved address is theirs: whoever has that mailbox gets no way into the account.
        let told = if user.email_verified { Some(self.way_back(asked, user, &to)?) } else { None };
        let way_back = told.as_ref().map(|(code, mail)| (code, mail));
        for _ in 0..ROUNDS {
            let holder = self.unproved_holder(&to, &user.user_id).await?;
            let by = (user, &to);
            let changed = self.accounts.change_address(id, by, holder.as_ref(), way_back, asked.now).await?;
            if changed == ChangeUser::Done {
                if let Some((_, mail)) = &told {
                    self.outbox.send(&mail.id).await;
                }
                return Ok(());
            }
            if self.codes.get(id, Purpose::ChangeAddress, asked.now).await?.is_none() {
                return Err(Failure::WrongCode);
            }
        }
        Err(Failure::Busy)
    }

    /// The code that takes the present address back after a change to this one, and the mail that brings it there.
    fn way_back(&self, asked: &Asked<'_>, user: &User, to: &Address) -> Result<(Code, NewMail), Failure> {
        let before = Some(user.email.clone());
        let NewCode { code, token, .. } =
            self.new_code(Purpose::TakeBackAddress, Asker::of(user), before, TAKE_BACK, asked.now)?;
        let notice = Notice::AddressChanged {
            now: to.to_string(),
            link: asked.link(&format!("/account/take-back?id={}&token={}", code.id, token.expose())),
            days: TAKE_BACK.as_u64() / 86_400,
        };
        let mail = self.mail(asked, &user.email, notice, TAKE_BACK)?;
        Ok((code, mail))
    }

    /// The address that a link of a mail gives back, and the account, while it is one of its ways back.
    pub(crate) async fn address_to_take_back(
        &self,
        id: &CodeId,
        token: &Secret,
        now: Timestamp,
    ) -> Result<(Address, User), Failure> {
        let code = self.codes.get(id, Purpose::TakeBackAddress, now).await?.filter(|code| code.is_token(token));
        let code = code.ok_or(Failure::WrongCode)?;
        let user = self.users.get(&code.user_id).await?;
        let user = user.filter(|user| user.ways_back.iter().any(|way| way.id == *id));
        code.address.zip(user).ok_or(Failure::WrongCode)
    }

    /// Gives the account back the address that it had, with another password. All its sessions end, and no later change of the
    /// address can be taken back. The address that it had until now is told.
    pub(crate) async fn take_back(
        &self,
        asked: &Asked<'_>,
        (id, token): (&CodeId, &Secret),
        (field, password): (&str, &Secret),
    ) -> Result<(), Failure> {
        let (to, user) = self.address_to_take_back(id, token, asked.now).await?;
        let known: Vec<&str> = user.profile.values().map(String::as_str).chain([to.as_str()]).collect();
        self.new_password(asked, (field, password), &known)?;
        let proof = crate::flows::Proof::Link(Secret::new(token.expose().to_owned()));
        let Code { user_id, .. } = self.tried(asked, id, Purpose::TakeBackAddress, &proof).await?;
        let hash = self.credentials.hasher().fresh().await?.hash(password, self.entropy.bytes()?)?;
        for _ in 0..ROUNDS {
            // One who has disabled the account meanwhile does not keep its owner out, but support has to enable it first.
            let user = self.users.get(&user_id).await?;
            // One whose password is elsewhere has no way back: a password here would put an end to that.
            let user = user.filter(|user| user.enabled && user.password.is_some()).ok_or(Failure::WrongCode)?;
            let holder = self.unproved_holder(&to, &user_id).await?;
            let restored = User { email: to.clone(), ..user.clone() };
            let forgotten = asked.link("/account/forgotten");
            let passkeys = (!self.users.passkeys(&user_id).await?.is_empty()).then_some(PasskeysThen::Gone);
            let follows = self.following(asked, &restored, Notice::PasswordChanged { forgotten, passkeys })?;
            let displaced = self.mail(asked, &user.email, Notice::AddressTakenBack, PATIENCE)?;
            let (by, then) = ((&user, &to), (follows.both(), &displaced));
            let back = self.accounts.take_back_address(id, by, holder.as_ref(), &hash, then).await?;
            if back == ChangeUser::Done {
                self.follow(&follows).await;
                if user.email != to {
                    self.outbox.send(&displaced.id).await;
                }
                return self.proved(&user_id, asked).await;
            }
            if self.codes.get(id, Purpose::TakeBackAddress, asked.now).await?.is_none() {
                return Err(Failure::WrongCode);
            }
        }
        Err(Failure::Busy)
    }

    /// Who has an address without having proved it. One who has proved it keeps it.
    async fn unproved_holder(&self, address: &Address, asker: &UserId) -> Result<Option<UserId>, Failure> {
        match self.users.by_email(address.as_str()).await? {
            Some(held) if held.user_id == *asker => Ok(None),
            Some(held) if held.email_verified => Err(Failure::WrongCode),
            held => Ok(held.map(|held| held.user_id)),
        }
    }

    /// Ends these sessions of a user, so that the next call of each is refused.
    pub(crate) async fn end_sessions(
        &self,
        asked: &Asked<'_>,
        user: &UserId,
        sessions: Vec<AppSession>,
    ) -> Result<(), Failure> {
        if sessions.is_empty() {
            return Ok(());
        }
        let ending = self.ending(user, Which::These(sessions), asked.now)?;
        self.accounts.outbox().add_ending(&ending).await?;
        self.outbox.end_sessions(&ending.id).await;
        Ok(())
    }

    /// Logs a user out of everything but what is kept.
    pub(crate) async fn log_out_elsewhere(
        &self,
        asked: &Asked<'_>,
        user: &UserId,
        browser: Option<&BrowserLogin>,
        kept: impl Fn(&SessionId) -> bool,
    ) -> Result<(), Failure> {
        let end_browsers =
            async { if self.browsers.end_others(user, browser).await? { Ok(()) } else { Err(Failure::NotLoggedIn) } };
        Box::pin(self.end_around(asked, user, |live| !kept(&live.entry.sid), end_browsers)).await
    }

    /// Ends the chosen sessions of a user before and after a change from which on no more of them can begin: those that live are
    /// noted before it, so that they end even if this dies, and those that have begun meanwhile after it.
    pub(crate) async fn end_around(
        &self,
        asked: &Asked<'_>,
        user: &UserId,
        chosen: impl Fn(&LiveSession) -> bool,
        change: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        let before = self.activity.sessions_of_user(user, asked.now).await?;
        let noted: BTreeSet<_> = before.iter().map(|live| live.entry.sid.clone()).collect();
        self.end_sessions(asked, user, of_apps(before.into_iter().filter(&chosen))).await?;
        change.await?;
        let after = self.activity.sessions_of_user(user, asked.now).await?.into_iter();
        let begun = after.filter(|live| chosen(live) && !noted.contains(&live.entry.sid));
        self.end_sessions(asked, user, of_apps(begun)).await
    }

    /// What follows a change of credentials: the end of every session that began before it, and a mail to the user's address. One
    /// that nobody has proved gets none: it may be of somebody who never asked, and whoever made the account could send many.
    pub(crate) fn following(&self, asked: &Asked<'_>, user: &User, notice: Notice) -> Result<Follows, Failure> {
        let ending = self.ending(&user.user_id, Which::BegunBefore(next_epoch(user)), asked.now)?;
        let notice = if user.email_verified { notice } else { Notice::Nothing };
        Ok(Follows { ending, mail: self.mail(asked, &user.email, notice, PATIENCE)? })
    }

    /// Asks the outbox to do at once what a change has written.
    pub(crate) async fn follow(&self, follows: &Follows) {
        self.outbox.end_sessions(&follows.ending.id).await;
        self.outbox.send(&follows.mail.id).await;
    }

    pub(crate) fn ending(&self, user_id: &UserId, which: Which, now: Timestamp) -> Result<NewEnding, Failure> {
        let id = OutboxId::from_random(self.entropy.bytes()?);
        Ok(NewEnding { id, user_id: user_id.clone(), which, due: now, until: now.saturating_add(ENDING) })
    }
}

/// What follows a change.
pub(crate) struct Follows {
    ending: NewEnding,
    mail: NewMail,
}

impl Follows {
    pub(crate) fn both(&self) -> Following<'_> {
        Following { ending: &self.ending, mail: &self.mail }
    }
}

/// These sessions, as the outbox names them.
fn of_apps(live: impl Iterator<Item = LiveSession>) -> Vec<AppSession> {
    live.map(|live| AppSession { client_id: live.client_id, sid: live.entry.sid }).collect()
}

/// The epoch after the next change of credentials.
pub(crate) fn next_epoch(user: &User) -> u64 {
    user.credential_epoch.saturating_add(1)
}

fn done(changed: ChangeUser) -> Result<(), Failure> {
    match changed {
        ChangeUser::Done => Ok(()),
        ChangeUser::Conflict => Err(Failure::Busy),
    }
}

/// How long an account has to wait for another change of the address: none may push out the way back of an older one.
fn until_another_change(user: &User, now: Timestamp) -> Option<Seconds> {
    let open: Vec<_> = user.ways_back.iter().filter(|way| now < way.until).collect();
    let first = open.iter().map(|way| way.until).min().filter(|_| open.len() >= WAYS_BACK)?;
    Some(first.since(now))
}
