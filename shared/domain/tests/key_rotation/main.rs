//! The turns that keys take, over random histories.

#[cfg(test)]
mod turns;
