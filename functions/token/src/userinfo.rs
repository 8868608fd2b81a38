//! The userinfo endpoint (OpenID Connect Core §5.3): what an application may know of the user who has logged in.

use crate::error::Failure;
use crate::{AuthorizationServer, Request, response};
use gateway_config::{FieldType, ProfileField};
use gateway_domain::access_token::{AccessClaims, VerifiedToken};
use gateway_domain::event::{ApiRequest, ApiResponse};
use gateway_domain::form::Form;
use gateway_domain::id_token::{EMAIL, OPENID, PROFILE};
use gateway_domain::presented_token::{NoToken, PresentedToken};
use gateway_domain::secret::Secret;
use gateway_store::User;
use serde_json::{Map, Value};

impl AuthorizationServer {
    /// Responds with the claims that the scope of the access token asks for and that are known. An address counts as verified
    /// if its owner has proved it, or an operator made the user with it.
    pub(crate) async fn userinfo(&self, request: &Request<'_>) -> Result<ApiResponse, Failure> {
        let in_body = in_body(request.api)?;
        let presented = presented(request.api, in_body.as_ref())?;
        let claims = match self.verified(presented.token(), request.parties, request.now).await? {
            Ok(token) => self.claims(request, token, &presented).await?,
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

    /// What the token says, if who presents it may.
    async fn claims(
        &self,
        request: &Request<'_>,
        token: VerifiedToken,
        presented: &PresentedToken<'_>,
    ) -> Result<AccessClaims, Failure> {
        let url = format!("{}{}", request.parties.issuer(), request.api.path);
        let (claims, proof) = token.presented(presented, &request.api.method, &url)?;
        if let Some(proof) = proof {
            self.use_at_resource(&proof, request.now).await?;
        }
        Ok(claims)
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

/// The access token in the body of a form (RFC 6750 §2.2); one in the URL is refused.
fn in_body(request: &ApiRequest) -> Result<Option<Secret>, Failure> {
    response::no_query(request)?;
    let content_type = request.header("content-type").map_err(|_| Failure::RepeatedHeader("Content-Type"))?;
    if request.method != "POST" || request.body.is_empty() {
        return Ok(None);
    }
    Ok(Form::parse(content_type, &request.body)?.take("access_token"))
}

/// The access token, from the header or the body.
fn presented<'a>(request: &'a ApiRequest, in_body: Option<&'a Secret>) -> Result<PresentedToken<'a>, Failure> {
    match (PresentedToken::of(request), in_body) {
        (Err(NoToken::Repeated), _) => Err(Failure::RepeatedHeader("Authorization")),
        (Err(NoToken::Absent), Some(token)) => Ok(PresentedToken::in_body(token.expose())),
        (Ok(_) | Err(NoToken::Malformed | NoToken::OtherScheme), Some(_)) => Err(Failure::TwoAccessTokens),
        (Ok(presented), None) => Ok(presented),
        (Err(NoToken::Malformed), None) => Err(Failure::AccessToken("no b64token".to_owned())),
        (Err(NoToken::Absent | NoToken::OtherScheme), None) => Err(Failure::NoAccessToken),
    }
}
