//! The pure core: no async, no clock, no I/O. What a watcher is, what a row is, and every decision.

pub mod alert;
pub mod delivery;
pub mod expression;
pub mod row;
pub mod schedule;
pub mod template;
pub mod value;
pub mod watcher;
