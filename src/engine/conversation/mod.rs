//! What people say through DingTalk: commands in a chat, buttons of cards.
//!
//! Wanted, and how it is held:
//! - One process listens for an app, whichever has its lease ([`Store::take_lead`](crate::store::Store::take_lead)). Whoever
//!   loses it closes the connection; whoever stops gives it back.
//! - What a push is to do is done before it is acknowledged, in the transaction that writes the push down: a push that comes
//!   again, over whatever connection and to whatever process, is acknowledged and does nothing. Only work that takes longer than
//!   the acknowledgement may wait goes on behind it.
//! - What changes something is done one after the other, so that a person who presses twice, or two persons at once, do not act on
//!   what is no longer so.
//! - Stopping refuses what comes and finishes what is in hand, acknowledgements included.
//!
//! Who may: chat commands only operators; a card's buttons whoever sees the card, which its receiver has decided.

mod answers;
mod press;

use super::poll::in_words;
use super::{Engine, Notice};
use crate::domain::chat::{self, Setting};
use crate::domain::row::Row;
use crate::notify::dingtalk::stream::{BotMessage, Content, Done, Listening, Push, Stream};
use crate::store::{Acked, Deed, Heard, StoreError};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use secrecy::SecretString;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long the lead is ours without being renewed.
const LEASE: Duration = Duration::from_secs(30);
/// How often it is renewed.
const RENEW: TimeDelta = TimeDelta::seconds(10);
/// How often a process that does not lead looks whether it may.
const LOOK: TimeDelta = TimeDelta::seconds(10);
/// Pushes that are worked on at once.
const MOST_IN_HAND: usize = 16;

/// An app that people talk with. Several receivers of one app are one.
#[derive(Debug)]
pub struct Conversation {
    /// Its connection.
    pub stream: Stream,
    /// The receiver under which operators are named in the settings.
    pub receiver: String,
    /// The user ids that may use commands.
    pub operators: BTreeSet<String>,
}

/// A conversation as it goes on.
struct Talk {
    of: Conversation,
    /// Hash of the app.
    app: String,
    /// Held by whoever changes something.
    acting: tokio::sync::Mutex<()>,
    /// Pushes that are being answered.
    in_hand: Mutex<HashSet<String>>,
    /// The month whose used-up quota was told.
    quota_told: Mutex<Option<(i32, u32)>>,
}

impl Engine {
    /// Listens to an app until told to stop.
    pub async fn run_conversation(&self, conversation: Conversation, mut stop: watch::Receiver<bool>) {
        let clock = &self.parts().clock;
        let app = conversation.stream.fingerprint();
        let lead = format!("stream {app}");
        let talk = Arc::new(Talk {
            of: conversation,
            app,
            acting: tokio::sync::Mutex::default(),
            in_hand: Mutex::default(),
            quota_told: Mutex::default(),
        });
        while !*stop.borrow() {
            if self.leads(&lead).await {
                self.listen(&talk, &lead, &mut stop).await;
                if let Err(error) = self.parts().store.give_lead(&lead, &self.parts().owner).await {
                    tracing::warn!("the lead of a Stream connection cannot be given back, it ends by itself: {error}");
                }
            }
            tokio::select! {
                () = clock.sleep_until(clock.now() + LOOK) => {}
                () = told(&mut stop) => {}
            }
        }
    }

    /// Takes or renews the lead. While the store cannot be asked nobody leads.
    async fn leads(&self, lead: &str) -> bool {
        let parts = self.parts();
        let taken = parts.store.take_lead(lead, &parts.owner, parts.clock.now(), LEASE).await;
        taken.unwrap_or_else(|error| {
            tracing::error!("card buttons and chat commands do not work, for the store does not: {error}");
            false
        })
    }

    /// Works on what comes until the lead is lost or the service stops.
    async fn listen(&self, talk: &Arc<Talk>, lead: &str, stop: &mut watch::Receiver<bool>) {
        let clock = &self.parts().clock;
        let mut listening = talk.of.stream.listen(clock.clone());
        let mut hands = JoinSet::new();
        let mut renew_at = clock.now() + RENEW;
        while !*stop.borrow() {
            tokio::select! {
                push = listening.next(), if hands.len() < MOST_IN_HAND => match push {
                    Some(push) => _ = hands.spawn(self.clone().take(talk.clone(), push)),
                    None => break,
                },
                Some(ended) = hands.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!("the work on a push of DingTalk's died: {error}");
                    }
                }
                () = clock.sleep_until(renew_at) => {
                    if !self.leads(lead).await {
                        tracing::warn!(receiver.name = talk.of.receiver, "another process listens to DingTalk now");
                        break;
                    }
                    renew_at = clock.now() + RENEW;
                }
                () = told(stop) => {}
            }
        }
        finish(listening, hands).await;
    }

    /// Works on one push.
    async fn take(self, talk: Arc<Talk>, push: Push) {
        let Push { id, content, done } = push;
        let is_first = talk.in_hand().insert(id.clone());
        self.count_use(&talk).await;
        match content {
            Content::Message(message) => self.take_message(&talk, &id, is_first, message, done).await,
            Content::Press(press) => self.take_press(&talk, &id, press, done).await,
        }
        if is_first {
            talk.in_hand().remove(&id);
        }
    }

    async fn take_message(&self, talk: &Talk, id: &str, is_first: bool, message: BotMessage, done: Done) {
        let now = self.parts().clock.now();
        if message.is_over_quota {
            talk.tell_quota(now);
        }
        self.meet(talk, &message, now).await;
        let asked = self.asked(talk, &message);
        let heard = {
            let _acting = talk.acting.lock().await;
            self.hear(id, self.deed(&asked, now), now).await
        };
        let reply = match heard {
            // It may come again; until then nothing was done.
            Err(error) => {
                tracing::error!("what a person wrote to the robot cannot be worked on: {error}");
                drop(done);
                chat::failed(&self.setting())
            }
            Ok(heard) => {
                done.with(Value::Null);
                match heard.is_repeat {
                    true if heard.is_answered || !is_first => return,
                    true => chat::repeated(&self.setting()),
                    false => self.reply_to(&asked, heard).await.unwrap_or_else(|error| {
                        tracing::error!("a command of a chat cannot be answered: {error}");
                        chat::failed(&self.setting())
                    }),
                }
            }
        };
        self.say(talk, id, message.session_webhook.as_ref(), &reply).await;
    }

    /// Does it once, and tells whoever watches.
    async fn hear(&self, id: &str, deed: Deed, now: DateTime<Utc>) -> Result<Heard, StoreError> {
        let by = match &deed {
            Deed::Nothing => None,
            Deed::Acknowledge { by, .. } => Some(by.by.clone()),
            Deed::Silence(silences) => silences.first().map(|silence| silence.author.clone()),
        };
        let heard = self.parts().store.hear(id, deed, now).await?;
        let acknowledged: Vec<(String, String)> = heard.acked.iter().filter_map(|(_, acked)| taken(acked)).collect();
        let silences = heard.silences.len();
        if let Some(by) = by.filter(|_| !acknowledged.is_empty() || silences > 0) {
            self.notice(Notice::Acted { by, acknowledged, silences });
        }
        Ok(heard)
    }

    /// Answers in the chat.
    async fn say(&self, talk: &Talk, id: &str, webhook: Option<&SecretString>, reply: &chat::Reply) {
        let name = &talk.of.receiver;
        let Some(webhook) = webhook else {
            tracing::warn!(receiver.name = name, "a message came without an address for the answer");
            return;
        };
        let attempt = talk.of.stream.reply(webhook, &reply.title, &reply.text).await;
        if attempt.verdict != crate::domain::delivery::Verdict::Delivered {
            tracing::warn!(receiver.name = name, "an answer could not be given in the chat: {}", attempt.answer);
            return;
        }
        self.count_use(talk).await;
        if let Err(error) = self.parts().store.answered(id, self.parts().clock.now()).await {
            tracing::warn!(receiver.name = name, "an answer was given and cannot be recorded: {error}");
        }
    }

    async fn meet(&self, talk: &Talk, message: &BotMessage, now: DateTime<Utc>) {
        let Some(user) = &message.user else { return };
        if let Err(error) = self.parts().store.meet(&talk.app, user, &message.name, now).await {
            tracing::warn!("the name of a person cannot be remembered: {error}");
        }
    }

    /// DingTalk counts pushes and answers as Webhook & Stream messages of the organisation's month.
    async fn count_use(&self, talk: &Talk) {
        let parts = self.parts();
        let Some(receiver) = parts.receivers.get(&talk.of.receiver) else { return };
        if let Err(error) = parts.store.count_stream_use(&receiver.terms.organisation, parts.clock.now()).await {
            tracing::warn!("a message of the month's quota is not counted: {error}");
        }
    }

    fn setting(&self) -> Setting {
        let parts = self.parts();
        Setting { language: parts.language, zone: parts.timezone, now: parts.clock.now() }
    }
}

/// The watcher and the key of an alert that was taken just now.
fn taken(acked: &Acked) -> Option<(String, String)> {
    let Acked::Taken(taken) = acked else { return None };
    Some((taken.watcher.clone(), Row::from_json(&taken.key, "").map(|key| in_words(&key)).unwrap_or_default()))
}

/// Waits until the service is to stop, or has been told so before.
async fn told(stop: &mut watch::Receiver<bool>) {
    // Without a sender the service is gone, which is a stop as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Refuses what comes, finishes what is in hand, and closes.
async fn finish(mut listening: Listening, mut hands: JoinSet<()>) {
    listening.refuse();
    while hands.join_next().await.is_some() {}
    listening.close().await;
}

impl Talk {
    fn in_hand(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.in_hand.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Once a month.
    fn tell_quota(&self, now: DateTime<Utc>) {
        let china = now.with_timezone(&chrono_tz::Asia::Shanghai);
        let month = Some((china.year(), china.month()));
        let told = std::mem::replace(&mut *self.quota_told.lock().unwrap_or_else(std::sync::PoisonError::into_inner), month);
        if told != month {
            tracing::error!(
                receiver.name = self.of.receiver,
                "DingTalk says that the organisation's month of Webhook & Stream messages is used up (20001): chat commands arrive without their text, and robots may be refused until the month ends or the quota is raised in the developer console"
            );
        }
    }
}
