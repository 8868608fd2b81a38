//! What the repository says about itself is true: links lead somewhere, and requirements and tests name each other.

#[cfg(test)]
mod links;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod requirements;
