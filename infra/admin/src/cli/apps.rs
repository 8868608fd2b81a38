//! `apps …` and `subscriptions …`

use crate::duration::Length;
use clap::{Args, Subcommand, ValueEnum};
use gateway_domain::ids::{ApiName, ClientId, HeaderText, PlanName};
use gateway_domain::notification_uri::{InvalidNotificationUri, NotificationUri};
use gateway_domain::redirect_uri::{InvalidRedirectUri, RedirectUri};
use gateway_domain::scope::Scope;
use gateway_store::Revision;
use std::path::PathBuf;

/// `apps …`
#[derive(Debug, Subcommand)]
pub(crate) enum Apps {
    /// Create an app; the secret of a confidential one without keys is made here and printed once
    Create(CreateApp),
    /// Show apps
    List {
        /// Show at most so many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
        limit: u16,
        /// Go on after this client id, which the list before named as its end
        #[arg(long, value_name = "CLIENT_ID", value_parser = ClientId::parse)]
        after: Option<ClientId>,
    },
    /// Show one app
    Show {
        #[arg(value_parser = ClientId::parse)]
        client_id: ClientId,
    },
    /// Change what an app is called and what it may do
    Change(ChangeApp),
    /// Keep an app from doing anything; felt within 30 seconds
    Disable {
        #[arg(value_parser = ClientId::parse)]
        client_id: ClientId,
    },
    /// Let a disabled app work again
    Enable {
        #[arg(value_parser = ClientId::parse)]
        client_id: ClientId,
    },
    /// Delete an app with every session in it
    Delete {
        #[arg(value_parser = ClientId::parse)]
        client_id: ClientId,
    },
    /// Give a confidential app a new secret, printed once; the old one works on for a while
    RotateSecret(RotateSecret),
    /// End the old secret of a rotation now
    EndOverlap {
        #[arg(value_parser = ClientId::parse)]
        client_id: ClientId,
    },
}

/// `apps create`
#[derive(Debug, Args)]
pub(crate) struct CreateApp {
    /// Its id in the protocol
    #[arg(value_parser = ClientId::parse)]
    pub(crate) client_id: ClientId,
    /// Its name for people and back ends
    #[arg(long, value_parser = HeaderText::parse)]
    pub(crate) name: HeaderText,
    /// public runs on people's devices and has no secret, confidential runs on a server and has one, or keys
    #[arg(long, value_enum)]
    pub(crate) kind: Kind,
    /// The grants it may use, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', required = true)]
    pub(crate) grants: Vec<Grant>,
    /// The most it may ask for, separated by spaces
    #[arg(long, value_parser = Scope::parse)]
    pub(crate) scopes: Scope,
    /// The plan that limits each of its users
    #[arg(long, value_parser = PlanName::parse)]
    pub(crate) plan: PlanName,
    /// The APIs it may call, separated by commas
    #[arg(long, value_parser = ApiName::parse, value_delimiter = ',')]
    pub(crate) subscribe: Vec<ApiName>,
    /// It may see people's passwords, which the grants challenge and password need, and its users are asked for no consent
    #[arg(long)]
    pub(crate) trusted: bool,
    /// For how long a lost refresh response is forgiven [default: the gateway's]
    #[arg(long, value_name = "TIME")]
    pub(crate) refresh_retry_window: Option<Length>,
    /// A JWK Set of its public keys, by which a confidential app authenticates instead of a secret
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,
    /// How its ID tokens are signed [default: RS256]
    #[arg(long, value_enum, value_name = "ALG")]
    pub(crate) id_token_alg: Option<IdTokenAlg>,
    /// Which of its tokens have to be bound to a key [default: optional]
    #[arg(long, value_enum, value_name = "WHICH")]
    pub(crate) dpop: Option<Bound>,
    /// An address that authorization codes may be sent to; may come several times
    #[arg(long = "redirect-uri", value_name = "URI", value_parser = RedirectUri::parse)]
    pub(crate) redirect_uris: Vec<RedirectUri>,
    /// An address that a browser may be sent to after a logout; may come several times
    #[arg(long = "post-logout-redirect-uri", value_name = "URI", value_parser = RedirectUri::parse)]
    pub(crate) post_logout_redirect_uris: Vec<RedirectUri>,
    /// The address that is told when one of its sessions has ended, by a logout token
    #[arg(long, value_name = "URI", value_parser = NotificationUri::parse)]
    pub(crate) backchannel_logout_uri: Option<NotificationUri>,
    /// The address that is told of what happens to the app, by a signed token
    #[arg(long, value_name = "URI", value_parser = NotificationUri::parse)]
    pub(crate) webhook_uri: Option<NotificationUri>,
    /// A confidential app may leave PKCE out of its authorization requests
    #[arg(long)]
    pub(crate) pkce_optional: bool,
}

/// `apps change`
#[derive(Debug, Args)]
pub(crate) struct ChangeApp {
    #[arg(value_parser = ClientId::parse)]
    pub(crate) client_id: ClientId,
    #[command(flatten)]
    pub(crate) changes: AppChanges,
}

/// What can be changed of an app.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct AppChanges {
    /// Its name for people and back ends
    #[arg(long, value_parser = HeaderText::parse)]
    pub(crate) name: Option<HeaderText>,
    /// Whether it has a secret; with another kind secret and keys end, and a confidential one gets its secret by rotate-secret
    #[arg(long, value_enum)]
    pub(crate) kind: Option<Kind>,
    /// The grants it may use, separated by commas
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) grants: Option<Vec<Grant>>,
    /// The most it may ask for, separated by spaces
    #[arg(long, value_parser = Scope::parse)]
    pub(crate) scopes: Option<Scope>,
    /// The plan that limits each of its users
    #[arg(long, value_parser = PlanName::parse)]
    pub(crate) plan: Option<PlanName>,
    /// Whether it may see people's passwords, and its users are asked for no consent
    #[arg(long)]
    pub(crate) trusted: Option<bool>,
    /// For how long a lost refresh response is forgiven; `default` is the gateway's
    #[arg(long, value_name = "TIME", value_parser = Window::parse)]
    pub(crate) refresh_retry_window: Option<Window>,
    /// A JWK Set of its public keys, in place of those it has or of its secret, which ends now
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,
    /// How its ID tokens are signed
    #[arg(long, value_enum, value_name = "ALG")]
    pub(crate) id_token_alg: Option<IdTokenAlg>,
    /// Which of its tokens have to be bound to a key
    #[arg(long, value_enum, value_name = "WHICH")]
    pub(crate) dpop: Option<Bound>,
    /// The addresses that authorization codes may be sent to, in place of all before; may come several times, and is `none`
    /// for none
    #[arg(long = "redirect-uri", value_name = "URI", value_parser = RedirectUriOrNone::parse)]
    pub(crate) redirect_uris: Option<Vec<RedirectUriOrNone>>,
    /// The addresses that a browser may be sent to after a logout, in place of all before; may come several times, and is
    /// `none` for none
    #[arg(long = "post-logout-redirect-uri", value_name = "URI", value_parser = RedirectUriOrNone::parse)]
    pub(crate) post_logout_redirect_uris: Option<Vec<RedirectUriOrNone>>,
    /// The address that is told when one of its sessions has ended, or `none`
    #[arg(long, value_name = "URI", value_parser = NotificationUriOrNone::parse)]
    pub(crate) backchannel_logout_uri: Option<NotificationUriOrNone>,
    /// The address that is told of what happens to the app, or `none`
    #[arg(long, value_name = "URI", value_parser = NotificationUriOrNone::parse)]
    pub(crate) webhook_uri: Option<NotificationUriOrNone>,
    /// Whether a confidential app may leave PKCE out of its authorization requests
    #[arg(long)]
    pub(crate) pkce_optional: Option<bool>,
    /// End the token by which an app that has registered itself manages its registration
    #[arg(long)]
    pub(crate) end_registration: bool,
}

/// A redirect URI, or `none`.
#[derive(Debug, Clone)]
pub(crate) struct RedirectUriOrNone(pub(crate) Option<RedirectUri>);

impl RedirectUriOrNone {
    fn parse(text: &str) -> Result<Self, InvalidRedirectUri> {
        if text == "none" { Ok(Self(None)) } else { RedirectUri::parse(text).map(|uri| Self(Some(uri))) }
    }
}

/// An address that is told of something, or `none`.
#[derive(Debug, Clone)]
pub(crate) struct NotificationUriOrNone(pub(crate) Option<NotificationUri>);

impl NotificationUriOrNone {
    fn parse(text: &str) -> Result<Self, InvalidNotificationUri> {
        if text == "none" { Ok(Self(None)) } else { NotificationUri::parse(text).map(|uri| Self(Some(uri))) }
    }
}

/// A refresh retry window, or the gateway's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window(pub(crate) Option<Length>);

impl Window {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "default" { Ok(Self(None)) } else { text.parse().map(|length| Self(Some(length))) }
    }
}

/// `apps rotate-secret`
#[derive(Debug, Args)]
pub(crate) struct RotateSecret {
    #[arg(value_parser = ClientId::parse)]
    pub(crate) client_id: ClientId,
    /// For how long the old secret works on, at most 90d
    #[arg(long, value_name = "TIME", default_value = "24h")]
    pub(crate) overlap: Length,
    /// End the old secret at once
    #[arg(long, conflicts_with = "overlap")]
    pub(crate) now: bool,
    /// End the keys of an app that signs, which gets a secret in their place, at once
    #[arg(long, conflicts_with_all = ["overlap", "now"])]
    pub(crate) in_place_of_keys: bool,
}

/// Client types (RFC 6749 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Has no secret.
    Public,
    /// Has one.
    Confidential,
}

/// Algorithms of ID tokens (RFC 7518 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IdTokenAlg {
    /// Which every client can verify.
    #[value(name = "RS256")]
    Rs256,
    /// Shorter.
    #[value(name = "ES256")]
    Es256,
}

/// Which tokens have to be bound to a key of whoever holds them (RFC 9449).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Bound {
    /// Those for which a request has a proof.
    Optional,
    /// Refresh tokens: access tokens are for calls that can have no proof. Public apps alone.
    RefreshTokens,
    /// All: no token without a proof, and no call.
    Required,
}

/// Grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Grant {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §4.3.
    Password,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 8693: a service gets tokens of legacy systems for users who call it.
    TokenExchange,
    /// It logs people in on its own screens and gets codes: apps of the company, with `authorization_code`.
    Challenge,
    /// RFC 7523: its devices, each with a key of its own, call without a user.
    JwtBearer,
    /// It shares logins with the other apps of its family on one device (`app_families` of gateway.yaml): trusted, public apps.
    NativeSso,
}

/// `subscriptions …`
#[derive(Debug, Subcommand)]
pub(crate) enum Subscriptions {
    /// Subscribe an app to an API
    Add {
        #[arg(value_parser = ClientId::parse)]
        client_id: ClientId,
        #[arg(value_parser = ApiName::parse)]
        api: ApiName,
        /// The subscription's id, which back ends are told [default: client id and API]
        #[arg(long, value_parser = HeaderText::parse)]
        id: Option<HeaderText>,
        /// A plan for the calls to this API, beside the app's own
        #[arg(long, value_parser = PlanName::parse)]
        plan: Option<PlanName>,
    },
    /// Show the subscriptions of an app
    List {
        #[arg(value_parser = ClientId::parse)]
        client_id: ClientId,
    },
    /// Give a subscription another id or plan
    #[command(group(clap::ArgGroup::new("change").required(true).multiple(true).args(["id", "plan", "no_plan"])))]
    Change {
        #[arg(value_parser = ClientId::parse)]
        client_id: ClientId,
        #[arg(value_parser = ApiName::parse)]
        api: ApiName,
        /// The new id, which back ends are told
        #[arg(long, value_parser = HeaderText::parse)]
        id: Option<HeaderText>,
        /// A plan for the calls to this API, beside the app's own; felt within 30 seconds
        #[arg(long, value_parser = PlanName::parse)]
        plan: Option<PlanName>,
        /// No plan but the app's own
        #[arg(long, conflicts_with = "plan")]
        no_plan: bool,
    },
    /// Close an API to an app; felt within 30 seconds
    Disable {
        #[arg(value_parser = ClientId::parse)]
        client_id: ClientId,
        #[arg(value_parser = ApiName::parse)]
        api: ApiName,
    },
    /// Open it again
    Enable {
        #[arg(value_parser = ClientId::parse)]
        client_id: ClientId,
        #[arg(value_parser = ApiName::parse)]
        api: ApiName,
    },
    /// Take the subscription away
    Remove {
        #[arg(value_parser = ClientId::parse)]
        client_id: ClientId,
        #[arg(value_parser = ApiName::parse)]
        api: ApiName,
    },
}

/// `requests …`
#[derive(Debug, Subcommand)]
pub(crate) enum Requests {
    /// Show which apps wait for an approval
    List {
        /// Show at most so many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
        limit: u16,
        /// Go on after this client id, which the list before named as its end
        #[arg(long, value_name = "CLIENT_ID", value_parser = ClientId::parse)]
        after: Option<ClientId>,
    },
    /// Show an app, and what it waits for
    Show {
        #[arg(value_parser = ClientId::parse)]
        client_id: ClientId,
    },
    /// Make the app what its developers wait for; felt within 30 seconds
    Approve {
        #[arg(value_parser = ClientId::parse)]
        client_id: ClientId,
        /// The revision that `show` told: nothing is decided of another one
        #[arg(long, value_name = "NUMBER", value_parser = revision)]
        revision: Revision,
    },
    /// Leave the app as it is
    Refuse {
        #[arg(value_parser = ClientId::parse)]
        client_id: ClientId,
        /// The revision that `show` told: nothing is decided of another one
        #[arg(long, value_name = "NUMBER", value_parser = revision)]
        revision: Revision,
        /// Why: the developers are told
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

fn revision(text: &str) -> Result<Revision, &'static str> {
    Revision::parse(text).ok_or("it is a number, which `requests show` tells")
}
