//! A client that nobody here wrote: every grant and endpoint works with the crate `oauth2` as it is.

use oauth2::basic::BasicClient;
use oauth2::{
    AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse, IntrospectionUrl, ResourceOwnerPassword,
    ResourceOwnerUsername, RevocationUrl, Scope, StandardRevocableToken, TokenIntrospectionResponse as _,
    TokenResponse as _, TokenUrl,
};
use support::{ADA, DEMO_APP, Gateway, PARTNER_APP};

/// Sends what the crate wants sent. It revokes over https only, and the gateway on this machine speaks http.
async fn send(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let mut request = reqwest::Request::try_from(request)?;
    request.url_mut().set_scheme("http").expect("another scheme");
    let mut response = http.execute(request).await?;
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let mut response = HttpResponse::new(response.bytes().await?.to_vec());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

#[tokio::test]
async fn the_crate_oauth2_logs_in_refreshes_introspects_and_revokes() {
    let gateway = Gateway::start().await;
    let url = |path: &str| gateway.url(path).replacen("http://", "https://", 1);
    let (user, password) =
        (ResourceOwnerUsername::new(ADA.name.to_owned()), ResourceOwnerPassword::new(ADA.password.to_owned()));
    let token_url = TokenUrl::new(url("/oauth2/token")).expect("a URL");

    // A public app.
    let public = BasicClient::new(ClientId::new(DEMO_APP.to_owned()))
        .set_auth_type(AuthType::RequestBody)
        .set_token_uri(token_url.clone())
        .set_revocation_url(RevocationUrl::new(url("/oauth2/revoke")).expect("a URL"));
    let read = Scope::new("orders:read".to_owned());
    let login = public.exchange_password(&user, &password).add_scope(read.clone()).request_async(&send).await;
    let login = login.expect("a login");
    assert_eq!(login.scopes(), Some(&vec![read]));
    assert_eq!(login.expires_in().map(|time| time.as_secs()), Some(600));
    let orders = gateway.call("GET", "/orders", login.access_token().secret()).await;
    assert_eq!(orders.status, 200);
    let refresh = login.refresh_token().expect("a refresh token");
    let next = public.exchange_refresh_token(refresh).request_async(&send).await.expect("a refresh");
    let next_refresh = next.refresh_token().expect("a refresh token");
    assert_ne!(next_refresh.secret(), refresh.secret());

    // A confidential app, by each of its methods.
    for method in [AuthType::BasicAuth, AuthType::RequestBody] {
        let confidential = BasicClient::new(ClientId::new(PARTNER_APP.to_owned()))
            .set_client_secret(ClientSecret::new(gateway.partner_secret().to_owned()))
            .set_auth_type(method)
            .set_token_uri(token_url.clone())
            .set_introspection_url(IntrospectionUrl::new(url("/oauth2/introspect")).expect("a URL"));
        let own = confidential.exchange_client_credentials().request_async(&send).await.expect("a token");
        assert!(own.refresh_token().is_none());
        let asked = confidential.introspect(own.access_token()).request_async(&send).await.expect("a response");
        assert!(asked.active());
        let foreign = confidential.introspect(next.access_token()).request_async(&send).await.expect("a response");
        assert!(!foreign.active(), "an app hears about its own tokens only");
    }

    let revoke = public.revoke_token(StandardRevocableToken::from(next_refresh)).expect("a request");
    revoke.request_async(&send).await.expect("a revocation");
    assert_eq!(gateway.call("GET", "/orders", next.access_token().secret()).await.status, 401);
    let refused = public.exchange_refresh_token(next_refresh).request_async(&send).await;
    let Err(oauth2::RequestTokenError::ServerResponse(refused)) = refused else { panic!("{refused:?}") };
    assert_eq!(refused.error(), &oauth2::basic::BasicErrorResponseType::InvalidGrant);
}
