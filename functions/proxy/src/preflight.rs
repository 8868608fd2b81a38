//! Responds to CORS preflights, which never reach a back end.

use gateway_config::NoRoute;
use gateway_domain::call_context::Refusal;
use gateway_domain::event::{ApiRequest, ApiResponse};
use gateway_domain::path::CheckedPath;
use http::Method;

use crate::Proxy;
use crate::failure::Failure;
use crate::refusal::listed;

impl Proxy {
    /// The methods of a path, for a page of a listed origin only: no other page may learn which paths exist.
    pub(crate) fn preflight(&self, request: &ApiRequest) -> Result<ApiResponse, Failure> {
        let cors = self.gateway.cors().filter(|cors| cors.is_preflight(request)).ok_or(Failure::NoPreflight)?;
        let path = CheckedPath::parse(&request.path)?;
        // No route has the method OPTIONS, so the look-up fails with the methods that the path has.
        match self.gateway.route(&Method::OPTIONS, &path) {
            Err(NoRoute::MethodNotAllowed { allowed, .. }) => Ok(cors.permission(&listed(&allowed))),
            Err(NoRoute::Ambiguous(_)) => Err(Failure::Ambiguous),
            Ok(_) | Err(NoRoute::NotFound) => Err(Failure::Refused(Refusal::NotFound)),
        }
    }
}
