//! One call of one API: token, pace, request, and what the answer means.
//!
//! A token that is refused is dropped and fetched anew, once; nothing else is tried twice. Nothing that is kept of an
//! answer holds the token, the app's secret or an address.

use super::AppError;
use super::api::{Api, Family};
use super::error::{self, Meaning};
use super::pace::Pace;
use super::token::{Token, Tokens};
use crate::clock::Clock;
use crate::domain::delivery::{Attempt, Verdict};
use crate::notify::dingtalk::answer::{Redactor, Reply, cut};
use crate::notify::dingtalk::http::{DEADLINE, client, exchange};
use chrono::TimeDelta;
use reqwest::multipart::Form;
use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use url::Url;

/// Why a call did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it means.
    pub meaning: Meaning,
    /// The HTTP status, when there was one.
    pub http_status: Option<u16>,
    /// The code, when it is a number.
    pub errcode: Option<i64>,
    /// DingTalk's words, or the failure of the transport; free of secrets, at most 500 characters.
    pub answer: String,
}

impl Refusal {
    /// The same as what came of an attempt. What means something to one target only has been taken out before.
    pub(super) fn attempt(self) -> Attempt {
        let verdict = match self.meaning {
            Meaning::Of(verdict) => verdict,
            Meaning::Exists => Verdict::Delivered,
            Meaning::Token => Verdict::Refused { remedy: "set `client_id` and `client_secret` of this receiver anew", for_good: true },
            Meaning::NoCards(remedy) => Verdict::Refused { remedy, for_good: false },
            Meaning::Target(_) | Meaning::SomeTarget(_) => Verdict::Unknown,
        };
        Attempt { verdict, http_status: self.http_status, errcode: self.errcode, answer: self.answer }
    }
}

/// The two families of APIs of one app. Nothing of it is shown by `Debug`.
pub(super) struct Calls {
    client_id: String,
    client_secret: SecretString,
    new: (Url, Client),
    old: (Url, Client),
    tokens: Tokens<Refusal>,
    pace: Pace,
    counted: AtomicU64,
    deadline: Duration,
    redactor: Redactor,
}

/// What a call sends.
pub(super) enum Payload {
    /// A JSON body.
    Json(Value),
    /// A query, percent-encoded here.
    Query(Vec<(&'static str, String)>),
    /// A PNG picture.
    Png(Vec<u8>),
}

impl Calls {
    pub fn new(name: &str, client_id: &str, client_secret: &SecretString, api: &Url, oapi: &Url) -> Result<Calls, AppError> {
        let built = |url: &Url| client(url).map_err(|fault| AppError::Client { name: name.to_owned(), fault });
        let secret = client_secret.expose_secret().trim().to_owned();
        Ok(Calls {
            client_id: client_id.to_owned(),
            redactor: Redactor::new([secret.as_str()].into_iter()),
            client_secret: SecretString::from(secret),
            new: (api.clone(), built(api)?),
            old: (oapi.clone(), built(oapi)?),
            tokens: Tokens::new(),
            pace: Pace::default(),
            counted: AtomicU64::new(0),
            deadline: DEADLINE,
        })
    }

    pub fn with_deadline(self, deadline: Duration) -> Calls {
        Calls { deadline, ..self }
    }

    /// How many calls that count toward the month's quota were made since this was asked last.
    pub fn take_counted(&self) -> u64 {
        self.counted.swap(0, Ordering::Relaxed)
    }

    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Makes a call; the answer's JSON.
    pub async fn call(&self, api: Api, payload: Payload, clock: &Clock) -> Result<Value, Refusal> {
        let token = self.token(clock).await?;
        match self.once(api, &payload, Some(&token), clock).await {
            Err(refusal) if refusal.meaning == Meaning::Token => {
                self.tokens.forget(&token).await;
                let token = self.token(clock).await?;
                self.once(api, &payload, Some(&token), clock).await
            }
            answer => answer,
        }
    }

    async fn token(&self, clock: &Clock) -> Result<Token, Refusal> {
        let fetch = async || {
            let body = json!({ "appKey": self.client_id, "appSecret": self.client_secret.expose_secret() });
            let answer = self.once(Api::AccessToken, &Payload::Json(body), None, clock).await?;
            let value = answer["accessToken"].as_str().filter(|token| !token.is_empty());
            let lives = answer["expireIn"].as_i64().and_then(TimeDelta::try_seconds).unwrap_or(TimeDelta::hours(1));
            let value = value.ok_or_else(|| unspoken(200, "no access token in the answer".to_owned()))?;
            Ok(Token { value: value.into(), until: clock.now() + lives })
        };
        self.tokens.get(clock.now(), fetch).await
    }

    async fn once(&self, api: Api, payload: &Payload, token: Option<&Token>, clock: &Clock) -> Result<Value, Refusal> {
        while let Err(at) = self.pace.take(api, clock.now()) {
            clock.sleep_until(at).await;
        }
        let token = token.map_or("", |token| token.value.expose_secret());
        match exchange(self.request(api, payload, token), self.deadline).await {
            Ok(reply) => {
                let answer = self.read(api, &reply, token);
                let failed_by_pace = matches!(&answer, Err(refusal) if refusal.answer.contains("QpsLimit"));
                if api.is_counted() && !failed_by_pace {
                    self.counted.fetch_add(1, Ordering::Relaxed);
                }
                answer
            }
            Err(failure) => {
                let (uncertain, words) = failure.told(self.deadline);
                let answer = cut(&self.clean(&words, token));
                Err(Refusal { meaning: Meaning::Of(Verdict::Transient { uncertain }), http_status: None, errcode: None, answer })
            }
        }
    }

    /// The request: it is as secret as the token.
    fn request(&self, api: Api, payload: &Payload, token: &str) -> RequestBuilder {
        let (base, client) = match api.family() {
            Family::New => &self.new,
            Family::Old => &self.old,
        };
        let mut url = base.clone();
        url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), api.path()));
        match api.family() {
            Family::Old => _ = url.query_pairs_mut().append_pair("access_token", token),
            Family::New => {}
        }
        if let Payload::Query(pairs) = payload {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        if api == Api::UploadMedia {
            url.query_pairs_mut().append_pair("type", "image");
        }
        let mut request = client.request(api.method(), url).header("accept", "application/json");
        if api.family() == Family::New && api != Api::AccessToken {
            let mut header = reqwest::header::HeaderValue::from_str(token).unwrap_or(reqwest::header::HeaderValue::from_static(""));
            header.set_sensitive(true);
            request = request.header("x-acs-dingtalk-access-token", header);
        }
        match payload {
            Payload::Json(body) => request.header("content-type", "application/json").body(body.to_string()),
            Payload::Query(_) => request,
            Payload::Png(png) => {
                let part = reqwest::multipart::Part::bytes(png.clone()).file_name("chart.png");
                let part =
                    part.mime_str("image/png").unwrap_or_else(|_| reqwest::multipart::Part::bytes(png.clone()).file_name("chart.png"));
                request.multipart(Form::new().text("type", "image").part("media", part))
            }
        }
    }

    fn read(&self, api: Api, reply: &Reply, token: &str) -> Result<Value, Refusal> {
        let parsed = serde_json::from_slice::<Value>(&reply.body).ok();
        let is_spoken = |json: &&Value| match api.family() {
            Family::New => json.get("code").is_some_and(Value::is_string) || (reply.status == 200 && json.is_object()),
            Family::Old => json.get("errcode").is_some(),
        };
        let Some(json) = parsed.as_ref().filter(is_spoken).filter(|json| !super::super::answer::is_firewall(json)) else {
            // Not DingTalk's: a gateway's, a firewall's, a proxy's.
            let attempt = reply.attempt(&self.redactor, None);
            let answer = cut(&self.clean(&attempt.answer.replace("no errcode", "not an answer of DingTalk's"), token));
            return Err(Refusal { meaning: Meaning::Of(attempt.verdict), http_status: Some(reply.status), errcode: None, answer });
        };
        match api.family() {
            Family::New => self.read_new(api, reply.status, json, token),
            Family::Old => self.read_old(api, reply.status, json, token),
        }
    }

    fn read_new(&self, api: Api, status: u16, json: &Value, token: &str) -> Result<Value, Refusal> {
        let code = json["code"].as_str().unwrap_or_default();
        if status == 200 && code.is_empty() {
            return Ok(json.clone());
        }
        let scopes = json["accessdenieddetail"]["requiredScopes"].as_array().into_iter().flatten();
        let scopes: Vec<&str> = scopes.filter_map(Value::as_str).collect();
        let scopes = if scopes.is_empty() { String::new() } else { format!(" [{}]", scopes.join(", ")) };
        let words = format!("{code} {}{scopes}", json["message"].as_str().unwrap_or_default());
        let answer = cut(&self.clean(&words, token));
        Err(Refusal { meaning: error::of_new(api, status, code), http_status: Some(status), errcode: None, answer })
    }

    fn read_old(&self, api: Api, status: u16, json: &Value, token: &str) -> Result<Value, Refusal> {
        let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
        let Some(code) = number(&json["errcode"]) else { return Err(unspoken(status, "an errcode that is not a number".to_owned())) };
        let sub_code = json.get("sub_code").map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned));
        if code == 0 && status == 200 {
            return Ok(json.clone());
        }
        let meaning = match error::of_old(api, code, sub_code.as_deref()) {
            // Only HTTP 200 with `errcode` 0 is its word for "done".
            Meaning::Of(Verdict::Delivered) => Meaning::Of(Verdict::Transient { uncertain: true }),
            meaning => meaning,
        };
        let words = format!("{code} {}", json["errmsg"].as_str().unwrap_or_default());
        Err(Refusal { meaning, http_status: Some(status), errcode: Some(code), answer: cut(&self.clean(&words, token)) })
    }

    fn clean(&self, text: &str, token: &str) -> String {
        let text = if token.is_empty() { text.to_owned() } else { text.replace(token, "***") };
        self.redactor.clean(&text)
    }
}

/// An answer in which something is missing: what was asked may have been done.
pub(super) fn unspoken(status: u16, answer: String) -> Refusal {
    Refusal { meaning: Meaning::Of(Verdict::Transient { uncertain: true }), http_status: Some(status), errcode: None, answer }
}
