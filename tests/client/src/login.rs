//! The login on the app's own screens: what the user typed buys a code that only this installation can redeem (OAuth 2.0 for
//! First-Party Applications, draft-04; RFC 7636).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::Deserialize;

use crate::patience::{Gate, Trouble};
use crate::random::random;
use crate::session::Access;
use crate::token_endpoint::read;
use crate::{Client, Clock, Error, Storage};

/// What a login takes, and what was wrong with what came.
#[derive(Debug, Clone, Deserialize)]
pub struct Step {
    /// What to show. The next attempt sends all of it.
    pub fields: Vec<Field>,
    /// `wrong_login` or `refused_by`, and whatever comes later; `None` if something is missing.
    pub mistake: Option<String>,
    /// What users call the system that refused them.
    pub system: Option<String>,
    auth_session: String,
}

/// A field of a login.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Field {
    /// The parameter: `username`, `password`, or `password.NAME` for a system with passwords of its own.
    pub name: String,
    /// What users call that system.
    pub system: Option<String>,
    /// Whether there is no login without it.
    pub required: bool,
}

/// A login that has begun. It is worth ten minutes, so that nothing of it is stored.
pub(crate) struct Begun {
    /// What the response before had; a first request has none.
    auth_session: Option<String>,
    /// By which this installation alone redeems the code.
    verifier: String,
}

/// Secrets stay out of logs.
impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Begun").finish_non_exhaustive()
    }
}

impl Begun {
    fn new() -> Result<Self, Error> {
        Ok(Self { auth_session: None, verifier: random::<32>()? })
    }
}

/// The response to a login that is complete (draft-04 §5.2.1).
#[derive(Deserialize)]
struct Code {
    authorization_code: String,
}

impl<S: Storage, C: Clock> Client<S, C> {
    /// Logs in with what the user typed into the fields: `username`, `password`, and what [`Error::MoreNeeded`] names; and
    /// with the `acr_values` of [`Error::PasswordNeeded`]. Not
    /// repeated by itself: the user is there to do that, and attempts are counted. The session before goes on until what was
    /// typed is right, and then ends.
    ///
    /// # Errors
    /// [`Error::MoreNeeded`], [`Error::OpenBrowser`], or that it did not work.
    pub async fn login(&self, typed: &[(&str, &str)]) -> Result<(), Error> {
        let mut access = self.access.lock().await;
        let (code, verifier) = self.code(typed).await?;
        // An old session would stay alive, unknown to anybody.
        *access = None;
        self.end_session().await?;
        *access = Some(self.redeem(&code, &verifier).await?);
        Ok(())
    }

    /// The code for what was typed, and the verifier that it needs.
    async fn code(&self, typed: &[(&str, &str)]) -> Result<(String, String), Error> {
        let mut kept = self.begun.lock().await;
        let mut login = match kept.take() {
            Some(login) => login,
            None => Begun::new()?,
        };
        let mut outcome = self.challenge(&login, typed).await;
        if login.auth_session.is_some() && matches!(outcome, Err(Trouble::Lasting(Error::LoginAgain))) {
            // It has lapsed. A request that is whole needs nothing of it.
            login = Begun::new()?;
            outcome = self.challenge(&login, typed).await;
        }
        match outcome {
            Ok(code) => Ok((code, login.verifier)),
            Err(Trouble::Lasting(Error::MoreNeeded(step))) => {
                login.auth_session = Some(step.auth_session.clone());
                *kept = Some(login);
                Err(Error::MoreNeeded(step))
            }
            Err(Trouble::Lasting(error) | Trouble::Passing(_, error)) => Err(error),
        }
    }

    /// One request: a whole one, or one that goes on. Without `scope` the app gets all that it may have.
    async fn challenge(&self, login: &Begun, typed: &[(&str, &str)]) -> Result<String, Trouble> {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, login.verifier.as_bytes()));
        let mut form = vec![("client_id", self.app.as_str())];
        match &login.auth_session {
            Some(session) => form.push(("auth_session", session.as_str())),
            None => form.extend([
                ("response_type", "code"),
                ("code_challenge", challenge.as_str()),
                ("code_challenge_method", "S256"),
            ]),
        }
        form.extend_from_slice(typed);
        let response = self.post("/oauth2/challenge", &form, None).await?;
        let code: Code = read(response).await?;
        Ok(code.authorization_code)
    }

    /// Exchanges the code. Every try has the same id and gets the same tokens, for the minute that the code is good for: then
    /// it takes another login.
    async fn redeem(&self, code: &str, verifier: &str) -> Result<Access, Error> {
        let attempt = random::<16>()?;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", self.app.as_str()),
            ("code", code),
            ("code_verifier", verifier),
        ];
        // A gate of its own, as that of a logout.
        let gate = Gate::default();
        let mut tries = self.tries(&gate)?;
        loop {
            let asked = self.clock.now();
            match self.tokens(&form, Some(&attempt)).await {
                Ok(tokens) => return self.keep(&tokens, asked),
                Err(trouble) => tries.again(trouble).await?,
            }
        }
    }
}
