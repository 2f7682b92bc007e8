//! What is shipped to be tried: the watchers in `watchers/`, on every database, and the demo that runs them.

mod demo;
mod same_events;
