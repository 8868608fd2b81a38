//! The token function against a real DynamoDB implementation and a legacy system: what it answers, writes and costs.

#[cfg(test)]
mod access_tokens;
#[cfg(test)]
mod app_grant;
#[cfg(test)]
mod authenticated_clients;
#[cfg(test)]
mod capacity;
#[cfg(test)]
mod challenge;
#[cfg(test)]
mod challenge_deaths;
#[cfg(test)]
mod challenge_mails;
#[cfg(test)]
mod challenge_passkeys;
#[cfg(test)]
mod client_assertions;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod container;
#[cfg(test)]
mod costs;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod device_links;
#[cfg(test)]
mod device_tokens;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod dpop;
#[cfg(test)]
mod dpop_codes;
#[cfg(test)]
mod dpop_sessions;
#[cfg(test)]
mod event_tokens;
#[cfg(test)]
mod events;
#[cfg(test)]
mod exchanges;
#[cfg(test)]
mod expirations;
#[cfg(test)]
mod family;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod hosted;
#[cfg(test)]
mod hosted_codes;
#[cfg(test)]
mod hosted_consents;
#[cfg(test)]
mod hosted_deaths;
#[cfg(test)]
mod hosted_forms;
#[cfg(test)]
mod hosted_logins;
#[cfg(test)]
mod hosted_passkeys;
#[cfg(test)]
mod hosted_rereads;
#[cfg(test)]
mod id_tokens;
#[cfg(test)]
mod imported_hashes;
#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod internal_tokens;
#[cfg(test)]
mod introspection;
#[cfg(test)]
mod login_attempts;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod logins_again;
#[cfg(test)]
mod logout_tokens;
#[cfg(test)]
mod logouts;
#[cfg(test)]
mod metadata;
#[cfg(test)]
mod moves;
#[cfg(test)]
mod native_sso;
#[cfg(test)]
mod native_sso_abuse;
#[cfg(test)]
mod native_sso_deaths;
#[cfg(test)]
mod old_issuer;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod passkey_deaths;
#[cfg(test)]
mod passkeys;
#[cfg(test)]
mod phone;
#[cfg(test)]
mod refreshes;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod renewals;
#[cfg(test)]
mod renewing;
#[cfg(test)]
mod request;
#[cfg(test)]
mod resets;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod scopes;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod separate_passwords;
#[cfg(test)]
mod session_ends;
#[cfg(test)]
mod step_up;
#[cfg(test)]
mod store_down;
#[cfg(test)]
mod sweeps;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod trade_in_abuse;
#[cfg(test)]
mod trade_in_deaths;
#[cfg(test)]
mod trade_ins;
#[cfg(test)]
mod userinfo;
#[cfg(test)]
mod versions;
