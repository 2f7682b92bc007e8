//! The pure core: no async, no clock, no I/O. What a watcher is, what a row is, and every decision.

pub mod acknowledge;
pub mod active;
pub mod alert;
pub mod backtest;
pub mod budget;
pub mod calendar;
pub mod compose;
pub mod cursor;
pub mod delivery;
pub mod evaluate;
pub mod explain;
pub mod expression;
pub mod guard;
pub mod known;
pub mod message;
pub mod query;
pub mod row;
pub mod schedule;
pub mod silence;
pub mod sql_text;
pub mod standing;
pub mod template;
pub mod value;
pub mod watcher;
mod zone;
