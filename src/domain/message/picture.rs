//! A chart in a message: a picture where one can be shown, else its numbers.

use crate::domain::chart::Chart;
use serde::{Deserialize, Serialize};

/// The picture of a message. It is stored as its data, so that every attempt shows the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// What it shows.
    pub chart: Chart,
    /// What stands in its place where it cannot be shown; empty where the message says it anyway.
    #[serde(default)]
    pub numbers: String,
    /// Where the receiver finds it: a web address, or what an upload of it is called. `None`: nowhere, the numbers are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Picture {
    /// Its paragraph.
    pub(super) fn block(&self) -> Option<String> {
        match &self.url {
            Some(url) => Some(format!("![]({url})")),
            None => Some(self.numbers.clone()).filter(|numbers| !numbers.is_empty()),
        }
    }
}
