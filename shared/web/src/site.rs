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
/// The parameter with the languages that are asked for (OpenID Connect Core §3.1.2.1).
pub const UI_LOCALES: &str = "ui_locales";

/// What the pages of one request have in common: language, looks and where links lead.
#[derive(Debug, Clone)]
pub struct Site {
    looks: Pages,
    language: Language,
    /// Whether a link says so, so that those that follow say it too.
    chosen: bool,
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
            chosen: ui_locales.is_some(),
            base: path.unwrap_or_default(),
            secure: !issuer.starts_with("http://"),
            keeps_opener: false,
        }
    }

    /// The same in the language that an app asks for, if it asks.
    #[must_use]
    pub fn in_language_of(self, ui_locales: Option<&str>) -> Self {
        match ui_locales {
            Some(tags) => Self { language: Language::first_of(tags).unwrap_or(self.language), chosen: true, ..self },
            None => self,
        }
    }

    /// The same with pages in English, which nobody has chosen.
    #[must_use]
    pub fn in_english(self) -> Self {
        Self { language: Language::English, chosen: false, ..self }
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

    /// The same of a page, which speaks the language that was asked for.
    pub fn page(&self, path: &str) -> String {
        self.path(&self.spoken(path))
    }

    /// A URL of a page, with the language that was asked for.
    pub fn spoken(&self, url: &str) -> String {
        if !self.chosen {
            return url.to_owned();
        }
        format!("{url}{}{UI_LOCALES}={}", if url.contains('?') { '&' } else { '?' }, self.language.tag())
    }

    /// What a scope allows, in words of the configuration, or else in ours. One that has none in either is shown as it is.
    pub fn scope<'s>(&self, gateway: &'s Gateway, scope: &'s str) -> &'s str {
        gateway.scope_text(scope, self.language).or_else(|| (self.texts().scope)(scope)).unwrap_or(scope)
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

    #[test]
    fn a_language_that_was_asked_for_is_that_of_every_page_that_follows() {
        let german = [("Accept-Language", "de")];
        let site = |locales| Site::of(&gateway("{}"), ISSUER, &request(&german), locales);
        assert_eq!(site(None).page("/account"), "/v1/account", "the browser says it again");
        assert_eq!(site(Some("fr en")).page("/account"), "/v1/account?ui_locales=en");
        assert_eq!(site(Some("de")).page("/account/verify?id=a"), "/v1/account/verify?id=a&ui_locales=de");
        let pushed = site(None).in_language_of(Some("en"));
        assert_eq!((pushed.language(), pushed.page("/a").as_str()), (Language::English, "/v1/a?ui_locales=en"));
        assert_eq!(site(None).in_language_of(Some("fr")).language(), Language::German);
        assert_eq!(site(None).in_language_of(None).page("/a"), "/v1/a");
    }
}
