//! Access tokens: `POST /v1.0/oauth2/accessToken` and `GET /gettoken`. The gate has compared the credentials already.

use super::gate::Ask;
use super::refusal::ApiRefusal;
use chrono::TimeDelta;
use serde_json::{Value, json};

/// How long a token is valid.
const VALID: TimeDelta = TimeDelta::seconds(7200);

pub fn new_token(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    let now = ask.now();
    Ok(json!({ "accessToken": ask.app().give_token(VALID, now), "expireIn": VALID.num_seconds() }))
}

pub fn old_token(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    let now = ask.now();
    Ok(json!({ "errcode": 0, "access_token": ask.app().give_token(VALID, now), "errmsg": "ok", "expires_in": VALID.num_seconds() }))
}
