//! What people do, whether by a page or by JSON: sign up, prove an address, ask for a mail about a forgotten password, set
//! another one. Whether an address is known shows neither in a response nor in what is done for it.

use crate::error::{Failure, Wrong};
use crate::limits::{Allowed, Mailing};
use crate::{Account, Asked, fields};
use gateway_domain::address::Address;
use gateway_domain::code::{LIFETIME, Ticket, UNPROVED, digits, token, token_hash};
use gateway_domain::ids::{CodeId, OutboxId, UserId};
use gateway_domain::password::{PasswordHash, Verdict};
use gateway_domain::secret::Secret;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_mail::{Letter, Notice, PasskeysThen};
use gateway_store::{ChangeUser, Code, Holder, NewMail, Purpose, User};
use std::collections::BTreeMap;

/// How often a write is tried that met another one.
pub(crate) const ROUNDS: u32 = 3;

/// How somebody shows that a mail has arrived.
pub(crate) enum Proof {
    /// By the digits.
    Digits(Secret),
    /// By the token of the link.
    Link(Secret),
}

/// The account that a code is for, as it is when the code is made.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) user_id: &'a UserId,
    pub(crate) email: &'a Address,
    pub(crate) epoch: u64,
}

impl<'a> Asker<'a> {
    pub(crate) fn of(user: &'a User) -> Self {
        Self { user_id: &user.user_id, email: &user.email, epoch: user.credential_epoch }
    }
}

/// A code with what only the mail and only the asker get.
pub(crate) struct NewCode {
    pub(crate) code: Code,
    pub(crate) digits: Secret,
    pub(crate) token: Secret,
    pub(crate) ticket: Ticket,
}

impl Account {
    /// Checks what somebody signs up with. All that is wrong is told at once.
    pub(crate) fn may_sign_up(
        &self,
        asked: &Asked<'_>,
        email: Option<&str>,
        password: &Secret,
        profile: Result<BTreeMap<String, String>, Failure>,
    ) -> Result<(Address, BTreeMap<String, String>), Failure> {
        let mut mistaken = fields::Mistaken::default();
        let address = mistaken.in_field(fields::address("email", email))?;
        let texts = profile.iter().flatten().map(|(_, text)| text.as_str());
        let texts: Vec<_> = texts.chain(address.as_ref().map(Address::as_str)).collect();
        mistaken.in_field(self.new_password(asked, ("password", password), &texts))?;
        let profile = mistaken.in_field(profile)?;
        mistaken.none()?;
        // None is left out where nothing was wrong.
        Ok((address.ok_or(Failure::WrongCode)?, profile.unwrap_or_default()))
    }

    /// A password that may be set for an account of which others can know these texts, and what the service is called.
    pub(crate) fn new_password(
        &self,
        asked: &Asked<'_>,
        (field, password): (&str, &Secret),
        known: &[&str],
    ) -> Result<(), Failure> {
        let (host, name) = (asked.host(), self.gateway.pages().name.as_ref());
        let service = name.map(gateway_config::SiteName::as_str).into_iter().chain([host.as_str()]);
        let known: Vec<&str> = known.iter().copied().chain(service).collect();
        fields::new_password(field, Some(password), &known)
    }

    /// Signs somebody up. The mail goes to the address: a code if nobody owns it, and otherwise a word to the owner. Whoever
    /// asked gets a ticket either way.
    pub(crate) async fn sign_up(
        &self,
        asked: &Asked<'_>,
        email: Address,
        password: Secret,
        profile: BTreeMap<String, String>,
    ) -> Result<Ticket, Failure> {
        let allowed = self.limits.mail(Mailing::Proof, &email, asked.source, asked.now).await?;
        let password = self.credentials.hasher().fresh().await?.hash(&password, self.entropy.bytes()?)?;
        let user_id = UserId::from_random(self.entropy.bytes()?);
        let epoch = u64::try_from(asked.now.as_secs()).unwrap_or_default().saturating_mul(1_000);
        let user = User {
            user_id: user_id.clone(),
            email,
            password: Some(password),
            credential_epoch: epoch,
            enabled: true,
            links: BTreeMap::new(),
            email_verified: false,
            directory_subject: None,
            ways_back: Vec::new(),
            browser_epoch: 0,
            roles: std::collections::BTreeSet::new(),
            second_factor: None,
            profile,
        };
        let told = self.reached_by(allowed, &user_id)?;
        let of = Asker { user_id: &told, email: &user.email, epoch };
        let NewCode { code, digits, token, ticket } =
            self.new_code(Purpose::VerifyAddress, of, None, LIFETIME, asked.now)?;
        for _ in 0..ROUNDS {
            let held = self.users.by_email(user.email.as_str()).await?;
            let (holder, notice) = match &held {
                Some(held) if held.email_verified => {
                    let forgotten = asked.link("/account/forgotten");
                    (Holder::Owner(&held.user_id), Notice::AddressTaken { forgotten })
                }
                Some(held) => (Holder::Unproved(&held.user_id), verify_notice(asked, &code.id, &digits, &token)),
                None => (Holder::Nobody, verify_notice(asked, &code.id, &digits, &token)),
            };
            let mail = self.mail(asked, &user.email, allowed.of(notice), LIFETIME)?;
            let until = asked.now.saturating_add(UNPROVED);
            if self.accounts.sign_up(&user, until, holder, (&code, &mail)).await? == ChangeUser::Done {
                self.outbox.send(&mail.id).await;
                return Ok(ticket);
            }
        }
        Err(Failure::Busy)
    }

    /// Proves the address of an account: by a mail that has arrived, and by the browser or app that signed up or else the password,
    /// so that nobody is made to prove an account that somebody else has made.
    pub(crate) async fn verify(
        &self,
        asked: &Asked<'_>,
        (id, ticket): (&CodeId, Option<&Secret>),
        proof: &Proof,
        password: Option<&Secret>,
    ) -> Result<(), Failure> {
        let code = self.tried(asked, id, Purpose::VerifyAddress, proof).await?;
        let user = self.users.get(&code.user_id).await?.filter(|user| user.email == code.email);
        let user = user.ok_or(Failure::WrongCode)?;
        let is_asker = ticket.is_some_and(|ticket| code.is_ticket(ticket));
        if !is_asker {
            let password = password.ok_or(Failure::WrongCode)?;
            let passwords = self.passwords_for(user.password.as_ref()).await?;
            let reserved = self.attempts.reserve(&user, &asked.source, asked.now).await?;
            if passwords.verify(password, user.password.as_ref())? == Verdict::Wrong {
                return Err(Failure::field("password", Wrong::OtherPassword));
            }
            self.attempts.right(&reserved, &user, asked.now).await?;
        }
        for _ in 0..ROUNDS {
            let held = self.users.by_email(user.email.as_str()).await?;
            if held.as_ref().is_some_and(|held| held.email_verified && held.user_id != user.user_id) {
                return Err(Failure::WrongCode);
            }
            let holder = held.map(|held| held.user_id);
            if self.accounts.verify(id, &user, holder.as_ref()).await? == ChangeUser::Done {
                return Ok(());
            }
            if self.codes.get(id, Purpose::VerifyAddress, asked.now).await?.is_none() {
                return Err(Failure::WrongCode);
            }
        }
        Err(Failure::Busy)
    }

    /// The address that a link is to prove, for whoever has the link.
    pub(crate) async fn address_of_link(&self, id: &CodeId, token: &Secret, now: Timestamp) -> Result<String, Failure> {
        let code = self.codes.get(id, Purpose::VerifyAddress, now).await?.filter(|code| code.is_token(token));
        let user = self.users.get(&code.ok_or(Failure::WrongCode)?.user_id).await?;
        Ok(user.ok_or(Failure::WrongCode)?.email.to_string())
    }

    /// Sends another code for a sign-up, for whoever has begun it. The code before still works.
    pub(crate) async fn send_again(
        &self,
        asked: &Asked<'_>,
        id: &CodeId,
        ticket: &Secret,
        email: &Address,
    ) -> Result<Ticket, Failure> {
        let before = self.codes.get(id, Purpose::VerifyAddress, asked.now).await?;
        // The address is what the browser says: one for which nobody signed up here is not counted.
        let before = before.filter(|code| code.is_ticket(ticket) && code.email == *email).ok_or(Failure::WrongCode)?;
        let allowed = self.limits.mail(Mailing::Proof, email, asked.source, asked.now).await?;
        let user = self.users.get(&before.user_id).await?;
        let told = self.reached_by(allowed, &before.user_id)?;
        let of = Asker { user_id: &told, email, epoch: before.credential_epoch };
        let NewCode { code, digits, token, ticket } =
            self.new_code(Purpose::VerifyAddress, of, None, LIFETIME, asked.now)?;
        let notice = match user {
            Some(user) if user.email == *email && !user.email_verified => {
                allowed.of(verify_notice(asked, &code.id, &digits, &token))
            }
            Some(_) | None => Notice::Nothing,
        };
        let mail = self.mail(asked, email, notice, LIFETIME)?;
        self.accounts.send_code(&code, &mail).await?;
        self.outbox.send(&mail.id).await;
        Ok(ticket)
    }

    /// Whether a forgotten password is set here: one that belongs to a legacy system is set there alone, since a new one here would
    /// no longer log in there.
    pub(crate) fn resets_here(&self) -> Result<(), Failure> {
        match self.gateway.password_elsewhere() {
            None => Ok(()),
            Some(elsewhere) => Err(Failure::PasswordElsewhere(elsewhere.reset.map(|url| url.as_str().to_owned()))),
        }
    }

    /// Sends a code for another password, if somebody who may log in has this address.
    pub(crate) async fn forgotten(&self, asked: &Asked<'_>, email: &Address) -> Result<Ticket, Failure> {
        self.resets_here()?;
        let of_owner = |user: &User| user.enabled && user.password.is_some();
        self.send_way_in(asked, email, (Purpose::ResetPassword, reset_notice), of_owner).await
    }

    /// Sends a code that is a way back in, if whoever has this address is an owner to whom it may go. Whoever asked gets a ticket
    /// either way.
    pub(crate) async fn send_way_in(
        &self,
        asked: &Asked<'_>,
        email: &Address,
        (purpose, notice): (Purpose, fn(&Asked<'_>, &NewCode) -> Notice),
        of_owner: impl Fn(&User) -> bool + Send,
    ) -> Result<Ticket, Failure> {
        let allowed = self.limits.mail(Mailing::Reset, email, asked.source, asked.now).await?;
        let found = self.users.by_email(email.as_str()).await?.filter(of_owner);
        let nobody = UserId::from_random(self.entropy.bytes()?);
        let user_id = found.as_ref().map_or(&nobody, |user| &user.user_id);
        let told = self.reached_by(allowed, user_id)?;
        let epoch = found.as_ref().map_or(0, |user| user.credential_epoch);
        let new = self.new_code(purpose, Asker { user_id: &told, email, epoch }, None, LIFETIME, asked.now)?;
        let notice = notice(asked, &new);
        let notice = if found.is_some() { allowed.of(notice) } else { Notice::Nothing };
        let mail = self.mail(asked, email, notice, LIFETIME)?;
        self.accounts.send_code(&new.code, &mail).await?;
        self.outbox.send(&mail.id).await;
        Ok(new.ticket)
    }

    /// Sets another password by a code of a mail. Every session of the account ends, and all its passkeys go.
    pub(crate) async fn reset(
        &self,
        asked: &Asked<'_>,
        id: &CodeId,
        proof: &Proof,
        (field, password): (&str, &Secret),
    ) -> Result<(), Failure> {
        self.resets_here()?;
        // What is too weak for anybody costs none of the tries.
        self.new_password(asked, (field, password), &[])?;
        let code = self.tried(asked, id, Purpose::ResetPassword, proof).await?;
        // Only now is the account known, of whose words a password must not be made.
        let user = self.users.get(&code.user_id).await?;
        let told = user.iter().flat_map(|user| user.profile.values());
        let known: Vec<&str> = told.map(String::as_str).chain([code.email.as_str()]).collect();
        self.new_password(asked, (field, password), &known)?;
        let hash = self.credentials.hasher().fresh().await?.hash(password, self.entropy.bytes()?)?;
        for _ in 0..ROUNDS {
            let user = self.users.get(&code.user_id).await?.filter(|user| user.enabled && code.is_of(user));
            let user = user.ok_or(Failure::WrongCode)?;
            let forgotten = asked.link("/account/forgotten");
            if !user.email_verified {
                // Somebody else may have made the account: its owner allows anew what apps may do, from now on and at the last.
                self.take_back_consents(&user.user_id).await?;
            }
            let proved = User { email_verified: true, ..user.clone() };
            let passkeys = (!self.users.passkeys(&user.user_id).await?.is_empty()).then_some(PasskeysThen::Gone);
            let follows = self.following(asked, &proved, Notice::PasswordChanged { forgotten, passkeys })?;
            if self.accounts.reset_password(id, &user, &hash, follows.both()).await? == ChangeUser::Done {
                if !user.email_verified {
                    self.take_back_consents(&user.user_id).await?;
                }
                self.follow(&follows).await;
                return self.proved(&user.user_id, asked).await;
            }
            if self.codes.get(id, Purpose::ResetPassword, asked.now).await?.is_none() {
                return Err(Failure::WrongCode);
            }
        }
        Err(Failure::Busy)
    }

    /// The owner has set another password by a mail: this source counts alone for the credentials that were just made.
    pub(crate) async fn proved(&self, user: &UserId, asked: &Asked<'_>) -> Result<(), Failure> {
        if let Some(user) = self.users.get(user).await? {
            self.attempts.proved(&user, &asked.source, asked.now).await?;
        }
        Ok(())
    }

    /// The code, if the proof is right. Each try at digits is counted before it is compared. A link's token cannot be guessed, and
    /// has no tries that somebody else could use up: whoever asks for a mail in the name of an owner knows the id of its code. Wrong
    /// digits count as a wrong password does.
    pub(crate) async fn tried(
        &self,
        asked: &Asked<'_>,
        id: &CodeId,
        purpose: Purpose,
        proof: &Proof,
    ) -> Result<Code, Failure> {
        let code = match proof {
            Proof::Link(_) => self.codes.get(id, purpose, asked.now).await?,
            Proof::Digits(_) => self.codes.try_code(id, purpose, asked.now).await?,
        };
        let code = code.ok_or(Failure::WrongCode)?;
        let right = match proof {
            Proof::Link(token) => code.is_token(token),
            Proof::Digits(digits) => {
                let passwords = self.passwords_for(Some(&code.digits)).await?;
                passwords.verify(digits, Some(&code.digits))? != Verdict::Wrong
            }
        };
        if right {
            return Ok(code);
        }
        match proof {
            Proof::Link(_) => self.attempts.wrong_token(&asked.source, asked.now).await?,
            Proof::Digits(_) => {
                let user = self.users.get(&code.user_id).await?;
                self.attempts.wrong_code(&code.user_id, user.as_ref(), &asked.source, asked.now).await?;
            }
        }
        Err(Failure::WrongCode)
    }

    /// For whom a code is made: nobody, if no mail brings it. Otherwise one could guess at an account without end, since only the
    /// mails are bounded.
    fn reached_by(&self, allowed: Allowed, user_id: &UserId) -> Result<UserId, Failure> {
        let nobody = UserId::from_random(self.entropy.bytes()?);
        Ok(if allowed == Allowed::Yes { user_id.clone() } else { nobody })
    }

    /// A new code, which works for `lifetime`. `address` is what it gives to the account.
    pub(crate) fn new_code(
        &self,
        purpose: Purpose,
        of: Asker<'_>,
        address: Option<Address>,
        lifetime: Seconds,
        now: Timestamp,
    ) -> Result<NewCode, Failure> {
        let (digits, link) = (digits(self.entropy.bytes()?), token(self.entropy.bytes()?));
        let ticket = Ticket { id: CodeId::from_random(self.entropy.bytes()?), secret: token(self.entropy.bytes()?) };
        let code = Code {
            id: ticket.id.clone(),
            purpose,
            user_id: of.user_id.clone(),
            digits: self.credentials.hasher().value().hash(&digits, self.entropy.bytes()?)?,
            token: token_hash(link.expose()),
            ticket: token_hash(ticket.secret.expose()),
            email: of.email.clone(),
            credential_epoch: of.epoch,
            address,
            ends: now.saturating_add(lifetime),
        };
        Ok(NewCode { code, digits, token: link, ticket })
    }

    /// A mail for the outbox, sealed.
    pub(crate) fn mail(
        &self,
        asked: &Asked<'_>,
        to: &Address,
        notice: Notice,
        sensible: Seconds,
    ) -> Result<NewMail, Failure> {
        let id = OutboxId::from_random(self.entropy.bytes()?);
        let service = self.gateway.pages().name.as_ref().map_or(asked.host(), |name| name.as_str().to_owned());
        let letter = Letter { to: to.clone(), language: asked.language, service, notice };
        let sealed = letter.seal(&self.letters.value(), &id, self.entropy.bytes()?)?;
        Ok(NewMail { id, sealed, due: asked.now, until: asked.now.saturating_add(sensible) })
    }

    pub(crate) async fn passwords_for(
        &self,
        stored: Option<&PasswordHash>,
    ) -> Result<std::sync::Arc<gateway_domain::password::Passwords>, Failure> {
        Ok(self.credentials.hasher().having(|passwords| stored.is_none_or(|stored| passwords.knows(stored))).await?)
    }
}

impl Allowed {
    /// What is told, unless too much was told to this address today.
    pub(crate) fn of(self, notice: Notice) -> Notice {
        match self {
            Self::Yes => notice,
            Self::No(_) => Notice::Nothing,
        }
    }
}

fn verify_notice(asked: &Asked<'_>, id: &CodeId, digits: &Secret, token: &Secret) -> Notice {
    Notice::VerifyAddress {
        code: digits.expose().to_owned(),
        link: asked.link(&format!("/account/verify?id={id}&token={}", token.expose())),
        minutes: LIFETIME.as_u64() / 60,
    }
}

fn reset_notice(asked: &Asked<'_>, new: &NewCode) -> Notice {
    Notice::ResetPassword {
        code: new.digits.expose().to_owned(),
        link: asked.link(&format!("/account/reset?id={}&token={}", new.code.id, new.token.expose())),
        minutes: LIFETIME.as_u64() / 60,
    }
}
