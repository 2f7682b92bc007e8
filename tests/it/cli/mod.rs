//! The program as a person runs it: the real binary in a folder of its own, over an SQLite source and the simulator.

mod check;
mod check_databases;
mod check_edits;
mod check_shipped;
mod check_warnings;
mod files;
mod house;
mod lists;
mod polling;
mod service;
