//! The program as a person runs it: the real binary in a folder of its own, over an SQLite source and the simulator.

mod backtest;
mod check;
mod check_databases;
mod check_edits;
mod check_shipped;
mod check_warnings;
mod explain;
mod files;
mod house;
mod lists;
mod people;
mod polling;
mod preview;
mod service;
mod simulator;
mod watcher_tests;
