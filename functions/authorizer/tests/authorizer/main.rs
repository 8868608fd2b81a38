//! The authorizer against a real DynamoDB implementation: what it decides, what it counts, what that costs.

#[cfg(test)]
mod clocks;
mod decisions;
#[cfg(test)]
mod dpop;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod versions;
#[cfg(test)]
mod wire;
