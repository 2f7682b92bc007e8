//! One binary for every test that needs real parts: databases, HTTP, files.
#![allow(missing_docs)]

mod config;
mod dingtalk;
mod source;
mod store;
