//! What is shipped to be tried: the watchers in `watchers/`, on every database, the tests that
//! stand beside them, and the demo that runs them.

mod demo;
mod own_tests;
mod same_events;
