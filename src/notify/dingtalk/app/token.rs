//! The access token of an app: fetched once however many ask for it at the same time, and renewed before it ends.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// A token is renewed so long before it ends: a request that takes its time must still find it valid.
const RENEW_EARLY: TimeDelta = TimeDelta::minutes(5);

/// A token and its end.
#[derive(Clone)]
pub(super) struct Token {
    pub value: SecretString,
    pub until: DateTime<Utc>,
}

/// What is known of the token. `E` is why there is none.
pub(super) struct Tokens<E> {
    last: Mutex<Option<Result<Token, E>>>,
    /// How many times it was fetched: who has waited while another fetched takes what that one got, a failure too.
    fetches: AtomicU64,
}

impl<E: Clone> Tokens<E> {
    pub fn new() -> Tokens<E> {
        Tokens { last: Mutex::new(None), fetches: AtomicU64::new(0) }
    }

    /// The token, fetched by `fetch` when there is none that will hold for a while.
    pub async fn get(&self, now: DateTime<Utc>, fetch: impl AsyncFnOnce() -> Result<Token, E>) -> Result<Token, E> {
        let seen = self.fetches.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        match &*last {
            Some(Ok(token)) if token.until - RENEW_EARLY > now => return Ok(token.clone()),
            Some(Err(error)) if self.fetches.load(Ordering::SeqCst) != seen => return Err(error.clone()),
            _ => {}
        }
        let fetched = fetch().await;
        self.fetches.fetch_add(1, Ordering::SeqCst);
        *last = Some(fetched.clone());
        fetched
    }

    /// Forgets a token that was refused; one that was fetched since then is kept.
    pub async fn forget(&self, refused: &Token) {
        let mut last = self.last.lock().await;
        if matches!(&*last, Some(Ok(token)) if token.value.expose_secret() == refused.value.expose_secret()) {
            *last = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
    }

    fn token(value: &str, until: DateTime<Utc>) -> Token {
        Token { value: value.into(), until }
    }

    async fn get(tokens: &Tokens<String>, at: DateTime<Utc>, next: &str) -> String {
        let two_hours = at + TimeDelta::seconds(7200);
        let got = tokens.get(at, async || Ok(token(next, two_hours))).await;
        got.expect("a token").value.expose_secret().to_owned()
    }

    #[tokio::test]
    async fn a_token_is_kept_until_five_minutes_before_its_end() {
        let tokens = Tokens::new();
        assert_eq!(get(&tokens, now(), "a").await, "a");
        assert_eq!(get(&tokens, now() + TimeDelta::seconds(7200 - 301), "b").await, "a");
        assert_eq!(get(&tokens, now() + TimeDelta::seconds(7200 - 300), "b").await, "b");
    }

    #[tokio::test]
    async fn only_the_refused_token_is_forgotten() {
        let tokens = Tokens::new();
        get(&tokens, now(), "a").await;
        tokens.forget(&token("older", now())).await;
        assert_eq!(get(&tokens, now(), "b").await, "a");
        tokens.forget(&token("a", now())).await;
        assert_eq!(get(&tokens, now(), "b").await, "b");
    }

    #[tokio::test]
    async fn a_failure_is_shared_by_those_who_waited_and_tried_again_by_who_comes_later() {
        let tokens: Tokens<String> = Tokens::new();
        let fail = async || -> Result<Token, String> {
            tokio::task::yield_now().await;
            Err("down".to_owned())
        };
        let none = async || -> Result<Token, String> { panic!("it was fetched twice") };
        let (first, second) = tokio::join!(tokens.get(now(), fail), tokens.get(now(), none));
        assert_eq!((first.err(), second.err()), (Some("down".to_owned()), Some("down".to_owned())));
        assert_eq!(get(&tokens, now(), "a").await, "a");
    }
}
