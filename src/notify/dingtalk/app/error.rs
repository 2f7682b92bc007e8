//! What the codes of DingTalk's two API families mean for a delivery of an app: one table for each.
//!
//! The new family answers HTTP 4xx or 5xx and a code in words, the old one HTTP 200 and a number. Only codes are looked
//! at: the messages beside them are free text. Sources: DingTalk's pages of the send, DING, card and work notification
//! APIs; codes of gateways as they were seen by others.

use super::api::Api;
use crate::domain::delivery::Verdict;
use crate::notify::dingtalk::errcode::{API_QUOTA, MANGLED, PLATFORM_LIMIT_WAIT, SECOND_LIMIT_WAIT};
use std::time::Duration;

/// How long an app that sent too fast waits: no ban is documented, as there is for webhooks.
const TOO_FAST_WAIT: Duration = Duration::from_secs(60);

const CREDENTIALS: &str = "set `client_id` and `client_secret` of this receiver to the app's Client ID and Client Secret (凭证与基础信息)";
const ROBOT_CODE: &str =
    "set `robot_code` of this receiver to the robot code of the same app (usually its Client ID), and publish the app's robot (机器人能力)";
const GROUP_APP: &str = "add the app's robot itself to the group: this one came with a group app (酷应用)";
const STOPPED: &str = "publish the app's robot again in DingTalk's developer console: it is stopped";
const TEMPLATE: &str = "publish the app's robot again in DingTalk's developer console: it may not send this kind of message";
const NO_SINGLE_CHATS: &str = "switch single chats on for the app's robot in DingTalk's developer console: it may not write to people";
const SECURITY: &str = "take keyword, signature and address limits off the robot in the group: an app's messages cannot meet them";
const ADDRESS: &str = "add this machine's public address to the app's allowed addresses (服务器出口IP)";
const SEND_SCOPE: &str =
    "apply for `qyapi_robot_sendmsg` (企业内机器人发送消息权限) in the app's permissions (权限管理), then publish the app";
const CARD_SCOPE: &str = "apply for `Card.Instance.Write` (互动卡片实例写权限) in the app's permissions (权限管理), then publish the app";
const MOBILE_SCOPE: &str =
    "apply for `qyapi_get_member_by_mobile` (根据手机号获取成员) in the app's permissions (权限管理), then publish the app";
const DING_SCOPE: &str = "apply for `Premium.Ding.Write` (DING 消息) in the app's permissions (权限管理), then publish the app; DING needs \
                          DingTalk's professional or exclusive edition";
const WORK_SCOPE: &str = "let the app send work notifications (权限管理), and set `agent_id` to its AgentId";
const DING_PACK: &str = "buy more DING messages (短信、电话 DING) for the organisation: none are left";
const AGENT: &str = "set `agent_id` of this receiver to the app's AgentId (凭证与基础信息)";
const FEWER: &str = "name fewer people: an SMS or a call reaches at most 20 at once";

/// What a refusal means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It holds for the whole delivery, or for the receiver.
    Of(Verdict),
    /// Only this target is refused, for good: why, in words.
    Target(&'static str),
    /// One of several people is not known, and which is not said: they are sent to one by one.
    SomeTarget(&'static str),
    /// The token is not valid (any more).
    Token,
    /// The card is there already.
    Exists,
    /// Cards cannot be sent with these settings; the rest of the app works.
    NoCards(&'static str),
}

/// A refusal that a person must mend. `for_good`: everything will be refused until then.
fn refused(remedy: &'static str) -> Meaning {
    let for_good = [CREDENTIALS, ROBOT_CODE, STOPPED].contains(&remedy);
    Meaning::Of(Verdict::Refused { remedy, for_good })
}

fn throttled(wait: Duration) -> Meaning {
    Meaning::Of(Verdict::Throttled { wait })
}

/// What to apply for where an API is not permitted.
pub(super) fn scope(api: Api) -> Meaning {
    match api {
        Api::CreateCard | Api::UpdateCard => Meaning::NoCards(CARD_SCOPE),
        Api::PersonOfMobile => refused(MOBILE_SCOPE),
        Api::Ding | Api::ReadDing | Api::RecallDing => refused(DING_SCOPE),
        Api::WorkNotification | Api::WorkResult | Api::RecallWork => refused(WORK_SCOPE),
        _ => refused(SEND_SCOPE),
    }
}

/// What a refusal of the new family means, by its HTTP status and code.
pub fn of_new(api: Api, status: u16, code: &str) -> Meaning {
    if let Some(meaning) = gateway(api, status, code).or_else(|| of_card(api, code)).or_else(|| of_send(code)) {
        return meaning;
    }
    match status {
        500.. => Meaning::Of(Verdict::Transient { uncertain: true }),
        429 => throttled(TOO_FAST_WAIT),
        _ if code.starts_with("param.") => Meaning::NoCards("set `card_template` of this receiver to the id of a published card template"),
        _ => Meaning::Of(Verdict::Unknown),
    }
}

/// What stands before every API of the family: token, permission, limits, form of the request.
fn gateway(api: Api, status: u16, code: &str) -> Option<Meaning> {
    Some(match code {
        "InvalidAuthentication" => Meaning::Token,
        "invalidClientIdOrSecret" | "authFailed" => refused(CREDENTIALS),
        "Forbidden.AccessDenied.AccessTokenPermissionDenied" | "unauthorized" | "auth.error" | "send.forbidden" => scope(api),
        "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi" => throttled(SECOND_LIMIT_WAIT),
        "Forbidden.AccessDenied.QpsLimitForApi" => throttled(PLATFORM_LIMIT_WAIT),
        "Forbidden.AccessDenied.ApiCountLimitForOrg" => refused(API_QUOTA),
        "Forbidden.AccessDenied.IpNotInWhiteList" | "ip.not.match" => refused(ADDRESS),
        "AuthenticationFailed.MissingParameter" | "Missingbody" | "Invalidbody" => refused(MANGLED),
        _ if code.starts_with("Missing") => refused(MANGLED),
        // A part of DingTalk was too slow, or failed: it may have sent the message all the same.
        "system.error" | "system.busy" | "send.ding.exception" | "recall.ding.exception" | "unknown.send.result" => {
            Meaning::Of(Verdict::Transient { uncertain: true })
        }
        _ if status == 504 => Meaning::Of(Verdict::Transient { uncertain: true }),
        _ => return None,
    })
}

/// The codes of robot messages and of DING.
fn of_send(code: &str) -> Option<Meaning> {
    Some(match code {
        "invalidParameter.robotCode.empty"
        | "invalidParameter.robotCode.missing"
        | "invalidParameter.robotCode.invalid"
        | "invalidParameter.robotCode.notExsit"
        | "invalidParameter.robotCode.auth"
        | "not.allowed.robotCode"
        | "invalid.chatbotId" => refused(ROBOT_CODE),
        "invalidParameter.robotCode.coolApp" => refused(GROUP_APP),
        "invalidParameter.userIds.empty" | "invalidParameter.userIds.overMax" | "invalidParameter.userId.empty" => refused(MANGLED),
        "invalidParameter.token.invalid" | "token.notExisted" => refused(MANGLED),
        "invalidParameter.msgParam.tooLong" => Meaning::Of(Verdict::TooLong),
        "invalidParameter.msgParam.invalid" | "invalidParameter.msgBody.invalid" => Meaning::Of(Verdict::ContentRefused),
        "contain.unsafe.url"
        | "contain.notAllowed.text"
        | "contain.notAllowed.picture"
        | "contain.notAllowed.content"
        | "param.contentUnsafe" => Meaning::Of(Verdict::ContentRefused),
        "template.not.existed" | "template.stopped" => refused(TEMPLATE),
        "bot.stopped" => refused(STOPPED),
        "chatbotId.notAllow.sendOTO" | "robot.oto.notExist" => refused(NO_SINGLE_CHATS),
        "keywords.not.match" | "sign.not.match" => refused(SECURITY),
        "send.too.fast" | "send.byToken.tooFast" | "too.many.group" | "too.many.people" | "toomuch.msg" => throttled(TOO_FAST_WAIT),
        "ding.receivercount.limit" => refused(FEWER),
        "ding.serverquota.insufficient" => refused(DING_PACK),
        _ => return of_target(code),
    })
}

/// What is wrong with one conversation or person; the others go on.
fn of_target(code: &str) -> Option<Meaning> {
    Some(match code {
        "group.disbanded" => Meaning::Target("the group was dissolved"),
        "invalid.openConversationId" | "miss.openConversationId" | "resource.not.found" | "session.notExisted" => {
            Meaning::Target("there is no such conversation, or the app's robot is not in it")
        }
        "conversation.org.notMatch" => Meaning::Target("the conversation is of another organisation"),
        "resource.unavailable" | "session.expired" => Meaning::Target("the conversation cannot be reached any more"),
        "bot.forbidden.sendMessage" => Meaning::Target("the app's robot may not speak in this conversation"),
        "staffId.notExisted" | "miss.staffId" => Meaning::SomeTarget("there is no such person in the organisation"),
        "param.userIdNotExist" => Meaning::Target("there is no such person in the organisation"),
        _ => return None,
    })
}

/// The codes of cards. One that is about the request as a whole will come for every card.
fn of_card(api: Api, code: &str) -> Option<Meaning> {
    if !matches!(api, Api::CreateCard | Api::UpdateCard) {
        return None;
    }
    Some(match code {
        "param.cardAlreadyExist" => Meaning::Exists,
        "param.contentUnsafe" => Meaning::Of(Verdict::ContentRefused),
        "param.openSpaceIdInvalid" => Meaning::Target("there is no such person or conversation"),
        "param.userIdNotExist" => Meaning::Target("there is no such person in the organisation"),
        "param.cardNotExist" => Meaning::Target("the card is not there any more"),
        "param.templateNotExist" => Meaning::NoCards("set `card_template` of this receiver: there is no such card template"),
        "param.templateUnpublished" => {
            Meaning::NoCards("publish the card template (卡片平台), or set `card_template` of this receiver to one that is published")
        }
        _ => return None,
    })
}

/// What a code of the old family means, `sub_code` being the inner one of a wrapped error.
pub fn of_old(api: Api, code: i64, sub_code: Option<&str>) -> Meaning {
    match code {
        88 => match sub_code.map(str::trim).filter(|code| !code.is_empty()) {
            None => Meaning::Of(Verdict::Transient { uncertain: true }),
            Some("60011") => scope(api),
            Some(inner) => {
                inner.parse().ok().filter(|inner| *inner != 88).map_or(Meaning::Of(Verdict::Unknown), |inner| number(api, inner))
            }
        },
        code => number(api, code),
    }
}

fn number(api: Api, code: i64) -> Meaning {
    match code {
        0 => Meaning::Of(Verdict::Delivered),
        -1 | 15 => Meaning::Of(Verdict::Transient { uncertain: true }),
        40014 | 42001 | 40000 => Meaning::Token,
        40096 => refused(CREDENTIALS),
        60011 => scope(api),
        60020 => refused(ADDRESS),
        90018 => throttled(SECOND_LIMIT_WAIT),
        90002 => throttled(PLATFORM_LIMIT_WAIT),
        90020 => refused(API_QUOTA),
        40104 | 60121 => Meaning::Target("there is nobody with this mobile number in the organisation"),
        400002 if api == Api::PersonOfMobile => Meaning::Target("this is not a mobile number"),
        400002 => refused(AGENT),
        40035 | 43002 | 43004 | 1430001 => refused(MANGLED),
        404 | 22 => refused("set `oapi_url` of this receiver anew, or remove it: there is no such API at this address"),
        143103 | 143104 | 143203 | 143204 | 1430003 => throttled(TOO_FAST_WAIT),
        143105 | 143205 => Meaning::Target("this person has had 500 work notifications of the app today: DingTalk shows no more"),
        // The text names its time, so the same text is the same message: an attempt before this one has arrived.
        143106 | 143206 => Meaning::Exists,
        1430000 => Meaning::Target("there is no such person, or the app is not visible to them (可见范围)"),
        1430002 => Meaning::Of(Verdict::ContentRefused),
        1430004 => Meaning::Target("this person is under executive protection (高管模式) and takes no messages from apps"),
        40004 => Meaning::Of(Verdict::ContentRefused),
        _ => Meaning::Of(Verdict::Unknown),
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
