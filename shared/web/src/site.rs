//! What the pages of one request have in common: language, looks and where links lead.

use crate::texts::Texts;
use gateway_config::{Gateway, Pages};
use gateway_domain::event::ApiRequest;
use gateway_domain::language::Language;
use http::Uri;

/// The parameter of account pages with the query of the authorization request that they lead back to.
pub const ONWARD: &str = "for";
/// The most bytes of that query. Pages do not lead back to a longer one.
pub const MAX_ONWARD: usize = 4_096;

/// What the pages of one request have in common: language, looks and where links lead.
#[derive(Debug, Clone)]
pub struct Site {
    looks: Pages,
    language: Language,
    base: String,
    secure: bool,
    keeps_opener: bool,
}

impl Site {
    /// The site of an issuer, in the language of the request. Nothing here comes from `Host`, which anybody can write.
    pub fn of(gateway: &Gateway, issuer: &str, request: &ApiRequest, ui_locales: Option<&str>) -> Self {
        let accepted: Vec<_> = request.header_values("Accept-Language").collect();
        let language = Language::choose(ui_locales, Some(&accepted.join(",")));
        let path = issuer.parse::<Uri>().map(|uri| uri.path().trim_end_matches('/').to_owned());
        Self {
            looks: gateway.pages().clone(),
            language,
            base: path.unwrap_or_default(),
            secure: !issuer.starts_with("http://"),
            keeps_opener: false,
        }
    }

    /// The same for pages on the way to an app, which may have opened the window and waits for what comes of it.
    #[must_use]
    pub fn on_the_way(self) -> Self {
        Self { keeps_opener: true, ..self }
    }

    pub(crate) fn keeps_opener(&self) -> bool {
        self.keeps_opener
    }

    /// The language of the pages.
    pub fn language(&self) -> Language {
        self.language
    }

    /// A path of the gateway as a browser asks for it: in AWS it begins with the stage, such as `/v1/account`.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether browsers reach the site by https. Only then can a cookie have the prefix `__Host-`.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    pub(crate) fn looks(&self) -> &Pages {
        &self.looks
    }

    pub(crate) fn texts(&self) -> &'static Texts {
        Texts::of(self.language)
    }

    /// Who the users log in to; empty if the configuration names nobody.
    pub(crate) fn name(&self) -> &str {
        self.looks.name.as_ref().map_or("", |name| name.as_str())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use gateway_domain::event::{ApiVersion, Query};

    pub(crate) const ISSUER: &str = "https://auth.example.com/v1";

    /// A gateway with these `pages`.
    pub(crate) fn gateway(pages: &str) -> Gateway {
        let rest = "plans: { standard: { calls: 60, window: 1m } }
apis: { orders: { back_end: 'https://orders.example.com', routes: [{ path: /orders, methods: { GET: [a] } }] } }";
        Gateway::parse(&format!("pages: {pages}\n{rest}")).expect("a gateway")
    }

    pub(crate) fn request(headers: &[(&str, &str)]) -> ApiRequest {
        ApiRequest {
            version: ApiVersion::Rest,
            method: "POST".to_owned(),
            path: "/oauth2/authorize".to_owned(),
            query: Query::Decoded(Vec::new()),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Vec::new().into(),
            source_ip: None,
            stage: None,
            stage_variables: [].into(),
            request_id: None,
            authorizer: None,
            method_arn: None,
            domain_name: None,
        }
    }

    pub(crate) fn site(pages: &str, issuer: &str, language: &str) -> Site {
        Site::of(&gateway(pages), issuer, &request(&[("Accept-Language", language)]), None)
    }

    #[test]
    fn links_begin_with_the_path_of_the_issuer() {
        for (issuer, path) in [
            ("https://auth.example.com", "/account"),
            ("https://auth.example.com/v1", "/v1/account"),
            ("http://127.0.0.1:3000", "/account"),
        ] {
            assert_eq!(site("{}", issuer, "en").path("/account"), path, "{issuer}");
        }
    }

    #[test]
    fn the_request_says_the_language() {
        let site = |headers: &[(&str, &str)], locales| Site::of(&gateway("{}"), ISSUER, &request(headers), locales);
        assert_eq!(site(&[], None).language(), Language::English);
        assert_eq!(site(&[("accept-language", "de-DE,de;q=0.9")], None).language(), Language::German);
        assert_eq!(site(&[("Accept-Language", "fr"), ("Accept-Language", "de")], None).language(), Language::German);
        assert_eq!(site(&[("Accept-Language", "de")], Some("en")).language(), Language::English);
    }
}
