//! The outbox function against a real DynamoDB implementation and a mail carrier that does what a test says.

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod sending;
