//! gateway.yaml: its types, its checks and its JSON Schema.

mod accounts;
mod api;
mod check;
pub mod connector;
mod cors;
mod directory;
mod duration;
mod error;
mod file;
mod gateway;
mod header;
mod localized;
mod methods;
mod pages;
mod place;
mod read;
mod routes;
mod text;
mod tls;
mod url;

pub use accounts::{Accounts, ClaimName, FieldId, FieldType, ProfileField};
pub use api::{Api, PassAccessToken, Route};
pub use directory::{Directory, Domain, FunctionName, Hook};
pub use error::{ConfigError, NotAllowed, Problem};
pub use file::Lifetimes;
pub use gateway::{Elsewhere, Gateway, TokenParties, schema};
pub use gateway_domain::headers::IdentityHeaders;
pub use gateway_domain::rate_limit::Plan;
pub use localized::LocalizedText;
pub use methods::{Method, Methods};
pub use pages::{Colour, Logo, Pages, SiteName, Support, WebLink};
pub use routes::{Ambiguity, NoRoute, RouteMatch};
pub use text::{Audience, CookieName, JsonPointer, ScopeToken};
pub use tls::{SecretName, Tls};
pub use url::{BackEnd, HttpUrl, Issuer, NoIssuer, Origin, is_loopback};
