//! The real `gateway-admin` against the real local stack and its real functions: every command, races and refusals.

#[cfg(test)]
mod app_keys;
#[cfg(test)]
mod apps;
#[cfg(test)]
mod audit;
mod config_check;
#[cfg(test)]
mod connector_try;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod exit_codes;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod issuers;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod passkeys;
#[cfg(test)]
mod remote;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod shell;
#[cfg(test)]
mod simulate_plan;
#[cfg(test)]
mod targets;
#[cfg(test)]
mod users;
