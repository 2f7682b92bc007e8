//! Every code of the tables: its class, and that a person who must mend something is told what.

use super::*;
use crate::domain::delivery::{Attempt, Decision, History, decide};
use chrono::{DateTime, TimeDelta, Utc};

/// One word for a meaning.
fn class(meaning: &Meaning) -> String {
    match meaning {
        Meaning::Of(Verdict::Delivered) => "delivered".into(),
        Meaning::Of(Verdict::Transient { uncertain }) => format!("transient{}", if *uncertain { ", may have arrived" } else { "" }),
        Meaning::Of(Verdict::Throttled { wait }) => format!("wait {} s", wait.as_secs()),
        Meaning::Of(Verdict::Refused { remedy, for_good }) => format!("{}: {remedy}", if *for_good { "gone" } else { "mend" }),
        Meaning::Of(Verdict::TooLong) => "shorten".into(),
        Meaning::Of(Verdict::ContentRefused) => "reduce".into(),
        Meaning::Of(Verdict::Unknown) => "unknown".into(),
        Meaning::Target(why) => format!("target: {why}"),
        Meaning::SomeTarget(why) => format!("one of the targets: {why}"),
        Meaning::Token => "token".into(),
        Meaning::Exists => "there".into(),
        Meaning::NoCards(remedy) => format!("no cards: {remedy}"),
    }
}

/// The codes of one API, each with the beginning of its class.
fn check_new(api: Api, status: u16, codes: &[&str], expected: &str) {
    for code in codes {
        let found = class(&of_new(api, status, code));
        assert!(found.starts_with(expected), "{code}: {found}");
    }
}

#[test]
fn parameters_of_the_send_apis() {
    let api = Api::SendToPeople;
    let robot = ["robotCode.empty", "robotCode.missing", "robotCode.invalid", "robotCode.notExsit", "robotCode.auth"];
    for code in robot {
        check_new(api, 400, &[&format!("invalidParameter.{code}")], "gone: set `robot_code`");
    }
    check_new(api, 400, &["invalidParameter.robotCode.coolApp"], "mend: add the app's robot itself");
    let mangled = ["userIds.empty", "userIds.overMax", "userId.empty", "token.invalid"].map(|code| format!("invalidParameter.{code}"));
    check_new(api, 400, &mangled.each_ref().map(String::as_str), "mend: look for a proxy");
    check_new(api, 400, &["invalidParameter.msgParam.tooLong"], "shorten");
    check_new(api, 400, &["invalidParameter.msgParam.invalid", "invalidParameter.msgBody.invalid"], "reduce");
    let ours = ["msgKey.empty", "msgKey.invalid", "param.invalid", "msg.unsupport", "processQueryKey.missing"];
    for code in ours {
        check_new(api, 400, &[&format!("invalidParameter.{code}")], "unknown");
    }
}

#[test]
fn a_template_key_that_is_missing_is_tried_again_and_then_without_its_text() {
    let missing = [
        "text",
        "contentOfText",
        "link",
        "textOfLink",
        "titleOfLink",
        "messageUrl",
        "markdown",
        "markdownTotitle",
        "markdownTotext",
        "actionCard",
        "actionCardTotitle",
        "actionCardTotext",
        "actionCardTosingleTitle",
        "actionCardTosingleUrl",
        "actionCardTobtns",
        "photo",
        "photoTophotoUrl",
        "file",
        "video",
        "audio",
    ];
    for code in missing {
        check_new(Api::SendToPeople, 400, &[&format!("miss.param.{code}")], "unknown");
    }
    check_new(Api::SendToPeople, 400, &["invalid.param.actionCardTobtnOrientation"], "unknown");
}

#[test]
fn the_state_of_a_robot_or_group() {
    let api = Api::SendToConversation;
    check_new(api, 400, &["template.not.existed", "template.stopped"], "mend: publish the app's robot");
    check_new(api, 400, &["bot.stopped"], "gone: publish the app's robot");
    check_new(api, 400, &["group.disbanded"], "target: the group was dissolved");
    check_new(api, 400, &["token.notExisted"], "mend");
    check_new(api, 400, &["invalid.openConversationId", "miss.openConversationId", "resource.not.found", "session.notExisted"], "target");
    check_new(api, 400, &["conversation.org.notMatch", "resource.unavailable", "session.expired", "bot.forbidden.sendMessage"], "target");
    check_new(api, 400, &["chatbotId.notAllow.sendOTO", "robot.oto.notExist"], "mend: switch single chats on");
    check_new(Api::SendToPeople, 400, &["staffId.notExisted"], "one of the targets");
    check_new(api, 400, &["only.groupAdmin.canAtAll"], "unknown");
}

#[test]
fn rate_content_security_permission_outcome() {
    let api = Api::SendToPeople;
    check_new(api, 400, &["send.too.fast", "send.byToken.tooFast", "too.many.group", "too.many.people"], "wait 60 s");
    let content = ["unsafe.url", "notAllowed.text", "notAllowed.picture", "notAllowed.content"].map(|code| format!("contain.{code}"));
    check_new(api, 400, &content.each_ref().map(String::as_str), "reduce");
    check_new(api, 400, &["keywords.not.match", "sign.not.match"], "mend: take keyword");
    check_new(api, 400, &["ip.not.match"], "mend: add this machine's public address");
    check_new(api, 403, &["unauthorized", "auth.error", "send.forbidden"], "mend: apply for `qyapi_robot_sendmsg`");
    check_new(api, 400, &["unknown.send.result"], "transient, may have arrived");
    check_new(api, 500, &["system.error", "send.ding.exception", "anything"], "transient, may have arrived");
    check_new(api, 504, &["", "anything"], "transient, may have arrived");
    check_new(api, 400, &["what.nobody.knows"], "unknown");
}

#[test]
fn what_stands_before_every_api() {
    let api = Api::SendToPeople;
    check_new(api, 400, &["InvalidAuthentication"], "token");
    check_new(Api::AccessToken, 400, &["invalidClientIdOrSecret"], "gone: set `client_id`");
    check_new(
        api,
        400,
        &["AuthenticationFailed.MissingParameter", "Missingbody", "Invalidbody", "MissinguserIds"],
        "mend: look for a proxy",
    );
    check_new(api, 403, &["Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"], "wait 2 s");
    check_new(api, 403, &["Forbidden.AccessDenied.QpsLimitForApi"], "wait 4 s");
    check_new(api, 403, &["Forbidden.AccessDenied.ApiCountLimitForOrg"], "mend: raise the organisation's API quota");
}

#[test]
fn a_permission_that_is_missing_is_named() {
    let denied = "Forbidden.AccessDenied.AccessTokenPermissionDenied";
    check_new(Api::SendToConversation, 403, &[denied], "mend: apply for `qyapi_robot_sendmsg`");
    check_new(Api::Ding, 403, &[denied], "mend: apply for `Premium.Ding.Write`");
    check_new(Api::CreateCard, 403, &[denied], "no cards: apply for `Card.Instance.Write`");
    check_new(Api::UpdateCard, 403, &[denied], "no cards: apply for `Card.Instance.Write`");
    assert!(class(&of_old(Api::PersonOfMobile, 88, Some("60011"))).starts_with("mend: apply for `qyapi_get_member_by_mobile`"));
    assert!(class(&of_old(Api::WorkNotification, 60011, None)).starts_with("mend: let the app send work notifications"));
}

#[test]
fn the_codes_of_ding() {
    let api = Api::Ding;
    check_new(api, 400, &["invalid.chatbotId"], "gone: set `robot_code`");
    check_new(api, 400, &["miss.staffId"], "one of the targets");
    check_new(api, 400, &["toomuch.msg"], "wait 60 s");
    check_new(api, 400, &["invalidParameter.param.invalid"], "unknown");
    check_new(api, 400, &["ding.receivercount.limit"], "mend: name fewer people");
    check_new(api, 400, &["ding.serverquota.insufficient"], "mend: buy more DING");
    check_new(api, 400, &["send.ding.exception", "recall.ding.exception"], "transient, may have arrived");
}

#[test]
fn the_codes_of_cards() {
    let api = Api::CreateCard;
    check_new(api, 400, &["param.cardAlreadyExist"], "there");
    check_new(api, 400, &["param.templateNotExist"], "no cards: set `card_template`");
    check_new(api, 400, &["param.templateUnpublished"], "no cards: publish the card template");
    check_new(api, 400, &["param.contentUnsafe"], "reduce");
    check_new(api, 400, &["param.openSpaceIdInvalid", "param.userIdNotExist"], "target");
    check_new(Api::UpdateCard, 400, &["param.cardNotExist"], "target: the card is not there");
    let others = [
        "empty",
        "outTrackIdEmpty",
        "openSpaceIdEmpty",
        "openDeliverModelEmpty",
        "openDeliverModelError",
        "openSpaceModelInvalid",
        "cardTemplateIdEmpty",
        "cardPublicDataEmpty",
        "userIdEmpty",
        "invalid",
        "cardDataAndPrivateDataBothEmpty",
    ];
    for code in others {
        check_new(api, 400, &[&format!("param.{code}")], "no cards: set `card_template`");
    }
    check_new(api, 500, &["system.busy"], "transient, may have arrived");
}

#[test]
fn the_codes_of_the_old_family() {
    let work = |code| class(&of_old(Api::WorkNotification, code, None));
    let mobile = |code| class(&of_old(Api::PersonOfMobile, code, None));
    for code in [143103, 143104, 143203, 143204, 1430003] {
        assert_eq!(work(code), "wait 60 s", "{code}");
    }
    assert!(work(143105).starts_with("target: this person has had 500") && work(143205).starts_with("target"));
    assert_eq!((work(143106), work(143206)), ("there".into(), "there".into()));
    assert!(work(1430000).starts_with("target") && work(1430004).starts_with("target"));
    assert!(work(1430001).starts_with("mend: look for a proxy"));
    assert_eq!(work(1430002), "reduce");
    assert!(work(400002).starts_with("mend: set `agent_id`"));
    assert!(work(40035).starts_with("mend"));
    assert!(mobile(40104).starts_with("target") && mobile(60121).starts_with("target") && mobile(400002).starts_with("target"));
    assert!(mobile(-1).starts_with("transient") && mobile(15).starts_with("transient"));
    assert!(mobile(40096).starts_with("gone: set `client_id`"));
    assert_eq!((mobile(40014), mobile(42001)), ("token".into(), "token".into()));
    for (code, wait) in [(90018, "wait 2 s"), (90002, "wait 4 s")] {
        assert_eq!(work(code), wait);
    }
    assert!(work(90020).starts_with("mend: raise the organisation's API quota"));
    assert!(work(22).starts_with("mend: set `oapi_url`") && work(404).starts_with("mend: set `oapi_url`"));
    assert_eq!(class(&of_old(Api::UploadMedia, 40004, None)), "reduce");
    assert_eq!(work(123_456), "unknown");
}

#[test]
fn a_wrapped_error_is_what_it_wraps() {
    let wrapped = |sub| class(&of_old(Api::WorkNotification, 88, sub));
    assert_eq!((wrapped(Some("40014")), wrapped(Some("40000"))), ("token".into(), "token".into()));
    assert!(wrapped(None).starts_with("transient") && wrapped(Some("")).starts_with("transient"));
    assert!(wrapped(Some("60011")).starts_with("mend"));
    assert_eq!(wrapped(Some("88")), "unknown");
    assert_eq!(wrapped(Some("isv.something")), "unknown");
}

#[test]
fn what_ops_are_told_names_the_answer_and_the_remedy() {
    let now = DateTime::<Utc>::from_timestamp(1_800_000_000, 0).expect("a time");
    let told = |meaning: Meaning, answer: &str| {
        let Meaning::Of(verdict) = meaning else { panic!("{meaning:?}") };
        let attempt = Attempt { verdict, http_status: Some(403), errcode: None, answer: answer.into() };
        match decide(&attempt, &history_of(now), now, 0.0) {
            Decision::Hold { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    };
    insta::assert_snapshot!(
        told(of_new(Api::SendToPeople, 403, "Forbidden.AccessDenied.ApiCountLimitForOrg"), "Forbidden.AccessDenied.ApiCountLimitForOrg …"),
        @"Forbidden.AccessDenied.ApiCountLimitForOrg …: raise the organisation's API quota of this month, or wait for the next month"
    );
    insta::assert_snapshot!(
        told(of_new(Api::Ding, 403, "Forbidden.AccessDenied.AccessTokenPermissionDenied"), "denied [Premium.Ding.Write]"),
        @"denied [Premium.Ding.Write]: apply for `Premium.Ding.Write` (DING 消息) in the app's permissions (权限管理), then publish the app; DING needs DingTalk's professional or exclusive edition"
    );
}

fn history_of(now: DateTime<Utc>) -> History {
    History { attempts: 1, tried_since: now - TimeDelta::minutes(1), failures: 1, shortest: false, reduced: false }
}
