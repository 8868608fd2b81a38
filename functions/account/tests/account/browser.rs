//! A browser at the pages of the account function: it keeps cookies, and sends forms with the hidden token of their page.

use std::collections::BTreeMap;

use serde_json::json;

use crate::fixture::{Fixture, PASSWORD, Response};

/// A browser.
#[derive(Default)]
pub(crate) struct Browser {
    cookies: BTreeMap<String, String>,
    /// What it sends besides, as a list of names and values.
    pub(crate) headers: Vec<(&'static str, &'static str)>,
}

/// A form that is open in a browser.
pub(crate) struct Form {
    path: String,
    token: String,
}

impl Browser {
    /// One in which this account is logged in.
    pub(crate) async fn of(fixture: &Fixture, email: &str) -> Self {
        let mut browser = Self::default();
        let done = browser.logs_in(fixture, email, PASSWORD).await;
        assert_eq!((done.status, location(&done)), (303, "/account"), "{}", done.text);
        browser
    }

    pub(crate) async fn logs_in(&mut self, fixture: &Fixture, email: &str, password: &str) -> Response {
        self.submit(fixture, "/account/log-in", &[("username", email), ("password", password)]).await
    }

    pub(crate) async fn get(&mut self, fixture: &Fixture, path: &str) -> Response {
        self.send(fixture, "GET", path, "").await
    }

    /// Opens a page and sends its form.
    pub(crate) async fn submit(&mut self, fixture: &Fixture, path: &str, fields: &[(&str, &str)]) -> Response {
        let form = self.open(fixture, path).await;
        self.fill(fixture, &form, fields).await
    }

    /// Opens a page with a form.
    pub(crate) async fn open(&mut self, fixture: &Fixture, path: &str) -> Form {
        let page = self.get(fixture, path).await.text;
        let token = page.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        Form { path: path.to_owned(), token: token.unwrap_or_else(|| panic!("no form: {page}")).to_owned() }
    }

    /// Sends a form that is open.
    pub(crate) async fn fill(&mut self, fixture: &Fixture, form: &Form, fields: &[(&str, &str)]) -> Response {
        let fields = [fields, &[("form_token", form.token.as_str())]].concat();
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(fixture, "POST", &form.path, &body).await
    }

    async fn send(&mut self, fixture: &Fixture, method: &str, path: &str, body: &str) -> Response {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut headers = json!({ "content-type": "application/x-www-form-urlencoded", "cookie": cookies.join("; ") });
        for (name, value) in &self.headers {
            headers[*name] = (*value).into();
        }
        let response = fixture.send(method, path, &headers, body).await;
        for cookie in &response.cookies {
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        response
    }
}

/// Where a response leads to, without the path of the issuer.
pub(crate) fn location(response: &Response) -> &str {
    let location = response.header("Location");
    location.strip_prefix("/v1").unwrap_or(location)
}
