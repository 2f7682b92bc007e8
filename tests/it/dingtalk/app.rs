//! The client of apps over real HTTP: tokens, batches, partial lists, cards, DING, work notifications, receipts, recall.

use crate::desk::{self, Desk};
use chrono::TimeDelta;
use rowbell::clock::Clock;
use rowbell::domain::card::{Card, CardButton};
use rowbell::domain::delivery::{AppForm, TargetForm, TargetKind, TargetState, Verdict};
use rowbell::domain::message::{Language, Message};
use rowbell::notify::dingtalk::app::{App, AppSettings, DEFAULT_CARD_TEMPLATE, Meaning, Question, Sending};
use rowbell::notify::dingtalk::receiver::{Parcel, Person, Sent};
use serde_json::{Value, json};
use std::time::Duration;

use super::noon;

struct Office {
    clock: Clock,
    desk: Desk,
    app: App,
    message: Message,
    card: Option<Card>,
    people: Vec<Person>,
}

fn message(rows: usize) -> Message {
    let mut blocks = vec!["### 库存".to_owned()];
    blocks.extend((0..rows).map(|n| format!("- **SKU-{n:04}** 库存 3 件，低于下限 10 件")));
    blocks.push("> shop".to_owned());
    let message = json!({
        "title": "🔴 库存", "blocks": blocks, "first_cuttable": 1, "cuttable": rows, "omitted": 0, "language": "zh-CN", "mentions": [],
    });
    serde_json::from_value(message).expect("a message")
}

impl Office {
    async fn open(change: impl FnOnce(&mut AppSettings)) -> Office {
        rowbell::notify::install_tls();
        let desk = Desk::open().await;
        let url: url::Url = desk.url.parse().expect("an address");
        let mut settings = AppSettings {
            name: "duty".into(),
            client_id: "ding-app".into(),
            client_secret: "s3cret-of-the-app".into(),
            robot_code: "ding-app".into(),
            users: vec!["u1".into()],
            mobiles: Vec::new(),
            conversations: Vec::new(),
            form: AppForm::Message,
            card_template: DEFAULT_CARD_TEMPLATE.into(),
            agent_id: Some(7),
            api_url: url.clone(),
            oapi_url: url,
            public_url: Some("https://rowbell.example.com/".parse().expect("an address")),
            language: Language::ZhCn,
            recall_resolved: false,
            operators: Vec::new(),
        };
        change(&mut settings);
        let app = App::new(settings).expect("an app").with_deadline(Duration::from_secs(2));
        Office { clock: Clock::at(noon()), desk, app, message: message(2), card: None, people: Vec::new() }
    }

    async fn send(&self, reached: &[rowbell::domain::delivery::TargetResult]) -> Sent {
        let parcel = Parcel {
            delivery: 41,
            created_at: noon(),
            uuid: "uuid-41",
            message: &self.message,
            card: self.card.as_ref(),
            robot: self.app.fingerprint(),
            reached,
            people: &self.people,
        };
        self.app.send(&parcel, &self.clock).await
    }

    /// All attempts until no target is left.
    async fn send_all(&self) -> (Vec<rowbell::domain::delivery::TargetResult>, Sent) {
        let mut reached = Vec::new();
        for _ in 0..50 {
            let sent = self.send(&reached).await;
            assert_eq!(sent.attempt.verdict, Verdict::Delivered, "{sent:?}");
            reached.extend(sent.targets.clone());
            if sent.is_whole {
                return (reached, sent);
            }
            self.clock.advance(TimeDelta::milliseconds(60));
        }
        panic!("it does not end");
    }
}

fn card() -> Card {
    Card {
        title: "🔴 库存".into(),
        markdown: "- **A**".into(),
        tips: "🔴 未处理".into(),
        buttons: vec![CardButton::Acknowledge, CardButton::Silence, CardButton::Open],
        is_over: false,
    }
}

fn words(sent: &Sent) -> Vec<String> {
    let word = |state| if state == TargetState::Delivered { "delivered" } else { "refused" };
    sent.targets.iter().map(|result| format!("{} {}", result.target, word(result.state))).collect()
}

#[tokio::test]
async fn people_get_a_message_twenty_a_call_and_a_conversation_its_own() {
    let office = Office::open(|settings| {
        settings.users = (0..45).map(|n| format!("u{n}")).collect();
        settings.conversations = vec!["cid+a/b==".into()];
    })
    .await;
    let (reached, last) = office.send_all().await;
    let batches: Vec<usize> = office.desk.asked(desk::PEOPLE).iter().map(|asked| asked.users().len()).collect();
    assert_eq!(batches, [20, 20, 5]);
    assert_eq!(reached.len(), 46);
    let group = &office.desk.asked(desk::GROUP)[0];
    assert_eq!(group.body["openConversationId"], "cid+a/b==");
    assert_eq!(group.body["msgKey"], "sampleMarkdown");
    assert_eq!(group.param()["title"], "🔴 库存");
    assert_eq!(last.targets[0].handle.as_deref(), Some("group-key-4"));
    assert_eq!(office.app.take_counted(), 4);
    assert_eq!(office.desk.asked(desk::TOKEN).len(), 1);
}

#[tokio::test]
async fn the_parameters_stay_within_dingtalks_bytes_and_are_cut_on_a_row() {
    let mut office = Office::open(|settings| settings.conversations = vec!["cid".into()]).await;
    office.message = message(900);
    office.send_all().await;
    for path in [desk::PEOPLE, desk::GROUP] {
        let asked = &office.desk.asked(path)[0];
        let bytes = asked.body["msgParam"].as_str().expect("a text").len();
        assert!((10_000..=15_000).contains(&bytes), "{bytes}");
        let param = asked.param();
        let text = param["text"].as_str().expect("a text");
        assert!(text.lines().filter(|line| line.starts_with("- **")).all(|line| line.ends_with("低于下限 10 件")));
        assert!(text.ends_with("> shop"));
    }
}

#[tokio::test]
async fn one_token_is_fetched_however_many_ask() {
    let office = Office::open(|settings| settings.mobiles = (0..20).map(|n| format!("1380000{n:04}")).collect()).await;
    for n in 0..20 {
        office.desk.employ(&format!("1380000{n:04}"), &format!("m{n}"));
    }
    let sent = office.send(&[]).await;
    assert_eq!(sent.found.len(), 20);
    assert_eq!(office.desk.asked(desk::TOKEN).len(), 1);
    assert_eq!(office.desk.asked(desk::MOBILE).len(), 20);
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_and_once_when_it_is_refused() {
    let office = Office::open(|_| {}).await;
    office.send(&[]).await;
    office.clock.advance(TimeDelta::seconds(7200 - 299));
    office.send(&[]).await;
    assert_eq!(office.desk.asked(desk::TOKEN).len(), 2);
    office.desk.expire_tokens();
    let sent = office.send(&[]).await;
    assert_eq!(sent.attempt.verdict, Verdict::Delivered);
    let tokens: Vec<String> = office.desk.asked(desk::PEOPLE).iter().map(|asked| asked.token.clone()).collect();
    assert_eq!(tokens, ["t0ken-001", "t0ken-002", "t0ken-002", "t0ken-003"]);
}

#[tokio::test]
async fn a_token_that_is_refused_anew_is_a_wrong_secret_and_nothing_is_tried_a_third_time() {
    let office = Office::open(|_| {}).await;
    office.desk.refuse(desk::PEOPLE, 400, "InvalidAuthentication");
    office.desk.refuse(desk::PEOPLE, 400, "InvalidAuthentication");
    let sent = office.send(&[]).await;
    assert!(matches!(sent.attempt.verdict, Verdict::Refused { for_good: true, .. }), "{:?}", sent.attempt);
    assert_eq!(office.desk.asked(desk::PEOPLE).len(), 2);
    office.desk.expire_tokens();
    office.desk.refuse(desk::TOKEN, 400, "invalidClientIdOrSecret");
    let sent = office.send(&[]).await;
    assert!(
        matches!(sent.attempt.verdict, Verdict::Refused { remedy, for_good: true } if remedy.contains("client_secret")),
        "{:?}",
        sent.attempt
    );
}

#[tokio::test]
async fn no_secret_and_no_token_stays_in_an_answer() {
    let office = Office::open(|_| {}).await;
    let words = "t0ken-001 s3cret-of-the-app at https://api.dingtalk.com/x?access_token=abc";
    office.desk.next(desk::PEOPLE, 400, json!({ "code": "param.odd", "message": words }));
    let sent = office.send(&[]).await;
    assert_eq!(sent.attempt.answer, "param.odd *** *** at (address)");
    assert!(!format!("{:?}", office.app).contains("s3cret"));
}

#[tokio::test]
async fn whom_dingtalk_names_did_not_get_it() {
    let office = Office::open(|settings| settings.users = ["a", "b", "c", "d"].map(str::to_owned).to_vec()).await;
    let lists = json!({
        "processQueryKey": "k", "invalidStaffIdList": ["b"], "flowControlledStaffIdList": ["c"], "filteredStaffIdList": ["d"],
    });
    office.desk.next(desk::PEOPLE, 200, lists);
    let sent = office.send(&[]).await;
    assert_eq!(words(&sent), ["a delivered", "b refused", "d refused"]);
    assert!(!sent.is_whole);
    assert!(sent.attempt.answer.contains("b: there is no such person"), "{}", sent.attempt.answer);
    // Who was held up is sent to alone; held up again, the app waits.
    office.desk.next(desk::PEOPLE, 200, json!({ "processQueryKey": "k", "flowControlledStaffIdList": ["c"] }));
    let held = office.send(&sent.targets).await;
    assert_eq!(office.desk.asked(desk::PEOPLE)[1].users(), ["c"]);
    assert_eq!(held.attempt.verdict, Verdict::Throttled { wait: Duration::from_secs(60) });
    let last = office.send(&sent.targets).await;
    assert!(last.is_whole && last.attempt.verdict == Verdict::Delivered);
}

#[tokio::test]
async fn when_one_of_a_batch_is_unknown_they_are_sent_to_one_by_one() {
    let office = Office::open(|settings| settings.users = ["a", "b", "c"].map(str::to_owned).to_vec()).await;
    office.desk.refuse(desk::PEOPLE, 400, "staffId.notExisted");
    let first = office.send(&[]).await;
    assert_eq!(first.attempt.verdict, Verdict::Transient { uncertain: false });
    office.desk.refuse(desk::PEOPLE, 400, "staffId.notExisted");
    let (reached, _) = office.send_all().await;
    let refused: Vec<&str> = reached.iter().filter(|one| one.state == TargetState::Refused).map(|one| one.target.as_str()).collect();
    assert_eq!(refused, ["a"]);
    assert_eq!(reached.len(), 3);
}

#[tokio::test]
async fn an_unknown_number_is_refused_and_the_others_go_on() {
    let office = Office::open(|settings| {
        settings.users.clear();
        settings.mobiles = vec!["13800000001".into(), "13800000002".into()];
    })
    .await;
    office.desk.employ("13800000001", "m1");
    let sent = office.send(&[]).await;
    assert_eq!(words(&sent), ["13800000002 refused", "m1 delivered"]);
    assert!(sent.is_whole);
    assert_eq!(sent.found, [Person { mobile: "13800000001".into(), user_id: "m1".into() }]);
    assert!(sent.attempt.answer.contains("nobody with this mobile number"), "{}", sent.attempt.answer);
    assert_eq!(office.app.take_counted(), 1, "look-ups do not count");
}

#[tokio::test]
async fn a_number_whose_person_is_gone_is_looked_up_anew() {
    let mut office = Office::open(|settings| {
        settings.users.clear();
        settings.mobiles = vec!["13800000001".into()];
    })
    .await;
    office.people = vec![Person { mobile: "13800000001".into(), user_id: "old".into() }];
    office.desk.next(desk::PEOPLE, 200, json!({ "processQueryKey": "k", "invalidStaffIdList": ["old"] }));
    let sent = office.send(&[]).await;
    assert_eq!(sent.lost, ["13800000001"]);
    assert!(!sent.is_whole);
    office.people.clear();
    office.desk.employ("13800000001", "new");
    let again = office.send(&sent.targets).await;
    assert_eq!(words(&again), ["new delivered"]);
    assert!(again.is_whole);
}

#[tokio::test]
async fn when_nobody_is_reached_it_is_refused_for_good_and_says_why() {
    let office = Office::open(|settings| settings.users = vec!["ghost".into()]).await;
    office.desk.next(desk::PEOPLE, 200, json!({ "processQueryKey": "k", "invalidStaffIdList": ["ghost"] }));
    let sent = office.send(&[]).await;
    assert!(matches!(sent.attempt.verdict, Verdict::Refused { for_good: true, .. }));
    assert_eq!(sent.attempt.answer, "nobody was reached; ghost: there is no such person in the organisation");
}

#[tokio::test]
async fn numbers_that_may_not_be_looked_up_do_not_hold_up_who_is_known() {
    let office = Office::open(|settings| settings.mobiles = vec!["13800000001".into()]).await;
    office.desk.next(desk::MOBILE, 200, json!({ "errcode": 88, "sub_code": "60011", "errmsg": "no permission" }));
    let sent = office.send(&[]).await;
    assert_eq!(words(&sent), ["13800000001 refused", "u1 delivered"]);
    assert!(sent.attempt.answer.contains("qyapi_get_member_by_mobile"), "{}", sent.attempt.answer);
}

#[tokio::test]
async fn a_dissolved_group_does_not_hold_up_the_others() {
    let office = Office::open(|settings| settings.conversations = vec!["gone".into(), "here".into()]).await;
    office.desk.refuse(desk::GROUP, 400, "group.disbanded");
    let (reached, last) = office.send_all().await;
    assert_eq!(reached.iter().filter(|one| one.state == TargetState::Refused).count(), 1);
    assert_eq!(last.targets[0].target, "here");
}

#[tokio::test]
async fn an_outcome_that_is_not_known_may_have_arrived() {
    let office = Office::open(|_| {}).await;
    office.desk.refuse(desk::PEOPLE, 400, "unknown.send.result");
    assert_eq!(office.send(&[]).await.attempt.verdict, Verdict::Transient { uncertain: true });
    office.desk.next(desk::PEOPLE, 504, json!("too slow"));
    assert_eq!(office.send(&[]).await.attempt.verdict, Verdict::Transient { uncertain: true });
    office.desk.next(desk::PEOPLE, 200, json!({ "status": 1111, "wait": 5, "source": "x5", "punish": "deny" }));
    assert!(matches!(office.send(&[]).await.attempt.verdict, Verdict::Throttled { .. }));
}

#[tokio::test]
async fn a_permission_that_is_missing_names_its_scope() {
    let office = Office::open(|settings| settings.form = AppForm::Ding).await;
    let denied = json!({
        "code": "Forbidden.AccessDenied.AccessTokenPermissionDenied", "message": "应用尚未开通所需的权限",
        "accessdenieddetail": { "requiredScopes": ["Premium.Ding.Write"] },
    });
    office.desk.next(desk::DING, 403, denied);
    let attempt = office.send(&[]).await.attempt;
    assert!(attempt.answer.ends_with("[Premium.Ding.Write]"), "{}", attempt.answer);
    assert!(matches!(attempt.verdict, Verdict::Refused { remedy, .. } if remedy.contains("apply for `Premium.Ding.Write`")));
}

#[tokio::test]
async fn a_card_is_one_for_each_target_and_keeps_its_id() {
    let mut office = Office::open(|settings| {
        settings.form = AppForm::Card;
        settings.users = vec!["a".into(), "b".into()];
        settings.conversations = vec!["cid".into()];
    })
    .await;
    office.card = Some(card());
    office.desk.refuse(desk::CARD, 500, "system.busy");
    let failed = office.send(&[]).await;
    assert_eq!(failed.attempt.verdict, Verdict::Transient { uncertain: true });
    office.desk.refuse(desk::CARD, 400, "param.cardAlreadyExist");
    let (reached, _) = office.send_all().await;
    let asked = office.desk.asked(desk::CARD);
    assert_eq!(asked.len(), 4);
    assert_eq!(asked[0].body["outTrackId"], asked[1].body["outTrackId"]);
    assert_ne!(asked[1].body["outTrackId"], asked[2].body["outTrackId"]);
    assert_eq!(asked[0].body["openSpaceId"], "dtv1.card//IM_ROBOT.a");
    assert_eq!(asked[3].body["openSpaceId"], "dtv1.card//IM_GROUP.cid");
    assert!(reached.iter().all(|one| one.form == TargetForm::Card && one.shown.is_some() && one.handle.is_some()));
    assert_eq!(reached[2].carrier.as_deref(), Some("carrier-2"));
    let mut body = asked[3].body.clone();
    body["outTrackId"] = json!("…");
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).expect("JSON"), @r#"
    {
      "cardTemplateId": "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema",
      "outTrackId": "…",
      "callbackType": "STREAM",
      "cardData": {
        "cardParamMap": {
          "title": "🔴 库存",
          "markdown": "- **A**",
          "tips": "🔴 未处理",
          "logo": "",
          "sys_full_json_obj": "{\"msgButtons\":[{\"text\":\"认领\",\"color\":\"blue\",\"id\":\"acknowledge\",\"request\":true,\"params\":{\"delivery\":\"41\"}},{\"text\":\"静默 2 小时\",\"color\":\"gray\",\"id\":\"silence\",\"request\":true,\"params\":{\"delivery\":\"41\"}},{\"text\":\"查看\",\"color\":\"gray\",\"url\":\"https://rowbell.example.com/?delivery=41\",\"iosUrl\":\"https://rowbell.example.com/?delivery=41\"}]}"
        }
      },
      "openSpaceId": "dtv1.card//IM_GROUP.cid",
      "imGroupOpenSpaceModel": {
        "supportForward": true,
        "lastMessageI18n": {
          "ZH_CN": "🔴 库存",
          "EN_US": "🔴 库存"
        }
      },
      "imGroupOpenDeliverModel": {
        "robotCode": "ding-app"
      }
    }
    "#);
}

#[tokio::test]
async fn a_message_is_sent_where_a_card_was_made_and_not_delivered() {
    let mut office = Office::open(|settings| {
        settings.form = AppForm::Card;
        settings.conversations = vec!["cid".into()];
    })
    .await;
    office.card = Some(card());
    let failed = json!([{ "spaceId": "x", "success": false, "errorMsg": "spaceId is illegal" }]);
    office.desk.next(desk::CARD, 200, json!({ "success": true, "result": { "deliverResults": failed } }));
    let (reached, _) = office.send_all().await;
    assert_eq!((reached[0].state, reached[0].form), (TargetState::Delivered, TargetForm::Message));
    assert!(reached[0].answer.as_deref().is_some_and(|why| why.contains("spaceId is illegal")), "{:?}", reached[0]);
}

#[tokio::test]
async fn where_cards_are_refused_messages_are_sent_and_cards_are_tried_again_later() {
    let mut office = Office::open(|settings| {
        settings.form = AppForm::Card;
        settings.users = vec!["a".into(), "b".into()];
    })
    .await;
    office.card = Some(card());
    office.desk.refuse(desk::CARD, 400, "param.templateNotExist");
    let (reached, _) = office.send_all().await;
    assert!(reached.iter().all(|one| one.form == TargetForm::Message && one.state == TargetState::Delivered), "{reached:?}");
    assert_eq!(office.desk.asked(desk::CARD).len(), 1);
    let instead = &office.desk.asked(desk::PEOPLE)[0];
    assert_eq!(instead.body["msgKey"], "sampleActionCard");
    assert_eq!(
        (&instead.param()["singleTitle"], &instead.param()["singleURL"]),
        (
            &json!("查看"),
            &json!("dingtalk://dingtalkclient/page/link?url=https%3A%2F%2Frowbell.example.com%2F%3Fdelivery%3D41&pc_slide=false")
        )
    );
    let (why, _) = office.app.cards_refused(office.clock.now()).expect("cards are refused");
    assert!(why.contains("card_template"), "{why}");
    office.clock.advance(TimeDelta::minutes(61));
    office.send_all().await;
    assert_eq!(office.desk.asked(desk::CARD).len(), 3);
}

#[tokio::test]
async fn a_ding_goes_to_all_at_once_and_tells_whom_it_did_not_reach() {
    let office = Office::open(|settings| {
        settings.form = AppForm::DingPhone;
        settings.users = vec!["a".into(), "b".into()];
        settings.conversations = vec!["cid".into()];
    })
    .await;
    office.desk.next(desk::DING, 200, json!({ "openDingId": "d1", "failedList": { "no phone number": ["b"] } }));
    let (reached, _) = office.send_all().await;
    let body = &office.desk.asked(desk::DING)[0].body;
    assert_eq!((&body["remindType"], &body["receiverUserIdList"]), (&json!(3), &json!(["a", "b"])));
    assert_eq!(body["content"], "🔴 库存: SKU-0000 库存 3 件，低于下限 10 件; SKU-0001 库存 3 件，低于下限 10 件; shop");
    let states: Vec<(TargetForm, TargetState)> = reached.iter().map(|one| (one.form, one.state)).collect();
    let ding = TargetForm::Ding;
    assert_eq!(states, [(ding, TargetState::Delivered), (ding, TargetState::Refused), (TargetForm::Message, TargetState::Delivered)]);
}

#[tokio::test]
async fn a_work_notification_is_short_names_its_time_and_is_asked_about() {
    let mut office = Office::open(|settings| {
        settings.form = AppForm::WorkNotification;
        settings.users = vec!["a".into(), "b".into()];
    })
    .await;
    office.message = message(200);
    let (reached, _) = office.send_all().await;
    let body = &office.desk.asked(desk::WORK)[0].body;
    assert_eq!((&body["agent_id"], &body["userid_list"]), (&json!(7), &json!("a,b")));
    assert!(body["msg"].to_string().len() <= 2048);
    let text = body["msg"]["markdown"]["text"].as_str().expect("a text");
    assert!(text.ends_with("> 01-15 16:00:00 · #41"), "{text}");
    let dropped = json!({ "forbidden_list": [{ "code": 143105, "count": 500, "userid": "b" }], "read_user_id_list": ["a"] });
    office.desk.next(desk::WORK_RESULT, 200, json!({ "errcode": 0, "send_result": dropped }));
    let handle = reached[0].handle.clone().expect("a task");
    let question = Question { form: TargetForm::WorkNotification, kind: TargetKind::User, handle: &handle, conversation: "" };
    let receipt = office.app.receipt(&question, &office.clock).await.expect("a receipt");
    assert_eq!(receipt.read_by, ["a"]);
    assert_eq!(receipt.refused[0].0, "b");
    assert!(receipt.refused[0].1.contains("500"), "{:?}", receipt.refused);
}

#[tokio::test]
async fn a_work_notification_that_came_before_is_there() {
    let office = Office::open(|settings| settings.form = AppForm::WorkNotification).await;
    office.desk.next(desk::WORK, 200, json!({ "errcode": 143106, "errmsg": "重复" }));
    let sent = office.send(&[]).await;
    assert!(sent.is_whole && sent.targets[0].state == TargetState::Delivered);
    let without = Office::open(|settings| (settings.form, settings.agent_id) = (AppForm::WorkNotification, None)).await;
    assert!(matches!(without.send(&[]).await.attempt.verdict, Verdict::Refused { remedy, .. } if remedy.contains("agent_id")));
}

#[tokio::test]
async fn who_has_read_it_and_taking_it_back() {
    let office = Office::open(|_| {}).await;
    office.desk.reads("u1");
    let of_people = Question { form: TargetForm::Message, kind: TargetKind::User, handle: "key+1/=", conversation: "" };
    assert_eq!(office.app.receipt(&of_people, &office.clock).await.expect("a receipt").read_by, ["u1"]);
    assert_eq!(office.desk.asked(desk::READ)[0].query["processQueryKey"], "key+1/=");
    office.desk.next(desk::GROUP_READ, 200, json!({ "readUserIds": ["x"], "hasMore": true, "nextToken": "2" }));
    let of_group = Question { form: TargetForm::Message, kind: TargetKind::Conversation, handle: "k", conversation: "cid" };
    assert_eq!(office.app.receipt(&of_group, &office.clock).await.expect("a receipt").read_by, ["x", "u1"]);
    assert_eq!(office.desk.asked(desk::GROUP_READ)[1].body["nextToken"], "2");
    let keys: Vec<String> = (0..25).map(|n| format!("k{n}")).collect();
    let sending = Sending { form: TargetForm::Message, kind: TargetKind::User, conversation: "", handles: &keys };
    assert_eq!(office.app.recall(&sending, &office.clock).await.expect("taken back"), []);
    let batches: Vec<usize> =
        office.desk.asked(desk::RECALL).iter().map(|asked| asked.body["processQueryKeys"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(batches, [20, 5]);
    office.desk.refuse(desk::RECALL, 400, "processQueryKey.expireTime");
    let refusal = office.app.recall(&sending, &office.clock).await.expect_err("too late");
    assert_eq!(refusal.meaning, Meaning::Of(Verdict::Unknown));
}

#[tokio::test]
async fn a_picture_is_uploaded_once() {
    let office = Office::open(|_| {}).await;
    let png = b"\x89PNG\r\n\x1a\nnot really".to_vec();
    let first = office.app.media_id(&png, &office.clock).await.expect("an id");
    assert_eq!(office.app.media_id(&png, &office.clock).await.as_deref(), Ok(first.as_str()));
    let asked = office.desk.asked(desk::MEDIA);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].query["type"], "image");
    let raw = String::from_utf8_lossy(&asked[0].raw);
    assert!(raw.contains("name=\"media\"; filename=\"chart.png\"") && raw.contains("name=\"type\""), "{raw}");
}

#[tokio::test]
async fn a_chart_is_uploaded_with_its_message_and_told_in_numbers_where_that_fails() {
    let mut office = Office::open(|_| {}).await;
    let chart = json!({
        "chart": { "kind": "line", "title": "库存", "language": "zh-CN", "labels": ["一", "二"], "severity": "warning",
                   "series": [{ "name": "库存", "values": ["30", "7"] }] },
        "numbers": "- 库存：30 → 7",
    });
    office.message.chart = Some(serde_json::from_value(chart).expect("a chart"));
    office.send(&[]).await;
    let text = |office: &Office| office.desk.asked(desk::PEOPLE).last().expect("a message").body["msgParam"].to_string();
    assert!(text(&office).contains("![](@media") && !text(&office).contains("30 → 7"), "{}", text(&office));
    assert!(office.desk.asked(desk::MEDIA)[0].raw.windows(4).any(|part| part == b"\x89PNG"));
    office.message.chart.as_mut().expect("a chart").chart.title = "另一个".into();
    office.desk.refuse(desk::MEDIA, 500, "busy");
    office.send(&[]).await;
    assert!(text(&office).contains("30 → 7") && !text(&office).contains("!["), "{}", text(&office));
}

#[tokio::test]
async fn twenty_calls_a_second_at_most() {
    let office = Office::open(|_| {}).await;
    for _ in 0..20 {
        assert_eq!(office.app.free_at(office.clock.now()), None);
        office.send(&[]).await;
    }
    let free = office.app.free_at(office.clock.now()).expect("a moment");
    assert!(free - office.clock.now() <= TimeDelta::milliseconds(1_100));
    let waiting = office.send(&[]);
    let moving = async {
        tokio::task::yield_now().await;
        assert_eq!(office.desk.asked(desk::PEOPLE).len(), 20);
        office.clock.advance(TimeDelta::milliseconds(1_100));
    };
    let (sent, ()) = tokio::join!(waiting, moving);
    assert_eq!(sent.attempt.verdict, Verdict::Delivered);
}

#[tokio::test]
async fn an_api_that_is_not_there_says_so() {
    let office = Office::open(|_| {}).await;
    office.desk.next(desk::PEOPLE, 404, Value::Null);
    assert!(matches!(office.send(&[]).await.attempt.verdict, Verdict::Refused { .. }));
}
