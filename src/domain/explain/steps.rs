//! What an answer says of the steps of escalation: who comes next and when, and why somebody was not told.

use super::answer::Asking;
use super::facts::{KeyFact, StepFact};
use super::words::plain;
use crate::domain::escalation::Standing;

impl Asking<'_> {
    /// A clause for each step of an alert that fires now and has not been told.
    pub(super) fn steps(&self, key: &KeyFact) -> Vec<String> {
        if self.at.is_some() {
            return Vec::new();
        }
        let of_key = self.facts.steps.iter().filter(|step| step.fingerprint == key.fingerprint);
        of_key.filter_map(|step| self.step(step)).collect()
    }

    fn step(&self, step: &StepFact) -> Option<String> {
        let (who, after) = (&step.receivers, &step.after);
        let unless = if step.unless_acknowledged { " unless it is acknowledged" } else { "" };
        Some(match &step.standing {
            Standing::Told => return None,
            Standing::Ahead(at) => format!("{who} is told at {}{unless} (`after` is {after})", self.clock.at(*at)),
            Standing::Due => format!("{who} is told now (`after` is {after})"),
            Standing::Acknowledged(by) => format!("{who} is not told after {after}, as {} acknowledged it", plain(by)),
            Standing::Gone => format!("{who} is told (`after` is {after}) when its row is there again"),
            Standing::Unwanted => format!("{who} is not told after {after}, as the `when` of that block does not hold"),
            Standing::Never => format!("{who} is not told after {after}, as the watcher's hours do not begin again"),
        })
    }
}
