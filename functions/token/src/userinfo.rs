//! The userinfo endpoint (OpenID Connect Core §5.3): what an application may know of the user who has logged in.

use crate::error::Failure;
use crate::{AuthorizationServer, Request, response};
use gateway_config::{FieldType, ProfileField};
use gateway_domain::event::{ApiRequest, ApiResponse};
use gateway_domain::form::Form;
use gateway_domain::id_token::{EMAIL, OPENID, PROFILE};
use gateway_domain::secret::Secret;
use gateway_store::User;
use serde_json::{Map, Value};

impl AuthorizationServer {
    /// Responds with the claims that the scope of the access token asks for and that are known. An address counts as verified
    /// if its owner has proved it, or an operator made the user with it.
    pub(crate) async fn userinfo(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let token = bearer(request.api)?;
        let claims = match self.verified(token.expose(), request.parties, request.now).await? {
            Ok(claims) => claims,
            Err(reason) => return Err(Failure::AccessToken(reason.to_string())),
        };
        if !claims.scope.contains(OPENID) {
            return Err(Failure::AccessTokenScope(OPENID));
        }
        let over = || Failure::AccessToken("its session or its user is gone".to_owned());
        if !self.sessions.is_live(&claims.sub, &claims.client_id, &claims.sid, request.now).await? {
            return Err(over());
        }
        let user = self.users.get(&claims.sub).await?.filter(|user| user.enabled).ok_or_else(over)?;
        let mut known = Map::from_iter([("sub".to_owned(), Value::from(user.user_id.as_str()))]);
        if claims.scope.contains(EMAIL) {
            known.insert("email".to_owned(), user.email.as_str().into());
            known.insert("email_verified".to_owned(), user.email_verified.into());
        }
        if claims.scope.contains(PROFILE) {
            known.extend(self.config.accounts().fields.iter().filter_map(|field| told(field, &user)));
        }
        Ok(response::private(200, &known.into()))
    }
}

/// The claim of a field, if it has one and the user has filled it in.
fn told(field: &ProfileField, user: &User) -> Option<(String, Value)> {
    let (claim, filled_in) = (field.claim.as_ref()?, user.profile.get(field.id.as_str())?);
    let value = match field.kind {
        // A box that is not ticked is not there.
        FieldType::Boolean => Value::from(true),
        FieldType::Text | FieldType::Date | FieldType::Tel => Value::from(filled_in.as_str()),
    };
    Some((claim.as_str().to_owned(), value))
}

/// The access token of a request, from the header or, of a form, from the body (RFC 6750 §2.1, §2.2): never from the URL.
fn bearer(request: &ApiRequest) -> Result<Secret, Failure> {
    response::no_query(request)?;
    let header = request.header("authorization").map_err(|_| Failure::RepeatedHeader("Authorization"))?;
    let content_type = request.header("content-type").map_err(|_| Failure::RepeatedHeader("Content-Type"))?;
    let in_body = if request.method == "POST" && !request.body.is_empty() {
        Form::parse(content_type, &request.body)?.take("access_token")
    } else {
        None
    };
    match (header, in_body) {
        (Some(_), Some(_)) => Err(Failure::TwoAccessTokens),
        (None, None) => Err(Failure::NoAccessToken),
        (None, Some(token)) => Ok(token),
        (Some(header), None) => match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Secret::new(token.to_owned())),
            // Another scheme is no attempt to use a token (RFC 6750 §3.1).
            Some(_) | None => Err(Failure::NoAccessToken),
        },
    }
}
