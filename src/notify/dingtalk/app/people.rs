//! From mobile numbers to user ids. What was found is kept by the store; here one number is asked for.

use super::App;
use super::api::Api;
use super::call::{Payload, Refusal, unspoken};
use crate::clock::Clock;
use futures_util::future::join_all;
use serde_json::json;

impl App {
    /// The user ids of these numbers (at most 20), asked for at the same time.
    pub(super) async fn look_up(&self, mobiles: &[String], clock: &Clock) -> Vec<(String, Result<String, Refusal>)> {
        join_all(mobiles.iter().map(async |mobile| (mobile.clone(), self.person_of(mobile, clock).await))).await
    }

    async fn person_of(&self, mobile: &str, clock: &Clock) -> Result<String, Refusal> {
        let answer = self.calls.call(Api::PersonOfMobile, Payload::Json(json!({ "mobile": mobile })), clock).await?;
        let result = &answer["result"];
        let own = result["userid"].as_str().filter(|id| !id.is_empty());
        // Someone who has only an account of an exclusive edition has no user id of their own.
        let exclusive = || result["exclusive_account_userid_list"][0].as_str().filter(|id| !id.is_empty());
        let id = own.or_else(exclusive).map(str::to_owned);
        id.ok_or_else(|| unspoken(200, "no user id in the answer to a mobile number".to_owned()))
    }
}
