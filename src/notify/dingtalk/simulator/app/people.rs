//! People by their mobile number: `POST /topapi/v2/user/getbymobile`.

use super::gate::Ask;
use super::refusal::ApiRefusal;
use serde_json::{Value, json};

pub fn by_mobile(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    let mobile = ask.string("mobile");
    if mobile.is_empty() {
        return Err(ApiRefusal::errcode(400002, "参数错误: mobile"));
    }
    let known = ask.app().settings.people.iter().find(|person| person.mobile == mobile);
    let person = known.ok_or_else(|| ApiRefusal::errcode(60121, "找不到该用户"))?;
    Ok(json!({ "errcode": 0, "errmsg": "ok", "result": { "userid": person.user_id, "exclusive_account_userid_list": [] } }))
}
