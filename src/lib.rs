//! rowbell (in work: the map of the house comes here)

pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod engine;
pub mod metrics;
pub mod notify;
pub mod source;
pub mod store;
pub mod web;
