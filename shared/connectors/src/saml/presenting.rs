//! Turns an assertion into the state of a session, and that state into what a call carries.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use gateway_config::connector::{Exchange, Present};
use gateway_domain::headers::Reserved;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_domain::token_type::TokenType;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, COOKIE, HeaderMap, HeaderValue};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::assertion::Assertion;
use super::system::{System, by_status};
use super::token::{Token, expanded, is_token, sensitive};
use super::{misbehaved, soap_body};
use crate::{Acquired, Call, ConnectorError, HandedOut, Injection, ResponseStart};

/// The names that only this connector may set.
pub(super) fn reserved(present: &Present) -> Reserved {
    let mut reserved = Reserved::default();
    match present {
        Present::Authorization | Present::Exchange(_) => {
            reserved.headers.insert(AUTHORIZATION.to_string());
        }
        Present::Cookies(names) => {
            reserved.headers.insert(COOKIE.to_string());
            reserved.cookies.extend(names.iter().map(|name| name.as_str().to_owned()));
        }
        Present::WsSecurity => {}
    }
    reserved
}

/// What a session keeps of an assertion that cannot be renewed, because that needs the password.
pub(super) async fn keep(
    present: &Present,
    system: &System,
    assertion: &Assertion,
    now: Timestamp,
) -> Result<Acquired, ConnectorError> {
    let (token, ends) = match present {
        Present::Authorization | Present::WsSecurity => (Token::assertion(&assertion.xml, None), assertion.ends),
        Present::Exchange(exchange) => exchanged(exchange, system, assertion, now).await?,
        Present::Cookies(_) => return Err(misbehaved("cookies need a service provider")),
    };
    Ok(acquired(&token, Some(ends)))
}

/// What a session keeps of an assertion that can be renewed until this time.
pub(super) fn keep_renewable(assertion: &Assertion, until: Timestamp) -> Acquired {
    let token = Token::assertion(&assertion.xml, Some(until));
    Acquired { renew_until: Some(until), ..acquired(&token, Some(assertion.ends)) }
}

/// This token, which stops working at `ends` and cannot be renewed.
pub(super) fn acquired(token: &Token, ends: Option<Timestamp>) -> Acquired {
    Acquired { state: token.to_state(), ends, idle: None, renew_until: None }
}

/// What carries a token to the back end.
pub(super) fn inject(present: &Present, state: &[u8], call: Call<'_>) -> Result<Injection, ConnectorError> {
    let header = |name, text: &str| sensitive(text).map(|value| Injection::headers(vec![(name, value)]));
    match (present, Token::from_state(state)?) {
        (Present::Authorization, Token::Assertion(compressed, _)) => {
            header(AUTHORIZATION, &format!("SAML {}", STANDARD.encode(&*compressed)))
        }
        (Present::WsSecurity, Token::Assertion(compressed, _)) => {
            let body = soap_body::with_assertion(call.body, call.content_type, &expanded(&compressed)?)?;
            Ok(Injection { body, ..Injection::default() })
        }
        (Present::Exchange(_), Token::Bearer(token)) => header(AUTHORIZATION, &format!("Bearer {}", *token)),
        (Present::Cookies(_), Token::Cookies(cookies)) => header(COOKIE, &cookies),
        (Present::Authorization | Present::WsSecurity | Present::Exchange(_) | Present::Cookies(_), _) => {
            Err(misbehaved("what the session keeps is for another way to present it"))
        }
    }
}

/// What a service gets of a token: the assertion, the token it was exchanged for, or the cookies as one `Cookie` header.
pub(super) fn hand_out(state: &[u8]) -> Result<HandedOut, ConnectorError> {
    Ok(match Token::from_state(state)? {
        Token::Assertion(compressed, _) => {
            HandedOut::alone(TokenType::Saml2, URL_SAFE_NO_PAD.encode(expanded(&compressed)?.as_bytes()))
        }
        Token::Bearer(token) => HandedOut::alone(TokenType::AccessToken, (*token).clone()),
        Token::Cookies(cookies) => HandedOut::alone(TokenType::Session, (*cookies).clone()),
    })
}

/// Whether a back end says that it does not accept a token.
pub(super) fn is_dead(present: &Present, response: &ResponseStart<'_>) -> bool {
    response.status() == StatusCode::UNAUTHORIZED
        || *present == Present::WsSecurity && soap_body::is_about_the_token(response)
}

/// Whether [`is_dead`] looks at the body of a response with this status: a fault about the token comes as an error.
pub(super) fn examines_body(present: &Present, status: StatusCode) -> bool {
    examines_bodies(present) && (status.is_client_error() || status.is_server_error())
}

/// Whether [`examines_body`] is true of some status.
pub(super) fn examines_bodies(present: &Present) -> bool {
    *present == Present::WsSecurity
}

/// The response of a token endpoint (RFC 6749 §5.1).
#[derive(Deserialize)]
struct Granted {
    access_token: Zeroizing<String>,
    token_type: String,
    expires_in: Option<u64>,
}

/// The error response of a token endpoint (RFC 6749 §5.2).
#[derive(Deserialize)]
struct NotGranted {
    error: String,
}

/// Exchanges an assertion for the back end's own token (RFC 7522 §2.1). Without `expires_in`, the token is taken to end
/// with the assertion.
async fn exchanged(
    exchange: &Exchange,
    system: &System,
    assertion: &Assertion,
    now: Timestamp,
) -> Result<(Token, Timestamp), ConnectorError> {
    let body = Bytes::from_owner(form(exchange, assertion));
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    let response = system.post(exchange.url.uri(), "application/x-www-form-urlencoded", headers, body).await?;
    if response.status() != StatusCode::OK {
        // RFC 7522 §3.1: the back end did not accept the assertion of this user.
        let refused =
            serde_json::from_slice(response.body()).is_ok_and(|NotGranted { error }| error == "invalid_grant");
        let refused = refused && response.status() == StatusCode::BAD_REQUEST;
        return Err(if refused { ConnectorError::Refused } else { by_status("the exchange", response.status()) });
    }
    let granted: Granted = serde_json::from_slice(response.body())
        .map_err(|_| misbehaved("the exchange's response is not that of a token endpoint"))?;
    if !granted.token_type.eq_ignore_ascii_case("bearer") || !is_token(&granted.access_token) {
        return Err(misbehaved("the exchange's token is no bearer token"));
    }
    let ends = granted.expires_in.map_or(assertion.ends, |length| now.saturating_add(Seconds::new(length)));
    if ends <= now {
        return Err(misbehaved("the exchange's token has ended already"));
    }
    Ok((Token::Bearer(granted.access_token), ends))
}

fn form(exchange: &Exchange, assertion: &Assertion) -> Zeroizing<Vec<u8>> {
    let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(assertion.xml.as_bytes()));
    // No character of base64url is escaped in a form, so the capacity suffices for the assertion.
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(encoded.len().saturating_add(2048)));
    form.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:saml2-bearer");
    form.append_pair("assertion", &encoded);
    if let Some(client_id) = &exchange.client_id {
        form.append_pair("client_id", client_id.as_str());
    }
    if let Some(scope) = &exchange.scope {
        form.append_pair("scope", scope);
    }
    Zeroizing::new(form.finish().into_bytes())
}
