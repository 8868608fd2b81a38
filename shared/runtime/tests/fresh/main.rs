//! Keys in memory, read from an imitation of Secrets Manager.

#[cfg(test)]
mod ages;
