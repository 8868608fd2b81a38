//! The whole gateway in one call, for tests.
