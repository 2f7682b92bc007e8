//! The chat in the browser: what is shown, and that nothing received can break out of it.

use super::{Chat, post};
use rowbell::notify::dingtalk::simulator::{Language, SimulatedRobot};
use serde_json::json;

async fn get(chat: &Chat, path: &str) -> reqwest::Response {
    super::raw().get(chat.url(path)).send().await.expect("an answer")
}

async fn html(chat: &Chat, path: &str) -> String {
    get(chat, path).await.text().await.expect("a text")
}

const HOSTILE: &str = "<script>alert(1)</script> <img src=x onerror=alert(1)> [a](javascript:alert(2)) \"'>&lt; </font></main> \
                       <font color=\"red\" onmouseover=alert(3)>x</font> ![](https://tracker.example/x.png) \u{202e}库";

#[tokio::test]
async fn every_kind_of_message_is_drawn() {
    let chat = Chat::open().await;
    let webhook = chat.simulator.webhook("token");
    for (body, shown) in [
        (
            json!({ "msgtype": "text", "text": { "content": "a\n@boss" }, "at": { "atUserIds": ["boss", "lost"] } }),
            "<span class=\"at\">@boss</span>",
        ),
        (json!({ "msgtype": "markdown", "markdown": { "title": "t", "text": "### 库存" } }), "<h3>库存</h3>"),
        (json!({ "msgtype": "link", "link": { "title": "week", "text": "x", "messageUrl": "https://x.y/1" } }), "href=\"https://x.y/1\""),
        (
            json!({ "msgtype": "actionCard", "actionCard": { "text": "md", "btns": [{ "title": "A", "actionURL": "https://x.y/2" }] } }),
            "href=\"https://x.y/2\"",
        ),
        (
            json!({ "msgtype": "actionCard", "actionCard": { "text": "md", "singleTitle": "B", "singleURL": "https://x.y/3", "btns": [] } }),
            "href=\"https://x.y/3\"",
        ),
        (
            json!({ "msgtype": "feedCard", "feedCard": { "links": [{ "title": "C", "messageURL": "https://x.y/4" }] } }),
            "href=\"https://x.y/4\"",
        ),
    ] {
        assert_eq!(post(&webhook, &body).await["errcode"], 0);
        assert!(html(&chat, "/chat/1").await.contains(shown), "{body}");
    }
    assert!(html(&chat, "/").await.contains("listed but not in the text, so not notified: @lost"));
}

#[tokio::test]
async fn hostile_text_stays_text_wherever_it_stands() {
    let robot = SimulatedRobot::new("token", "<b>alerts</b>");
    let chat = Chat::with(robot, |_| {}).await;
    let webhook = chat.simulator.webhook("token");
    for body in [
        json!({ "msgtype": "text", "text": { "content": HOSTILE }, "at": { "atUserIds": [HOSTILE] } }),
        json!({ "msgtype": "markdown", "markdown": { "title": HOSTILE, "text": HOSTILE }, "msgUuid": HOSTILE }),
        json!({ "msgtype": "link", "link": { "title": HOSTILE, "text": HOSTILE, "messageUrl": "javascript:alert(1)" } }),
        json!({ "msgtype": "actionCard", "actionCard": { "text": HOSTILE, "btns": [{ "title": HOSTILE, "actionURL": "data:text/html,x" }] } }),
        json!({ "msgtype": "feedCard", "feedCard": { "links": [{ "title": HOSTILE, "messageURL": HOSTILE }] } }),
        json!({ "msgtype": HOSTILE }),
    ] {
        post(&webhook, &body).await;
    }
    let page = html(&chat, "/chat/1").await;
    assert_eq!(page.matches("<script").count(), 1, "our own script only");
    assert_eq!(page.matches("</main>").count(), 1);
    for forbidden in ["<img", "<b>alerts", "javascript:alert(1)\"", "href=\"data:", "<font color=\"red\" on"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for attribute in page.split('<').filter_map(|tag| tag.split_once('>')).map(|(tag, _)| tag) {
        assert!(!attribute.contains(" onerror") && !attribute.contains(" onmouse"), "{attribute}");
    }
}

#[tokio::test]
async fn the_page_loads_nothing_from_outside() {
    let chat = Chat::open().await;
    for path in ["/", "/simulator/chat.js", "/simulator/chat.css", "/simulator/talk.js", "/simulator/talk.css", "/simulator/icon.svg"] {
        let answer = get(&chat, path).await;
        assert_eq!(answer.status(), 200, "{path}");
        let policy = answer.headers()["content-security-policy"].to_str().expect("text").to_owned();
        // Pictures of this machine are shown.
        let policy = policy.replace("http://127.0.0.1:* http://localhost:*", "");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
    assert!(!html(&chat, "/").await.contains("style=\""));
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again() {
    let chat = Chat::open().await;
    let tag = get(&chat, "/chat/1").await.headers()["etag"].clone();
    let again = || super::raw().get(chat.url("/chat/1")).header("if-none-match", tag.clone()).send();
    assert_eq!(again().await.expect("an answer").status(), 304);
    chat.send("1").await;
    assert_eq!(again().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn what_was_refused_is_listed_in_the_language_of_the_page() {
    let chat = Chat::with(SimulatedRobot::new("token", "alerts"), |settings| settings.language = Language::Chinese).await;
    chat.send("1").await;
    chat.send("1").await;
    post(&chat.simulator.webhook("token"), &json!({ "msgtype": "video" })).await;
    let page = html(&chat, "/").await;
    assert!(page.contains("lang=\"zh-CN\"") && page.contains("钉钉模拟器"));
    assert!(page.contains("400105") && page.contains("重复（msgUuid 相同）"));
}

#[tokio::test]
async fn a_chat_that_is_not_there_is_not_found() {
    let chat = Chat::open().await;
    assert_eq!(get(&chat, "/chat/2").await.status(), 404);
    assert_eq!(get(&chat, "/chat/token").await.status(), 200);
    assert_eq!(get(&chat, "/chat/0").await.status(), 404);
}
