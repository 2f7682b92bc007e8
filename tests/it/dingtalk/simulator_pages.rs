//! The pages of an app's people and conversations: every form is drawn, buttons can be pressed, and nothing breaks out.

use super::simulator_app::{APP, ASYNC, CONVERSATION, Office, SEND};
use super::{raw, simulator_cards::card};
use rowbell::notify::dingtalk::simulator::{Language, Place};
use serde_json::{Value, json};

const HOSTILE: &str = "<script>alert(1)</script> <img src=x onerror=alert(1)> [a](javascript:alert(2)) \"'>&lt; </main> ![](@\"><script>) \
                       <font onmouseover=alert(3)>x</font><a atId=x onclick=alert(4)>y</a>";

async fn html(office: &Office, path: &str) -> String {
    raw().get(office.url(path)).send().await.expect("an answer").text().await.expect("a text")
}

async fn send(office: &Office, key: &str, param: Value) {
    let body = json!({ "robotCode": APP, "userIds": ["manager01"], "msgKey": key, "msgParam": param.to_string() });
    office.call(SEND, body).await;
}

#[tokio::test]
async fn every_form_is_drawn_on_a_persons_phone() {
    let office = Office::with(|settings| settings.language = Language::Chinese).await;
    for (key, param, shown) in [
        ("sampleText", json!({ "content": "缺货" }), "缺货"),
        ("sampleMarkdown", json!({ "title": "t", "text": "### 库存\n\n![](@lADx)" }), "<img src=\"/simulator/media/%40lADx\""),
        ("sampleImageMsg", json!({ "photoURL": "@lADy" }), "<img src=\"/simulator/media/%40lADy\""),
        ("sampleLink", json!({ "title": "week", "text": "x", "messageUrl": "https://x.y/1" }), "href=\"https://x.y/1\""),
        (
            "sampleActionCard",
            json!({ "title": "t", "text": "x", "singleTitle": "A", "singleURL": "https://x.y/2" }),
            "href=\"https://x.y/2\"",
        ),
        (
            "sampleActionCard2",
            json!({ "title": "t", "text": "x", "actionTitle1": "A", "actionURL1": "https://x.y/3", "actionTitle2": "B", "actionURL2": "https://x.y/4" }),
            "href=\"https://x.y/4\"",
        ),
        (
            "sampleActionCard6",
            json!({ "title": "t", "text": "x", "buttonTitle1": "A", "buttonUrl1": "https://x.y/5", "buttonTitle2": "B", "buttonUrl2": "https://x.y/6" }),
            "href=\"https://x.y/6\"",
        ),
        ("sampleFile", json!({ "mediaId": "x", "fileName": "week.xlsx", "fileType": "xlsx" }), "week.xlsx"),
    ] {
        send(&office, key, param).await;
        assert!(html(&office, "/place/2").await.contains(shown), "{key}");
    }
    for (kind, name) in [(1, "DING · 应用内"), (2, "DING · 短信"), (3, "DING · 电话")] {
        let body = json!({ "robotCode": APP, "remindType": kind, "receiverUserIdList": ["manager01"], "content": "无人认领" });
        office.call("/v1.0/robot/ding/send", body).await;
        assert!(html(&office, "/place/2").await.contains(name), "{name}");
    }
    let buttons = json!({ "title": "t", "markdown": "x", "btn_json_list": [{ "title": "C", "action_url": "https://x.y/7" }] });
    let msg = json!({ "msgtype": "action_card", "action_card": buttons });
    office.old(ASYNC, json!({ "agent_id": 1_000_001, "userid_list": "manager01", "msg": msg })).await;
    let page = html(&office, "/place/2").await;
    assert!(page.contains("工作通知") && page.contains("href=\"https://x.y/7\""));
}

#[tokio::test]
async fn what_is_read_and_what_was_taken_back_is_shown() {
    let office = Office::open().await;
    let key = office.send(&["manager01"]).await["processQueryKey"].clone();
    let page = html(&office, "/place/2").await;
    assert!(page.contains(">unread</span>") && page.contains("class=\"count unread\">1<"), "{page}");
    let order = json!({ "user_id": "manager01" });
    assert_eq!(raw().post(office.url("/simulator/read")).json(&order).send().await.expect("an answer").status(), 204);
    assert!(html(&office, "/place/2").await.contains(">read</span>"));
    office.call("/v1.0/robot/otoMessages/batchRecall", json!({ "robotCode": APP, "processQueryKeys": [key] })).await;
    let page = html(&office, "/place/2").await;
    assert!(page.contains("taken back") && !page.contains("<h3>缺货</h3>"));
    let nobody = json!({ "user_id": "nobody" });
    assert_eq!(raw().post(office.url("/simulator/read")).json(&nobody).send().await.expect("an answer").status(), 404);
}

#[tokio::test]
async fn a_card_has_buttons_to_press_and_links_to_open() {
    let office = Office::open().await;
    office.call("/v1.0/card/instances/createAndDeliver", card("c1")).await;
    let page = html(&office, "/place/2").await;
    assert!(page.contains("data-card=\"c1\" data-action=\"acknowledge\">认领</button>"), "{page}");
    assert!(page.contains("href=\"https://example.com/\"") && page.contains("新告警") && page.contains("no Stream connection"));
    office.simulator.press("c1", "manager01", "acknowledge").await;
    assert!(html(&office, "/place/2").await.contains("acknowledge no Stream connection, try again later"));
}

#[tokio::test]
async fn what_is_said_stands_in_the_conversation_with_who_may_speak() {
    let office = Office::open().await;
    office.simulator.say("user02", Some(CONVERSATION), "状态 <b>").await;
    let page = html(&office, "/place/1").await;
    assert!(page.contains("message own") && page.contains("状态 &lt;b&gt;"));
    assert!(page.contains("<option value=\"manager01\">店长</option>") && page.contains("<option value=\"user02\">"));
    assert!(office.simulator.read("manager01", &Place::Conversation(CONVERSATION.into())));
    assert_eq!(raw().get(office.url("/place/9")).send().await.expect("an answer").status(), 404);
}

#[tokio::test]
async fn calls_that_were_refused_are_listed() {
    let office = Office::open().await;
    office.refused(SEND, json!({ "robotCode": APP, "userIds": [], "msgKey": "x", "msgParam": "<b>" })).await;
    let page = html(&office, "/place/1").await;
    assert!(page.contains("/v1.0/robot/oToMessages/batchSend: invalidParameter.userIds.empty"), "{page}");
}

#[tokio::test]
async fn hostile_text_stays_text_wherever_it_stands() {
    let office = Office::open().await;
    send(&office, "sampleText", json!({ "content": HOSTILE })).await;
    send(&office, "sampleMarkdown", json!({ "title": HOSTILE, "text": HOSTILE })).await;
    send(&office, "sampleImageMsg", json!({ "photoURL": HOSTILE })).await;
    send(&office, "sampleLink", json!({ "title": HOSTILE, "text": HOSTILE, "messageUrl": "javascript:alert(1)" })).await;
    let mut body = card(HOSTILE);
    let buttons =
        json!({ "msgButtons": [{ "text": HOSTILE, "id": HOSTILE, "request": true }, { "text": "x", "url": "javascript:alert(1)" }] });
    for (name, value) in [("markdown", HOSTILE), ("title", HOSTILE), ("tips", HOSTILE), ("sys_full_json_obj", &buttons.to_string())] {
        body["cardData"]["cardParamMap"][name] = json!(value);
    }
    office.call("/v1.0/card/instances/createAndDeliver", body).await;
    office.simulator.say("manager01", None, HOSTILE).await;
    let page = html(&office, "/place/2").await;
    assert_eq!(page.matches("<script").count(), 2, "our own scripts only");
    assert_eq!(page.matches("</main>").count(), 1);
    for forbidden in ["<img", "href=\"javascript", "style=\""] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for attribute in page.split('<').filter_map(|tag| tag.split_once('>')).map(|(tag, _)| tag) {
        assert!(
            ![" onerror", " onmouse", " onclick"].iter().any(|name| attribute.contains(name) && !attribute.contains("&")),
            "{attribute}"
        );
    }
}
