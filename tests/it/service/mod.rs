//! The whole service but for its process: files, an SQLite shop, the store, the engine step by step under a virtual
//! clock, and the DingTalk simulator over real HTTP. Each test's house checks at its end that nothing is left undelivered.

mod apps;
mod budgets;
mod cards;
mod charts;
mod conversation;
mod delivering;
mod explain;
mod house;
mod killing;
mod late_commits;
mod layers;
mod life;
mod life_change;
mod life_cursor;
mod life_edits;
mod life_faults;
mod life_guard;
mod life_hours;
mod life_match;
mod life_missing;
mod life_new;
mod life_report;
mod life_sources;
mod life_steps;
mod life_values;
mod model;
mod outages;
mod people;
mod polling;
mod refusals;
mod secrets;
mod trace;
