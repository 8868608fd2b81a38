//! How clients reach the gateway: what back ends are told of it, and what their references become.

use gateway_config::Gateway;
use gateway_domain::event::ApiRequest;
use gateway_domain::headers::{Lookup, Outside, Place};
use url::Url;

use crate::call::Call;

/// Both sides of one call.
pub(crate) struct Sides<'c> {
    call: &'c Call<'c>,
    gateway: &'c Gateway,
    /// `https`, or `http` on a laptop: API Gateway serves HTTPS only, and never at an address of this machine.
    pub(crate) scheme: &'static str,
    called: Url,
    forwarded: Url,
    /// The path of the issuer's URL, which is that of the stage unless the API has a domain of its own.
    stage: String,
    /// The path before all paths at the back end, and what stands in its place here.
    bases: (String, String),
}

impl<'c> Sides<'c> {
    /// `None` if one of the URLs is none, which API Gateway and the configuration exclude.
    pub(crate) fn of(gateway: &'c Gateway, request: &'c ApiRequest, call: &'c Call<'c>) -> Option<Self> {
        // An event of an authorizer's test console has no host.
        let host = request.domain_name.as_deref().unwrap_or("gateway.invalid");
        let is_local = Url::parse(&format!("http://{host}")).ok()?.host_str().is_some_and(gateway_config::is_loopback);
        let scheme = if is_local { "http" } else { "https" };
        let issuer = gateway.token_parties(&request.stage_variables).ok();
        let issuer = issuer.and_then(|parties| Url::parse(parties.issuer()).ok());
        let stage = issuer.map(|issuer| issuer.path().trim_end_matches('/').to_owned()).unwrap_or_default();
        let called = Url::parse(&format!("{scheme}://{host}{stage}{}", request.path)).ok()?;
        let mut forwarded = Url::parse(&format!("{}{}", call.back_end.origin(), call.path)).ok()?;
        forwarded.set_query(Some(call.query.as_str()).filter(|query| !query.is_empty()));
        let inside = call.back_end.base().iter().flat_map(|segment| ["/", segment.as_str()]).collect();
        let bases = (inside, call.api.strip_prefix.clone().unwrap_or_default());
        Some(Self { call, gateway, scheme, called, forwarded, stage, bases })
    }

    /// The URL at the back end.
    pub(crate) fn forwarded(&self) -> &Url {
        &self.forwarded
    }

    /// What stands before the path at the back end for the client.
    pub(crate) fn prefix(&self) -> String {
        format!("{}{}", self.stage, self.bases.1)
    }

    /// Looks up where an address of a back end is here.
    pub(crate) fn place(&self, host: &str, port: Option<u16>, path: &str) -> Place {
        self.gateway.place_of(self.call.back_end.origin(), (host, port), path)
    }

    /// Whether anything here has this path.
    pub(crate) fn is_path(&self, path: &str) -> bool {
        self.gateway.has_path(path)
    }

    /// Both sides, for the fields of a response.
    pub(crate) fn outside<'a>(&'a self, place: Lookup<'a>, is_path: &'a dyn Fn(&str) -> bool) -> Outside<'a> {
        Outside {
            called: &self.called,
            forwarded: &self.forwarded,
            stage: &self.stage,
            bases: (&self.bases.0, &self.bases.1),
            place,
            is_path,
        }
    }
}
