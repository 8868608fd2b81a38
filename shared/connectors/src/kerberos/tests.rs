//! Answers that no KDC should give, and what a name, a state and an answer of a back end mean.
