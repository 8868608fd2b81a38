//! The account function against a real DynamoDB implementation: what each step costs, which must not tell who has an account.

#[cfg(test)]
mod costs;
