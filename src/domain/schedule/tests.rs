//! Schedules against croner, against a brute-force walk over a wall clock, and against what crontab promises.

use super::*;
