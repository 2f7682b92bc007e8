//! `POST /robot/sendBySession`: an answer to what a person said, for 90 minutes, without token and signature.

use super::gate::Ask;
use super::refusal::ApiRefusal;
use super::seen::Form;
use super::state::Draft;
use crate::notify::dingtalk::message::MAX_BODY_BYTES;
use crate::notify::dingtalk::simulator::check;
use crate::notify::dingtalk::simulator::refusal::Refusal;
use serde_json::{Value, json};

pub fn reply(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    let now = ask.now();
    let said = Ok(json!({ "errcode": 0, "errmsg": "ok" }));
    let wording = ask.state.settings.wording;
    let refuse = |refusal: Refusal| ApiRefusal::errcode(refusal.code(), &refusal.words(wording));
    if ask.bytes > MAX_BODY_BYTES {
        return Err(refuse(Refusal::TooLong));
    }
    let kind = check::msgtype(&ask.body).map_err(refuse)?;
    if ask.state.webhook_quota.is_used_up(now) {
        return Err(refuse(Refusal::Quota));
    }
    let place =
        ask.session.as_ref().and_then(|session| ask.state.apps[ask.number].sessions.get(session)).map(|session| session.place.clone());
    let place = place.ok_or_else(|| ApiRefusal::errcode(300001, "session 不存在"))?;
    let uuid = ask.string("msgUuid");
    if !uuid.is_empty() && ask.app().messages().any(|message| message.form == Form::Reply && message.body["msgUuid"] == uuid.as_str()) {
        return said;
    }
    let (title, text) = (check::title(kind, &ask.body), check::text(kind, &ask.body));
    let draft = Draft { form: Form::Reply, kind: kind.to_owned(), title, text, body: ask.body.clone(), ..Draft::default() };
    ask.show(&draft, place);
    ask.state.webhook_quota.take(now);
    said
}
