//! What an event asks for: a checked target at one API, and on whose behalf.

use config::{Api, Gateway, NoRoute};
use domain::call_context::{Admitted, ContextError, NotAdmitted, Refusal};
use domain::event::{ApiRequest, Query};
use domain::path::{CheckedPath, canonical_query, checked_query};
use http::Method;

use crate::failure::Failure;

/// One call that may be forwarded.
pub(crate) struct Call<'g> {
    pub(crate) method: Method,
    pub(crate) path: CheckedPath,
    pub(crate) query: String,
    pub(crate) api: &'g Api,
    /// Who calls; nobody on a public route, whatever the event says.
    pub(crate) admitted: Option<Admitted>,
}

impl<'g> Call<'g> {
    /// Reads the event. Only a public route goes without the authorizer's word.
    pub(crate) fn read(gateway: &'g Gateway, request: &ApiRequest) -> Result<Self, Failure> {
        let path = CheckedPath::parse(&request.path)?;
        let query = match &request.query {
            Query::Decoded(pairs) => canonical_query(pairs),
            Query::Raw(raw) => checked_query(raw)?,
        };
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| Failure::Method)?;
        let found = gateway.route(&method, path.segments());
        if let Ok(found) = &found
            && found.public
        {
            let api = gateway.api(found.api).ok_or(Failure::Configuration("the API of a route"))?;
            return Ok(Self { method, path, query, api, admitted: None });
        }
        let admitted = match (Admitted::from_event(request), found) {
            (Ok(admitted), Ok(found)) if *found.api == admitted.api && found.route == admitted.route => admitted,
            // The two functions do not share one configuration, or somebody made the event up.
            (Ok(_), _) => return Err(Failure::Context(ContextError::OtherRequest)),
            (
                Err(NotAdmitted::Refused(Refusal::NotFound) | NotAdmitted::Broken(ContextError::Absent)),
                Err(NoRoute::MethodNotAllowed { allowed, .. }),
            ) => return Err(Failure::MethodNotAllowed(allowed)),
            (Err(NotAdmitted::Refused(refusal)), _) => return Err(Failure::Refused(refusal)),
            (Err(NotAdmitted::Broken(ContextError::Absent)), Err(NoRoute::NotFound)) => {
                return Err(Failure::Refused(Refusal::NotFound));
            }
            (Err(NotAdmitted::Broken(error)), _) => return Err(Failure::Context(error)),
        };
        let api = gateway.api(&admitted.api).ok_or(Failure::Configuration("the API of a route"))?;
        Ok(Self { method, path, query, api, admitted: Some(admitted) })
    }
}
