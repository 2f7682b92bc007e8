//! One binary for every test that needs real parts: databases, HTTP, files.
#![allow(missing_docs)]

mod config;
mod databases;
mod dingtalk;
mod service;
mod source;
