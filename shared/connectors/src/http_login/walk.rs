//! What an operator is shown of a login: which requests were sent and what came back, without any value of it.

use gateway_config::connector::{Extract, HttpLogin as Settings};
use http::Method;
use zeroize::Zeroizing;

use super::content::{Absent, Content};
use super::cookies::{Change, Jar};
use super::judge::At;

/// Records a login for an operator, or nothing.
pub(super) struct Recorder<'a>(pub(super) Option<&'a mut Walk>);

/// What was seen of a login.
#[derive(Debug, Default)]
pub struct Walk {}

impl Recorder<'_> {
    pub(super) fn exchanged(&mut self, _: At<'_>, _: &Method, _: &Content, _: Vec<String>, _: &[Change]) {}
    pub(super) fn judged(&mut self, _: At<'_>, _: &Content) {}
    pub(super) fn kept(&mut self, _: &str, _: &Extract, _: &Result<Zeroizing<String>, Absent>) {}
    pub(super) fn extracted(&mut self, _: &Settings, _: &Content, _: &Jar) {}
}
