//! One binary for every test that needs real parts: databases, HTTP, files.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod cli;
mod config;
mod databases;
mod desk;
mod dingtalk;
mod schedules;
mod service;
mod shipped;
mod source;
mod store;
