//! What people say in a chat or with a card, as it crosses the store's border.

use super::model::Acked;
use crate::domain::alert::Acknowledgement;
use crate::domain::silence::Silence;

/// What a push of DingTalk's is to do. It is done once, however often the push comes.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Nothing: it only asks.
    Nothing,
    /// To take the alerts of these events.
    Acknowledge {
        /// Numbers of events of the history.
        events: Vec<i64>,
        /// Who, and what they said.
        by: Acknowledgement,
    },
    /// To write silences.
    Silence(Vec<Silence>),
}

/// What became of it.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// The push has come before: nothing was done now.
    pub is_repeat: bool,
    /// And DingTalk had taken the answer to it.
    pub is_answered: bool,
    /// What became of each event.
    pub acked: Vec<(i64, Acked)>,
    /// The numbers of the silences.
    pub silences: Vec<i64>,
}
