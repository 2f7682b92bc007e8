//! Cards through the whole service: sent once, changed as their alerts change, and what stands in for them.

use super::apps::{CLIENT, house, watcher};
use super::charts::get;
use super::house::House;
use rowbell::domain::alert::Acknowledgement;
use rowbell::notify::dingtalk::simulator::{AppMessage, Fault, Form, Place};
use serde_json::Value;

const CARD: &str = "/v1.0/card/instances/createAndDeliver";
const UPDATE: &str = "/v1.0/card/instances";

async fn card_house() -> House {
    house("users = [\"u00\", \"u01\"]\nconversations = [\"cid+1/==\"]\nform = \"card\"", &watcher()).await
}

fn seen(house: &House, user: &str) -> Vec<AppMessage> {
    house.simulator.app_messages_in(&Place::User(user.to_owned()))
}

/// What the tips of the card that was sent last say now: by its last update, or as it was sent.
fn tips(house: &House) -> String {
    let calls = house.simulator.api_calls();
    let last = calls.iter().rev().find(|call| call.api == CARD || call.api == UPDATE).expect("a card");
    let data: &Value = &last.body["cardData"]["cardParamMap"];
    assert!(data.as_object().expect("a map").values().all(Value::is_string), "{data}");
    data["tips"].as_str().expect("a text").to_owned()
}

fn updates(house: &House) -> usize {
    house.simulator.api_calls().iter().filter(|call| call.api == UPDATE).count()
}

#[tokio::test]
async fn a_card_follows_its_alert_from_firing_to_its_end() {
    let house = card_house().await;
    house.sql("insert into stock values ('A', 3, '1')").await;
    house.step(60).await;
    assert_eq!(seen(&house, "u00")[0].form, Form::Card);
    assert_eq!(tips(&house), "🔴 open");
    house.engine.refresh_cards().await.expect("a look");
    assert_eq!(updates(&house), 0, "nothing has changed");
    let fired = house.history().await[0].id;
    let by = Acknowledgement { at: house.clock.now(), by: "张三".into(), note: None };
    house.engine.parts().store.acknowledge(vec![fired], by).await.expect("taken");
    house.engine.refresh_cards().await.expect("a look");
    assert_eq!(updates(&house), 3, "each person's card and the group's");
    assert_eq!(tips(&house), "🙋 acknowledged by 张三 09:31");
    house.sql("update stock set qty = 20").await;
    house.step(60).await;
    house.engine.refresh_cards().await.expect("a look");
    assert_eq!(tips(&house), "✅ resolved 09:32");
    let after = updates(&house);
    house.engine.refresh_cards().await.expect("a look");
    assert_eq!(updates(&house), after);
    // The end is a message of its own: a card that changes notifies nobody.
    assert_eq!(seen(&house, "u00").iter().map(|message| message.form).collect::<Vec<_>>(), [Form::Card, Form::Message]);
    house.close().await;
}

#[tokio::test]
async fn the_page_that_a_card_opens_says_how_its_alerts_stand() {
    let house = card_house().await;
    house.sql("insert into stock values ('<b>A</b>', 3, '1')").await;
    house.step(60).await;
    let delivery = house.engine.parts().store.deliveries(false, 1).await.expect("deliveries").remove(0).id;
    let path = format!("/?delivery={delivery}");
    let (status, headers, body) = get(&house, &path).await;
    let page = String::from_utf8_lossy(&body).into_owned();
    assert!(status.is_success() && page.contains("🔴 open") && page.contains("<dd>3</dd>") && !page.contains("<b>A"), "{page}");
    let policy = headers["content-security-policy"].to_str().expect("a text");
    assert!(policy.contains("default-src 'none'") && !policy.contains("script"), "{policy}");
    house.sql("update stock set qty = 2").await;
    house.step(60).await;
    assert!(String::from_utf8_lossy(&get(&house, &path).await.2).contains("3 → 2"));
    house.sql("delete from stock").await;
    house.step(60).await;
    assert!(String::from_utf8_lossy(&get(&house, &path).await.2).contains("✅ resolved 09:33"));
    for nothing in ["/", "/?delivery=9999"] {
        assert_eq!(get(&house, nothing).await.0.as_u16(), 404);
    }
    house.close().await;
}

#[tokio::test]
async fn a_card_whose_answer_was_lost_is_there_once() {
    let house = card_house().await;
    house.simulator.misbehave_app(CLIENT, Some(CARD), Fault::CutAfterAccept, 1);
    house.sql("insert into stock values ('A', 3, '1')").await;
    house.step(60).await;
    house.step(2).await;
    assert_eq!(seen(&house, "u00").len(), 1);
    assert_eq!(seen(&house, "u01").len(), 1);
    house.close().await;
}

#[tokio::test]
async fn where_cards_are_not_permitted_messages_come_and_ops_are_told_once_an_hour() {
    let house = card_house().await;
    house.simulator.misbehave_app(CLIENT, Some(CARD), Fault::NotGranted, 1);
    house.sql("insert into stock values ('A', 3, '1')").await;
    house.step(60).await;
    assert_eq!(seen(&house, "u00").iter().map(|message| message.form).collect::<Vec<_>>(), [Form::Message]);
    let app = house.engine.parts().receivers["duty"].app().expect("an app");
    let (why, _) = app.cards_refused(house.clock.now()).expect("a reason");
    assert!(why.contains("Card.Instance.Write"), "{why}");
    house.engine.refresh_cards().await.expect("a look");
    assert_eq!(updates(&house), 0);
    house.step(3601).await;
    house.sql("insert into stock values ('B', 3, '1')").await;
    house.step(60).await;
    assert_eq!(seen(&house, "u00").last().map(|message| message.form), Some(Form::Card));
    house.close().await;
}

#[tokio::test]
async fn who_does_not_get_the_card_gets_a_message() {
    let house = card_house().await;
    house.simulator.misbehave_app(CLIENT, Some(CARD), Fault::NotDelivered, 1);
    house.sql("insert into stock values ('A', 3, '1')").await;
    house.step(60).await;
    let delivery = house.engine.parts().store.deliveries(false, 1).await.expect("deliveries").remove(0);
    assert_eq!((delivery.state.as_str(), delivery.targets.iter().filter(|target| target.state == "refused").count()), ("delivered", 0));
    let forms = |user| seen(&house, user).iter().map(|message| message.form).collect::<Vec<_>>();
    assert_eq!((forms("u00"), forms("u01")), (vec![Form::Message], vec![Form::Card]));
    house.close().await;
}
