//! Reads an event into a call: the method, path and query at one API, and the identity that the authorizer admitted.

use gateway_config::{Api, BackEnd, Gateway, NoRoute, RouteMatch};
use gateway_domain::call_context::{Admitted, ContextError, NotAdmitted, Refusal};
use gateway_domain::event::{ApiRequest, Query};
use gateway_domain::ids::ApiName;
use gateway_domain::path::CheckedPath;
use gateway_domain::query::{canonical_query, checked_query};
use http::Method;

use crate::failure::Failure;

/// One call that may be forwarded.
pub(crate) struct Call<'g> {
    pub(crate) method: Method,
    /// The path at the back end.
    pub(crate) path: CheckedPath,
    pub(crate) query: String,
    pub(crate) api: &'g Api,
    pub(crate) api_name: &'g ApiName,
    /// The system that it goes to.
    pub(crate) back_end: &'g BackEnd,
    /// The identity of the caller; `None` on a public route, whatever the event says.
    pub(crate) admitted: Option<Admitted>,
}

impl<'g> Call<'g> {
    /// Reads the event. Only a public route needs no decision of the authorizer.
    pub(crate) fn read(gateway: &'g Gateway, request: &ApiRequest) -> Result<Self, Failure> {
        let path = CheckedPath::parse(&request.path)?;
        let query = match &request.query {
            Query::Decoded(pairs) => canonical_query(pairs)?,
            Query::Raw(raw) => checked_query(raw)?,
        };
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| Failure::Method)?;
        let found = gateway.route(&method, &path);
        if matches!(found, Err(NoRoute::Ambiguous(_))) {
            return Err(Failure::Ambiguous);
        }
        let to = |found: RouteMatch<'g>, admitted: Option<Admitted>| {
            let api = gateway.api(found.api).ok_or(Failure::Configuration("the API of a route"))?;
            let path = found.forwarded.unwrap_or(path);
            Ok(Self { method, path, query, api, api_name: found.api, back_end: found.back_end, admitted })
        };
        let found = match found {
            Ok(found) if found.public => return to(found, None),
            found => found,
        };
        let admitted = Admitted::from_event(request).map_err(|error| match (error, &found) {
            // Without a route nothing can be called, so that the response is 404 or 405 even if no authorizer ran.
            (NotAdmitted::Refused(Refusal::NotFound) | NotAdmitted::Broken(ContextError::Absent), Err(nothing)) => {
                nothing_here(nothing)
            }
            (NotAdmitted::Refused(refusal), _) => Failure::Refused(refusal),
            (NotAdmitted::Broken(error), _) => Failure::Context(error),
        })?;
        // A decision about another route means that the two functions differ in configuration, or that the event is forged.
        let Some(found) = found.ok().filter(|found| *found.api == admitted.api && found.route == admitted.route) else {
            return Err(Failure::Context(ContextError::OtherRequest));
        };
        to(found, Some(admitted))
    }
}

fn nothing_here(reason: &NoRoute<'_>) -> Failure {
    match reason {
        NoRoute::NotFound => Failure::Refused(Refusal::NotFound),
        NoRoute::Ambiguous(_) => Failure::Ambiguous,
        NoRoute::MethodNotAllowed { allowed, .. } => Failure::MethodNotAllowed(allowed.clone()),
    }
}
