//! `/gateway/api/v1/devices`: one device of an application, by its id.

use super::{allowed, only, shown};
use crate::error::Failure;
use crate::principal::Principal;
use crate::{Asked, Portal};
use gateway_administration::shown_device;
use gateway_domain::admin_scope::{SESSIONS_READ, SESSIONS_WRITE};
use gateway_domain::event::ApiResponse;
use gateway_domain::ids::UserId;

impl Portal {
    pub(super) async fn devices(
        &self,
        asked: &Asked<'_>,
        principal: &Principal,
        rest: &[&str],
    ) -> Result<ApiResponse, Failure> {
        let [id] = rest else { return Err(Failure::NotFound) };
        only(asked, "GET, DELETE")?;
        allowed(asked, principal, (SESSIONS_READ, SESSIONS_WRITE))?;
        let device = self.device(&UserId::parse(id).map_err(|_| Failure::NoDevice)?).await?;
        if asked.request.method == "GET" {
            return Ok(shown(200, &shown_device(&device)));
        }
        self.revoke_device(principal.who(), &device).await?;
        Ok(ApiResponse::new(204))
    }
}
