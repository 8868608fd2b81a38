//! The account function against a real DynamoDB implementation: what each step costs, which must not tell who has an account; what
//! its pages take and refuse; and that a step that dies can be repeated.

#[cfg(test)]
mod browser;
#[cfg(test)]
mod costs;
#[cfg(test)]
mod deaths;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod fresh;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod log_in;
#[cfg(test)]
mod passkeys;
