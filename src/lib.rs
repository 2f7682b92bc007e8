//! rowbell polls business databases and rings in DingTalk.
//!
//! This page is the map. Read the modules in this order:
//!
//! | module | what it is |
//! |---|---|
//! | [`domain`] | the pure core: watchers, schedules, rows, expressions, [`evaluate`](domain::evaluate) (what a poll found), [`compose`](domain::compose) (who is told, now, later or not), [`cursor`](domain::cursor), [`silence`](domain::silence), [`active`](domain::active) hours, [`escalation`](domain::escalation), [`guard`](domain::guard), messages, [`chart`](domain::chart)s, [`delivery`](domain::delivery) decisions, [`explain`](domain::explain) (why it did or did not alert), [`command`](domain::command), [`chat`](domain::chat) and [`press`](domain::press) (what people write and press, and what is answered). No async, no clock, no I/O |
//! | [`config`] | files → valid domain values, or every fault at its line and column |
//! | [`source`] | reads business databases, read-only, with limits; one file per driver |
//! | [`store`] | our database: what is known, what happened, what is to be sent; the only place with our SQL |
//! | [`notify`] | DingTalk: group robots, apps (people, cards, DING), Stream, and a simulator of it all, with chats in the browser |
//! | [`engine`] | the loops: scheduler, poll cycle, deliverer. All `await`, no decisions |
//! | [`picture`] | pixels: a chart as a PNG |
//! | [`web`] | health, readiness, metrics, pictures of messages |
//! | [`cli`] | one file per command; `run` is the wiring |
//! | [`clock`], [`metrics`] | the one place that reads the time; what is counted |
//!
//! ```text
//! watchers/*.toml ─ config ─▶ Watcher
//!   scheduler   due? claimed?
//!   poll        1 source.read(query, limits)    a stream of rows, all or from the cursor's bound; a failed read changes no alert
//!               2 evaluate: a fold over the rows against what is known: fingerprint (which key) and digest (same content?)
//!               3 compose: new alert states, history events, one message per receiver; silences, hours, what is put off
//!               4 ONE transaction: alert_state + alert_history + delivery + poll + watcher_state (cursor …), under the claim's epoch
//!   digest      what was put off, when hours begin; what still fires, when a silence ends: one message per receiver
//!   conversation  what comes through Stream: what is asked, done once in one transaction, acknowledged, answered
//!   steps       who is told when nobody acknowledges, at its time, whether polls work or not
//!   deliverer   5 claim and write the attempt   6 send, no transaction open   7 decide   8 record
//! ```
//!
//! Invariants, each held by tests:
//! - State, history and outbox change together or not at all, and nothing else changes state.
//! - No answer is not an empty answer: a poll that failed, broke off or exceeded a limit changes no alert.
//! - Only DingTalk's `errcode` 0 makes a delivery `delivered`; whatever is given up has a reason.
//! - No rolling minute sees more for a robot than its budget; what is merged is told by the digest that the history names.
//! - A delivery keeps its message and its `msgUuid` over all attempts; at most one per receiver is in flight.
//! - The time is passed in; decisions are functions of values.
//! - Secrets and row contents do not reach logs or errors.

pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod engine;
pub mod metrics;
pub mod notify;
pub mod picture;
pub mod source;
pub mod store;
pub mod web;
