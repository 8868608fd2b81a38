//! What the repository says about itself is true: links lead somewhere, requirements and tests name each other, and lists of
//! functions have them all.

#[cfg(test)]
mod functions;
#[cfg(test)]
mod links;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod requirements;
