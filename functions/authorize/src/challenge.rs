//! `POST /oauth2/challenge`: an app of the company logs a user in on its own screens (OAuth 2.0 for First-Party Applications, draft-04). The steps are
//! those of the pages.
//!
//! What was asked for goes back and forth in `auth_session`, sealed, and nothing is stored before a password or a passkey is right. It proves nothing of a
//! user: whoever has it still needs one of these, and the code goes to who sent that, bound to the challenge of the request.

mod answer;
mod client;

use crate::AuthorizationEndpoint;
use crate::error::Failure;
use crate::proof::proof;
use crate::steps::{Asked, Next, Origin, Trouble, Wrong};
use answer::{ByMail, NoCode, Told, Wanted};
use gateway_credentials::UsedProof;
use gateway_domain::authorization_code::AuthorizationCode;
use gateway_domain::authorization_request::{
    AuthorizationErrorCode, AuthorizationRequest, DPOP_JKT, Refused, Registration, Target,
};
use gateway_domain::dpop::{InvalidProof, Proof};
use gateway_domain::event::{ApiRequest, ApiResponse, Query};
use gateway_domain::form::Form;
use gateway_domain::holder_key::Thumbprint;
use gateway_domain::ids::ClientId;
use gateway_domain::language::Language;
use gateway_domain::pushed_request::{PushedRequest, SealedAs};
use gateway_domain::source::Source;
use gateway_domain::time::Timestamp;
use gateway_store::App;

pub(crate) use answer::not_ready;

/// The path.
pub(crate) const PATH: &str = "/oauth2/challenge";
/// Where the account function sends codes that let owners in whose attempts are used up, and, below it, confirms them.
const EMAIL_CODE: &str = "/account/api/v1/unlock";
const REPEATED: &str = "a header that may come once came twice";

impl AuthorizationEndpoint {
    /// Answers a request.
    pub(crate) async fn challenge(&self, api: &ApiRequest, issuer: &str) -> ApiResponse {
        let outcome = async {
            if api.method != "POST" {
                return Err(NoCode::Method);
            }
            self.freshen().await?;
            let now = self.clock.now();
            Box::pin(self.code(api, issuer, now)).await
        };
        let outcome: Result<AuthorizationCode, NoCode> = outcome.await;
        self.with_nonce(api, outcome.map_or_else(NoCode::response, |code| answer::code(&code)))
    }

    /// The code, if the request has everything that it takes. Each check comes before the next thing is looked at.
    async fn code(&self, api: &ApiRequest, issuer: &str, now: Timestamp) -> Result<AuthorizationCode, NoCode> {
        let proof = proof(api, issuer).map_err(NoCode::Proof)?;
        let mut form = form(api)?;
        // Whether it is of the company comes before all else (draft-04 §5).
        let early = Box::pin(self.client(api, &form, issuer)).await?;
        let session = match form.get("auth_session") {
            Some(text) => Some(self.opened(text, now).await?),
            None => None,
        };
        let app = match (early, &session) {
            (Some(app), Some((of, _))) if app.client_id != *of => return Err(NoCode::Session),
            (Some(app), _) => app,
            (None, Some((of, _))) => self.public_client(of).await?,
            (None, None) => return Err(NoCode::Client("no client id")),
        };
        let key = self.proved(proof.as_ref(), now).await?;
        if let Some((_, kept)) = &session {
            of_its_key(kept, key.as_ref())?;
        }
        let pushed = match form.get("request_uri") {
            Some(uri) => Some(self.pushed(uri, &app, now).await.map_err(|failure| {
                let is_its_own = matches!(failure, Failure::Client(_));
                if is_its_own { NoCode::RequestUri } else { NoCode::Failed(failure) }
            })?),
            None => None,
        };
        // A request that is whole is one of its own, but for the key: an app that keeps an old session gets no code for the verifier of that.
        let is_whole = form.get("code_challenge").is_some() || pushed.is_some();
        let kept = session.map(|(_, kept)| kept).filter(|_| !is_whole);
        let parameters = pushed.as_ref().or(kept.as_ref()).unwrap_or(&form);
        let mut asked = asked(app, parameters)?;
        asked.request = self.known(asked.request);
        asked.request.key = holder(asked.request.key.take(), key)?;
        let request = PushedRequest::new(&asked.app.client_id, parameters, now).map_err(|_| NoCode::TooLong)?;
        let request = match &asked.request.key {
            Some(key) => request.of_holder(key).map_err(|_| NoCode::TooLong)?,
            None => request,
        };
        let language =
            Language::choose(asked.request.ui_locales.as_deref(), api.header("accept-language").ok().flatten());
        let source = Source::of(api.source_ip.as_deref());
        let from = Origin { issuer, source, browser: String::new(), now };
        let with = With { request, language, from };
        let next = match passkey(&form, kept.is_some())? {
            Some(shown) => Box::pin(self.show_passkey(&asked, shown, &with.from)).await,
            None => match self.typed(&asked, &mut form) {
                Ok(typed) => Box::pin(self.show_password(&asked, &typed, &with.from)).await,
                Err(wrong) => {
                    return Err(match wrong.iter().find_map(|(_, wrong)| malformed(*wrong)) {
                        Some(text) => NoCode::Malformed(text),
                        None => NoCode::Step(self.wanted(&asked, &with, None)?),
                    });
                }
            },
        };
        match next? {
            // Whoever gets here is trusted, and asked for no consent.
            Next::On(on) => on.1.code.ok_or(NoCode::Web(None)),
            Next::Back(refused) => Err(NoCode::Authorization(refused)),
            Next::Again(trouble) => Err(self.not_yet(&asked, &with, &trouble)?),
        }
    }

    /// What the app is told of a login that is asked for again.
    fn not_yet(&self, asked: &Asked, with: &With<'_>, trouble: &Trouble) -> Result<NoCode, NoCode> {
        let again = |mistake| Ok(NoCode::Step(self.wanted(asked, with, Some(mistake))?));
        match trouble {
            Trouble::WrongLogin => again(("wrong_login", None)),
            // However many were wrong: a right one, and the password, are taken at once, and need the new options.
            Trouble::WrongPasskey => again(("wrong_passkey", None)),
            Trouble::PasswordNeeded => again(("password_needed", None)),
            Trouble::RefusedBy(connector) => {
                again(("refused_by", Some(self.config.system_name(connector, with.language).to_owned())))
            }
            // Told to everybody alike: the counters do not say who has an account, and the mail goes to its owner alone. A passkey does not
            // wait for the passwords of strangers.
            Trouble::TooManyAttempts(wait) if self.mails => {
                let Wanted { auth_session, passkey, .. } = self.wanted(asked, with, None)?;
                let endpoint = format!("{}{EMAIL_CODE}", with.from.issuer);
                Ok(NoCode::EmailCode(ByMail { auth_session, passkey, endpoint, wait: *wait }))
            }
            Trouble::TooManyAttempts(wait) => Ok(NoCode::TooManyAttempts(*wait)),
            Trouble::NotVerified if asked.request.target.redirect_uri.is_empty() => Ok(NoCode::Web(None)),
            Trouble::NotVerified => Ok(NoCode::Web(Some(self.sealed(&with.request, SealedAs::RequestUri)?))),
            Trouble::Directory | Trouble::Unreachable(_) => Ok(NoCode::Unavailable(trouble.kind())),
        }
    }

    /// What is to come with the next request. The challenge for a passkey is good together with this session alone.
    fn wanted(&self, asked: &Asked, with: &With<'_>, mistake: Option<Told>) -> Result<Wanted, NoCode> {
        let auth_session = self.sealed(&with.request, SealedAs::AuthSession)?;
        let passkey = self.passkey_options(asked, &auth_session, with.from.now);
        Ok(Wanted { auth_session, fields: self.fields(asked, with.language), passkey: passkey.map(Box::new), mistake })
    }

    /// The key that a request proves to have; its proof is used up.
    async fn proved(&self, proof: Option<&Proof>, now: Timestamp) -> Result<Option<Thumbprint>, NoCode> {
        let Some(proof) = proof else { return Ok(None) };
        match Box::pin(self.use_proof(proof, now)).await? {
            UsedProof::Now => Ok(Some(proof.thumbprint())),
            UsedProof::Again => Err(NoCode::ProofAgain),
        }
    }

    /// What a session was begun with, and by whom.
    async fn opened(&self, text: &str, now: Timestamp) -> Result<(ClientId, Form), NoCode> {
        let sealed = PushedRequest::sealed(SealedAs::AuthSession, text).ok_or(NoCode::Session)?;
        let keys = self.pending.tokens().sealing_for(&sealed).await.map_err(Failure::from)?;
        PushedRequest::opened(SealedAs::AuthSession, &sealed, &keys, now).map_err(|_| NoCode::Session)
    }

    fn sealed(&self, request: &PushedRequest, sealed_as: SealedAs) -> Result<String, NoCode> {
        let nonce = self.entropy.bytes().map_err(Failure::from)?;
        request.seal(sealed_as, &self.pending.tokens().sealing(), nonce).map_err(|_| NoCode::Sealing)
    }

    /// What is asked of a user.
    fn fields(&self, asked: &Asked, language: Language) -> Vec<answer::Field> {
        let of_gateway =
            ["username", "password"].map(|name| answer::Field { name: name.to_owned(), system: None, required: true });
        let separate = self.pending.tokens().separate_passwords(&asked.app, &asked.request.scope);
        let of_systems = separate.into_iter().map(|(connector, optional)| answer::Field {
            name: format!("password.{connector}"),
            system: Some(self.config.system_name(&connector, language).to_owned()),
            required: !optional,
        });
        of_gateway.into_iter().chain(of_systems).collect()
    }
}

/// What every answer to a request needs to know of it.
struct With<'a> {
    request: PushedRequest,
    language: Language,
    from: Origin<'a>,
}

/// The response of an authenticator in a request, and the session whose challenge it answers.
fn passkey(form: &Form, goes_on: bool) -> Result<Option<(&str, &str)>, NoCode> {
    match (form.get("passkey"), form.get("auth_session")) {
        (None, _) => Ok(None),
        (Some(response), Some(session)) if goes_on => Ok(Some((response, session))),
        (Some(_), _) => Err(NoCode::Malformed(
            "send passkey with the auth_session that its options came with, and no other request",
        )),
    }
}

/// Whoever sends a session that is bound to a key has to prove that key each time, also with a request that is whole (draft-04 §9.5.1).
fn of_its_key(session: &Form, proved: Option<&Thumbprint>) -> Result<(), NoCode> {
    let reason = match (session.get(DPOP_JKT), proved) {
        (None, _) => return Ok(()),
        (Some(bound), Some(proved)) if bound == proved.as_str() => return Ok(()),
        (Some(_), Some(_)) => "the DPoP proof is of another key than that of the auth_session",
        (Some(_), None) => "the auth_session is bound to a key: send a proof of it in the header DPoP",
    };
    Err(NoCode::Proof(InvalidProof(reason)))
}

/// The key of whoever gets the code: that of the request, or that of the proof, and of both where there are two.
fn holder(named: Option<Thumbprint>, proved: Option<Thumbprint>) -> Result<Option<Thumbprint>, NoCode> {
    match (named, proved) {
        (Some(named), Some(proved)) if named == proved => Ok(Some(named)),
        (Some(_), Some(_)) => {
            Err(NoCode::Proof(InvalidProof("the DPoP proof is of another key than that of the request")))
        }
        (key, None) | (None, key) => Ok(key),
    }
}

/// The form of a request, which comes from an app and not from a page: in a browser, what somebody types belongs to the pages of the gateway alone.
fn form(api: &ApiRequest) -> Result<Form, NoCode> {
    let header = |name| api.header(name).map_err(|_| NoCode::Malformed(REPEATED));
    let by_page = header("origin")?.is_some() || header("sec-fetch-site")?.is_some_and(|site| site != "none");
    if by_page {
        return Err(NoCode::Page);
    }
    let empty = match &api.query {
        Query::Decoded(pairs) => pairs.is_empty(),
        Query::Raw(text) => text.is_empty(),
    };
    if !empty {
        return Err(NoCode::Malformed("send parameters in the body, never in the URL"));
    }
    Form::parse(header("content-type")?, &api.body).map_err(|error| NoCode::Failed(Failure::Form(error)))
}

/// What to do about a field that is there and cannot be right.
fn malformed(wrong: Wrong) -> Option<&'static str> {
    match wrong {
        Wrong::Missing => None,
        Wrong::NoAddress => Some("username must be an address of at most 254 bytes without control characters"),
        Wrong::TooLong => Some("a password must not exceed 1024 bytes"),
    }
}

/// The authorization request in these parameters. PKCE is for all: the code goes through no redirect that would tell whose it is.
fn asked(app: App, parameters: &Form) -> Result<Asked, NoCode> {
    let registration = Registration { pkce_optional: false, ..app.registration() };
    let target = Target::direct(parameters, &registration);
    let target =
        target.map_err(|_| NoCode::Malformed("redirect_uri must be the same text as one that is registered"))?;
    let request = AuthorizationRequest::parse(target, parameters, &registration).map_err(NoCode::Authorization)?;
    if request.prompt.none {
        let description = "nobody is logged in where there is no browser";
        return Err(NoCode::Authorization(Refused { code: AuthorizationErrorCode::LoginRequired, description }));
    }
    Ok(Asked { app, request })
}
