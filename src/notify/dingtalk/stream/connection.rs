//! One open connection: what comes is handed on and acknowledged, until it is closed.

use super::frame::{self, Frame, Head, Topic};
use super::open::Socket;
use super::push::Push;
use crate::clock::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_tungstenite::tungstenite::Message;

/// DingTalk wants an acknowledgement within two seconds; the rest is for the way.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(1_500);
/// After so long without a word from the server it is asked whether it is there; as long again, and it is not.
const SILENT: TimeDelta = TimeDelta::seconds(60);
/// How long a connection goes on that the server wanted to close after ten seconds.
const LEAVES_WITHIN: TimeDelta = TimeDelta::seconds(30);
/// How long writing may take before the connection counts as dead.
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);

/// Why a connection has ended, in words.
pub(super) type Ended = String;

type Acknowledging = Pin<Box<dyn Future<Output = String> + Send>>;

/// A connection and what it works with.
pub(super) struct Connection {
    pub socket: Socket,
    pub clock: Clock,
    /// Where pushes go.
    pub pushes: mpsc::Sender<Push>,
    /// Told when another connection is needed; dropped when this one has ended.
    pub leaves: Option<oneshot::Sender<()>>,
    /// Turns true when it is to be closed.
    pub closing: watch::Receiver<bool>,
}

impl Connection {
    /// Serves until the connection ends.
    pub async fn serve(mut self) -> Ended {
        let mut closing = self.closing.clone();
        let mut waiting: FuturesUnordered<Acknowledging> = FuturesUnordered::new();
        let mut alive = Alive { heard_at: self.clock.now(), asked_at: None };
        let mut leaves_at = None;
        let mut is_closing = false;
        loop {
            if is_closing && waiting.is_empty() {
                // Whoever does not answer a farewell is gone anyway.
                let _ = tokio::time::timeout(WRITTEN_WITHIN, self.socket.close(None)).await;
                return "closed".to_owned();
            }
            let wake = leaves_at.map_or(alive.wake(), |at| alive.wake().min(at));
            let answer = tokio::select! {
                Some(answer) = waiting.next(), if !waiting.is_empty() => Message::text(answer),
                frame = self.socket.next() => match self.heard(frame, &mut alive, &mut waiting) {
                    Heard::Nothing => continue,
                    Heard::Answer(answer) => Message::text(answer),
                    Heard::Leaves => {
                        leaves_at = Some(self.clock.now() + LEAVES_WITHIN);
                        continue;
                    }
                    Heard::End(ended) => return ended,
                },
                () = self.clock.sleep_until(wake) => match alive.look(self.clock.now()) {
                    _ if leaves_at.is_some_and(|at| at <= self.clock.now()) => return "the server had said so".to_owned(),
                    Look::Ask => Message::Ping(Vec::new().into()),
                    Look::Wait => continue,
                    Look::Dead => return "the server does not answer".to_owned(),
                },
                _ = closing.wait_for(|closing| *closing), if !is_closing => {
                    is_closing = true;
                    continue;
                }
            };
            match tokio::time::timeout(WRITTEN_WITHIN, self.socket.send(answer)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error.to_string(),
                Err(_) => return "nothing can be written".to_owned(),
            }
        }
    }

    fn heard(
        &mut self,
        frame: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
        alive: &mut Alive,
        waiting: &mut FuturesUnordered<Acknowledging>,
    ) -> Heard {
        *alive = Alive { heard_at: self.clock.now(), asked_at: None };
        let text = match frame {
            None => return Heard::End("the server closed it".to_owned()),
            Some(Err(error)) => return Heard::End(error.to_string()),
            Some(Ok(Message::Text(text))) => text,
            // Pings are answered by the library.
            Some(Ok(_)) => return Heard::Nothing,
        };
        match frame::read(&text) {
            None => Heard::Nothing,
            Some(Frame::Ping(head)) => Heard::Answer(frame::acknowledgement(&head, 200, &head.data)),
            Some(Frame::Disconnect(_)) => {
                // Whoever waited for it may have been told before.
                self.leaves.take().map(|leaves| leaves.send(()));
                Heard::Leaves
            }
            Some(Frame::Push(head, topic)) => match self.handed_on(head, topic) {
                Ok(acknowledging) => {
                    waiting.push(acknowledging);
                    Heard::Nothing
                }
                Err(answer) => Heard::Answer(answer),
            },
            Some(Frame::Other(head)) if head.message_id.is_some() => Heard::Answer(frame::acknowledgement(&head, 404, "{}")),
            Some(Frame::Other(_)) => Heard::Nothing,
        }
    }

    /// Gives a push to whoever does the work; what is answered to it when that is done. `Err` is answered at once.
    fn handed_on(&self, head: Head, topic: Topic) -> Result<Acknowledging, String> {
        let Some((push, answered)) = Push::read(&head, topic) else {
            tracing::warn!("a push of DingTalk's cannot be read, and is refused");
            return Err(frame::acknowledgement(&head, 500, "{}"));
        };
        if self.pushes.try_send(push).is_err() {
            tracing::warn!("more pushes come than can be worked on; this one is refused, and may come again");
            return Err(frame::acknowledgement(&head, 500, "{}"));
        }
        Ok(Box::pin(async move {
            let data = |response: Value| json!({ "response": response }).to_string();
            match tokio::time::timeout(ACKNOWLEDGED_WITHIN, answered).await {
                Ok(Ok(response)) => frame::acknowledgement(&head, 200, &data(response)),
                Ok(Err(_)) => frame::acknowledgement(&head, 500, "{}"),
                Err(_) => frame::acknowledgement(&head, 200, &data(json!({}))),
            }
        }))
    }
}

/// What a frame came to.
enum Heard {
    Nothing,
    Answer(String),
    Leaves,
    End(Ended),
}

/// When the server was heard last, and whether it was asked since.
struct Alive {
    heard_at: DateTime<Utc>,
    asked_at: Option<DateTime<Utc>>,
}

enum Look {
    Ask,
    Wait,
    Dead,
}

impl Alive {
    fn wake(&self) -> DateTime<Utc> {
        self.asked_at.unwrap_or(self.heard_at) + SILENT
    }

    fn look(&mut self, now: DateTime<Utc>) -> Look {
        match self.asked_at {
            _ if now < self.wake() => Look::Wait,
            Some(_) => Look::Dead,
            None => {
                self.asked_at = Some(now);
                Look::Ask
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_server_is_asked_and_is_dead_when_it_stays_silent() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).expect("a time");
        let mut alive = Alive { heard_at: at(0), asked_at: None };
        assert!(matches!(alive.look(at(59)), Look::Wait));
        // However much time has passed, it is asked first.
        assert!(matches!(alive.look(at(3_600)), Look::Ask));
        assert_eq!(alive.wake(), at(3_660));
        assert!(matches!(alive.look(at(3_659)), Look::Wait));
        assert!(matches!(alive.look(at(3_660)), Look::Dead));
    }
}
