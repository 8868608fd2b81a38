//! The second proof: a code of an authenticator app, which an administrator sets up at the first visit.

use super::{Content, FRESH, Visit, shown};
use crate::error::Failure;
use crate::people::subject;
use crate::{Asked, Portal, told};
use gateway_administration::Act;
use gateway_credentials::LoggedIn;
use gateway_domain::authenticator::Authenticator;
use gateway_domain::event::ApiResponse;
use gateway_domain::form::Form;
use gateway_domain::ids::UserId;
use gateway_domain::role::Role;
use gateway_domain::secret::hex;
use gateway_mail::Notice;
use gateway_store::{SecondFactor, User};
use gateway_web::pages::portal::{Block, Field, Form as FormBlock, Input};
use gateway_web::see_other;

const WRONG: &str = "The code is not right, or was used already. Type the one that the app shows now.";

impl Portal {
    pub(super) async fn second_factor_page(
        &self,
        visit: &Visit<'_>,
        sent: Option<Form>,
    ) -> Result<ApiResponse, Failure> {
        let logged_in = self.logged_in(visit).await?;
        if !logged_in.user.roles.contains(&Role::Administrator) {
            return Err(Failure::NotFound);
        }
        match logged_in.user.second_factor.clone() {
            Some(factor) => self.ask_for_code(visit, &logged_in, &factor, sent).await,
            None => self.set_up(visit, &logged_in, sent).await,
        }
    }

    async fn ask_for_code(
        &self,
        visit: &Visit<'_>,
        logged_in: &LoggedIn,
        factor: &SecondFactor,
        sent: Option<Form>,
    ) -> Result<ApiResponse, Failure> {
        let mut content = Content::new("Show that it is you");
        if let Some(sent) = sent {
            match self.prove(visit.asked, &logged_in.user, factor, sent.get("code").unwrap_or_default()).await {
                Ok(true) => return self.proved(visit, logged_in).await,
                Ok(false) => content.mistakes.push((Some("code".to_owned()), WRONG.to_owned())),
                Err(failure) => return Err(failure),
            }
        }
        content
            .blocks
            .push(Block::Text("Type the code that your authenticator app shows for this gateway.".to_owned()));
        content.blocks.push(code_form(&content, Vec::new(), "Go on"));
        content.blocks.push(Block::Text(
            "If you no longer have the app, ask another administrator to reset it, or an operator: \
             gateway-admin users reset-second-factor."
                .to_owned(),
        ));
        Ok(answered(visit, content))
    }

    /// Whether a code is right. It is counted, and used up.
    async fn prove(&self, asked: &Asked<'_>, user: &User, factor: &SecondFactor, typed: &str) -> Result<bool, Failure> {
        // Without its key nothing could be compared, and nothing is counted.
        let app = self.authenticator(&user.user_id, factor).await?;
        self.attempts.reserve(&user.user_id, &factor.salt, asked.now).await?;
        let Some(step) = app.step_of(typed, asked.now) else { return Ok(false) };
        if !self.users.use_second_factor(&user.user_id, factor, step).await? {
            return Ok(false);
        }
        self.attempts.right(&user.user_id, &factor.salt).await?;
        Ok(true)
    }

    async fn set_up(
        &self,
        visit: &Visit<'_>,
        logged_in: &LoggedIn,
        sent: Option<Form>,
    ) -> Result<ApiResponse, Failure> {
        let (asked, user) = (visit.asked, &logged_in.user);
        // Whoever finds a browser that is logged in sets up none.
        if asked.now >= logged_in.auth_time.saturating_add(FRESH) {
            return Err(Failure::NotLoggedIn);
        }
        let mut content = Content::new("Set up your authenticator app");
        let salt = match sent.as_ref().and_then(|sent| sent.get("salt")) {
            Some(salt) if is_salt(salt) => salt.to_owned(),
            _ => hex(&self.entropy.bytes::<16>()?),
        };
        let (key, seed) = self.seed(None, &user.user_id, &salt).await?;
        let app = Authenticator::of(seed);
        if let Some(sent) = sent {
            // Nobody guesses here: the page shows the key.
            if let Some(step) = app.step_of(sent.get("code").unwrap_or_default(), asked.now) {
                let factor = SecondFactor { key, salt, since: asked.now, last_step: step };
                // The first to come with the password sets one up: the owner learns of it.
                let mail = self.mail(asked, &user.email, |_| Notice::AuthenticatorSetUp).await?;
                self.record_set_up(user, &factor).await?;
                self.endings.add(&mail).await?;
                self.outbox.send(&mail.id).await;
                return self.proved(visit, logged_in).await;
            }
            content.mistakes.push((Some("code".to_owned()), WRONG.to_owned()));
        }
        let host = visit.issuer.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or("gateway");
        let uri = app.uri(host, user.email.as_str());
        let picture = qrcode::QrCode::new(uri.as_bytes())
            .map(|code| code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(240, 240).build());
        content.blocks.push(Block::Text(
            "Administrators show a second proof besides the password: the code of an app on their phone. Scan this picture with \
             one, such as Google Authenticator, FreeOTP or a password manager."
                .to_owned(),
        ));
        if let Ok(svg) = picture {
            content.blocks.push(Block::Picture(svg, "A QR code with the key below".to_owned()));
        }
        content.blocks.push(Block::Text("Or type this key into it:".to_owned()));
        content.blocks.push(Block::Code(app.key()));
        content.blocks.push(code_form(&content, vec![("salt", salt)], "Set it up"));
        Ok(answered(visit, content))
    }

    async fn record_set_up(&self, user: &User, factor: &SecondFactor) -> Result<(), Failure> {
        let act = Act { act: "users set-second-factor", subject: subject(&user.user_id), before: None, after: None };
        let change = async {
            // Somebody may have set one up at the same time, or the password was changed: begin again.
            if self.users.set_second_factor(user, factor).await? { Ok(()) } else { Err(Failure::NotLoggedIn) }
        };
        self.acts(format!("user {}", user.user_id)).audited(act, change).await
    }

    async fn proved(&self, visit: &Visit<'_>, logged_in: &LoggedIn) -> Result<ApiResponse, Failure> {
        if !self.browsers.proved_twice(&logged_in.login, visit.asked.now).await? {
            return Err(Failure::NotLoggedIn);
        }
        Ok(see_other(&visit.site.path(&wanted(visit.asked))))
    }

    async fn authenticator(&self, user: &UserId, factor: &SecondFactor) -> Result<Authenticator, Failure> {
        Ok(Authenticator::of(self.seed(Some(&factor.key), user, &factor.salt).await?.1))
    }

    async fn seed(&self, key: Option<&str>, user: &UserId, salt: &str) -> Result<(String, [u8; 20]), Failure> {
        let of = format!("{user}#{salt}");
        let seed = self.pepper.fresh().await?.seed(key, &of);
        match seed {
            Some(seed) => Ok(seed),
            // A key that came after this container has read them.
            None => self.pepper.again().await?.seed(key, &of).ok_or(Failure::NoKey),
        }
    }
}

/// The page; a wrong code is logged and counted as other refusals are.
fn answered(visit: &Visit<'_>, content: Content) -> ApiResponse {
    if content.mistakes.is_empty() {
        return shown(visit, None, 200, content);
    }
    told(&Failure::WrongCode, shown(visit, None, 400, content))
}

fn code_form(content: &Content, hidden: Vec<(&'static str, String)>, button: &'static str) -> Block {
    let mut field = Field::new("code", "Code", Input::Code).hint("Six digits");
    field.mistake = content.mistakes.first().map(|(_, text)| text.clone());
    Block::Form(FormBlock { fields: vec![field], button, hidden, asks: false, second: false })
}

/// The page that was asked for: one of ours, and nothing that a link could lead to elsewhere.
fn wanted(asked: &Asked<'_>) -> String {
    let to = asked.request.parameter("to").ok().flatten().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.:@".contains(&byte);
    let ours = to.starts_with("/gateway/") && to.bytes().all(plain) && !to.contains("//") && !to.contains("..");
    if ours && to != "/gateway/second-factor" { to } else { "/gateway/users".to_owned() }
}

fn is_salt(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
