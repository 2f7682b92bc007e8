//! Cards of the simulated app: creating, delivering, updating, and buttons that come back.

use super::raw;
use super::simulator_app::{APP, CONVERSATION, Office};
use super::simulator_stream::{Client, data};
use reqwest::Method;
use rowbell::notify::dingtalk::simulator::{Fault, Form, Pressed};
use serde_json::{Value, json};

const CREATE: &str = "/v1.0/card/instances/createAndDeliver";
const INSTANCES: &str = "/v1.0/card/instances";
const TEMPLATE: &str = "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema";

/// A card with a button, for one person.
pub fn card(id: &str) -> Value {
    let button = json!({ "text": "认领", "color": "blue", "id": "acknowledge", "request": true, "params": { "delivery": "7" } });
    let url = json!({ "text": "查看", "url": "https://example.com/", "id": "open", "color": "gray" });
    json!({
        "cardTemplateId": TEMPLATE, "outTrackId": id, "callbackType": "STREAM",
        "cardData": { "cardParamMap": {
            "markdown": "### 缺货", "title": "库存", "tips": "新告警",
            "sys_full_json_obj": json!({ "msgButtons": [button, url] }).to_string(),
        } },
        "openSpaceId": "dtv1.card//IM_ROBOT.manager01",
        "imRobotOpenSpaceModel": { "supportForward": true },
        "imRobotOpenDeliverModel": { "spaceType": "IM_ROBOT", "robotCode": APP },
    })
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut body = card("c");
    *body.pointer_mut(pointer).expect("a member") = value;
    body
}

async fn put(office: &Office, path: &str, body: Value) -> (u16, Value) {
    office.ask(Method::PUT, path, Some(&office.token), &body).await
}

#[tokio::test]
async fn a_card_is_delivered_and_says_where_it_was_not() {
    let office = Office::open().await;
    let said = office.call(CREATE, card("c1")).await;
    let delivered = &said["result"]["deliverResults"][0];
    assert_eq!((&said["result"]["outTrackId"], &delivered["success"]), (&json!("c1"), &json!(true)));
    let shown = &office.simulator.app_messages()[0];
    assert_eq!((shown.form, shown.card.as_deref(), Some(shown.handle.as_str())), (Form::Card, Some("c1"), delivered["carrierId"].as_str()));

    let mut nowhere = card("c2");
    nowhere["openSpaceId"] = json!("dtv1.card//im_robot.nobody;dtv1.card//im_robot.user02");
    let said = office.call(CREATE, nowhere).await;
    assert_eq!(said["success"], true);
    let results = &said["result"]["deliverResults"];
    assert_eq!((&results[0]["success"], &results[1]["success"]), (&json!(false), &json!(true)));
    assert!(results[0]["errorMsg"].as_str().is_some_and(|words| !words.is_empty()));

    office.simulator.misbehave_app(APP, Some(CREATE), Fault::NotDelivered, 1);
    assert_eq!(office.call(CREATE, card("c3")).await["result"]["deliverResults"][0]["success"], false);
    assert_eq!(office.refused(CREATE, card("c1")).await, (400, "param.cardAlreadyExist".into()));
}

#[tokio::test]
async fn a_card_is_checked() {
    let office = Office::with(|settings| settings.max_card_value_bytes = Some(1024)).await;
    for (pointer, value, code) in [
        ("/outTrackId", json!(""), "param.outTrackIdEmpty"),
        ("/cardTemplateId", json!(""), "param.cardTemplateIdEmpty"),
        ("/cardTemplateId", json!("x.schema"), "param.templateNotExist"),
        ("/cardData", json!({}), "param.cardPublicDataEmpty"),
        ("/cardData/cardParamMap/title", json!(1), "param.invalid"),
        ("/cardData/cardParamMap/title", json!("库".repeat(342)), "param.invalid"),
        ("/callbackType", json!("stream"), "param.invalid"),
        ("/openSpaceId", json!(""), "param.openSpaceIdEmpty"),
        ("/openSpaceId", json!("IM_ROBOT.manager01"), "param.openSpaceIdInvalid"),
        ("/openSpaceId", json!("dtv1.card//IM_OTHER.manager01"), "param.openSpaceIdInvalid"),
        ("/openSpaceId", json!("dtv1.card//IM_GROUP.cid"), "param.openDeliverModelEmpty"),
        ("/imRobotOpenDeliverModel/spaceType", json!("IM_GROUP"), "param.openDeliverModelError"),
        ("/imRobotOpenSpaceModel", json!({}), "param.openSpaceModelInvalid"),
    ] {
        assert_eq!(office.refused(CREATE, changed(pointer, value.clone())).await.1, code, "{pointer} {value}");
    }
    assert!(office.simulator.cards().is_empty());
}

#[tokio::test]
async fn a_card_is_created_first_and_delivered_later() {
    let office = Office::open().await;
    office.call(INSTANCES, card("c1")).await;
    assert!(office.simulator.app_messages().is_empty());
    let body = json!({
        "outTrackId": "c1", "openSpaceId": format!("dtv1.card//IM_GROUP.{CONVERSATION}"), "imGroupOpenDeliverModel": { "robotCode": APP },
    });
    let said = office.call("/v1.0/card/instances/deliver", body.clone()).await;
    assert_eq!(said["result"][0]["success"], true);
    let mut unknown = body;
    unknown["outTrackId"] = json!("c2");
    assert_eq!(office.refused("/v1.0/card/instances/deliver", unknown).await.1, "param.cardNotExist");
}

#[tokio::test]
async fn an_update_overwrites_unless_it_goes_by_key() {
    let office = Office::open().await;
    office.call(CREATE, card("c1")).await;
    let update = |data: Value, by_key: bool| json!({ "outTrackId": "c1", "cardData": { "cardParamMap": data }, "cardUpdateOptions": { "updateCardDataByKey": by_key } });
    put(&office, INSTANCES, update(json!({ "tips": "已认领" }), true)).await;
    let shown = office.simulator.card("c1").expect("a card").data;
    assert_eq!((&shown["tips"], &shown["markdown"]), (&json!("已认领"), &json!("### 缺货")));
    let (status, said) = put(&office, INSTANCES, update(json!({ "tips": "已恢复" }), false)).await;
    assert_eq!((status, said), (200, json!({ "success": true, "result": true })));
    assert_eq!(Value::Object(office.simulator.card("c1").expect("a card").data), json!({ "tips": "已恢复" }));
    for (body, code) in [
        (json!({ "outTrackId": "c1" }), "param.cardDataAndPrivateDataBothEmpty"),
        (json!({ "outTrackId": "c2", "cardData": { "cardParamMap": {} } }), "param.cardNotExist"),
        (json!({ "cardData": { "cardParamMap": {} } }), "param.outTrackIdEmpty"),
    ] {
        assert_eq!(put(&office, INSTANCES, body).await.1["code"], code);
    }
}

#[tokio::test]
async fn typing_is_done_once_per_guid() {
    let office = Office::open().await;
    office.call(CREATE, card("c1")).await;
    let body = |guid: &str, text: &str, is_full: bool, key: &str| json!({ "outTrackId": "c1", "guid": guid, "key": key, "content": text, "isFull": is_full, "isFinalize": false });
    let path = "/v1.0/card/streaming";
    for guid in ["1", "1", "2"] {
        assert_eq!(put(&office, path, body(guid, "…", false, "tips")).await.0, 200);
    }
    assert_eq!(office.simulator.card("c1").expect("a card").data["tips"], "新告警……");
    assert_eq!(put(&office, path, body("3", "x", false, "markdown")).await.1["code"], "param.stream.isFull");
    assert_eq!(put(&office, path, body("", "x", true, "markdown")).await.1["code"], "param.stream.guidEmpty");
    assert_eq!(put(&office, path, body("4", &"x".repeat(3073), true, "tips")).await.1["code"], "param.stream.content");
}

#[tokio::test]
async fn a_press_comes_back_over_stream_and_changes_the_card() {
    let office = Office::open().await;
    office.call(CREATE, card("c1")).await;
    let mut client = Client::connect(&office).await;
    let (pressed, frame) = tokio::join!(office.simulator.press("c1", "manager01", "acknowledge"), async {
        let frame = client.next().await.expect("a frame");
        let response =
            json!({ "cardUpdateOptions": { "updateCardDataByKey": true }, "cardData": { "cardParamMap": { "tips": "店长 已认领" } } });
        client.answer(&frame, 200, json!({ "response": response })).await;
        frame
    });
    assert_eq!(pressed, Pressed::Taken);
    let said = data(&frame);
    assert_eq!((&said["outTrackId"], &said["userId"], &said["spaceType"]), (&json!("c1"), &json!("manager01"), &json!("IM_ROBOT")));
    let content: Value = serde_json::from_str(said["content"].as_str().expect("a text")).expect("JSON");
    assert_eq!(content, json!({ "cardPrivateData": { "actionIds": ["acknowledge"], "params": { "delivery": "7" } } }));
    let card = office.simulator.card("c1").expect("a card");
    assert_eq!((&card.data["tips"], &card.data["title"]), (&json!("店长 已认领"), &json!("库存")));
    assert_eq!((card.presses[0].user_id.as_str(), card.presses[0].outcome), ("manager01", Pressed::Taken));
}

#[tokio::test]
async fn a_press_that_nobody_takes_is_told_to_the_person() {
    let office = Office::with(|settings| settings.stream.answer_within = std::time::Duration::from_millis(50)).await;
    office.call(CREATE, card("c1")).await;
    let mut deaf = card("c2");
    deaf.as_object_mut().expect("an object").remove("callbackType");
    office.call(CREATE, deaf).await;
    let press = async |card: &str, user: &str, action: &str| office.simulator.press(card, user, action).await;
    assert_eq!(press("c1", "manager01", "acknowledge").await, Pressed::NoConnection);
    assert_eq!(press("c2", "manager01", "acknowledge").await, Pressed::NoCallback);
    assert_eq!(press("c1", "user02", "acknowledge").await, Pressed::NoCard, "it is not on that phone");
    assert_eq!(press("c1", "manager01", "open").await, Pressed::NoButton, "that one leads to an address");
    let mut client = Client::connect(&office).await;
    assert_eq!(press("c1", "manager01", "acknowledge").await, Pressed::Failed, "no answer");
    let frame = client.next().await.expect("a frame");
    let (pressed, ()) = tokio::join!(press("c1", "manager01", "acknowledge"), async {
        client.answer(&frame, 200, json!({})).await;
        client.next().await.expect("a frame");
        office.simulator.cut_streams();
    });
    assert_eq!(pressed, Pressed::Failed, "the connection was cut");
    assert_eq!(office.simulator.card("c1").expect("a card").updates, 0);
}

#[tokio::test]
async fn a_press_goes_to_the_registered_address_with_a_signature() {
    use axum::http::HeaderMap;
    let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/callback", listener.local_addr().expect("an address"));
    let answer = async move |headers: HeaderMap, body: axum::Json<Value>| {
        heard.send((headers["x-ddpaas-signature"].to_str().expect("text").to_owned(), body.0)).expect("heard");
        axum::Json(json!({ "cardData": { "cardParamMap": { "tips": "over HTTP" } } }))
    };
    let server =
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/callback", axum::routing::post(answer))).await });
    let office = Office::open().await;
    let route = json!({ "callbackRouteKey": "k", "callbackUrl": url, "apiSecret": "s" });
    office.call("/v1.0/card/callbacks/register", route.clone()).await;
    assert_eq!(office.refused("/v1.0/card/callbacks/register", route).await, (500, "param.callbackRouteKeyExist".into()));
    let mut body = card("c1");
    (body["callbackType"], body["callbackRouteKey"]) = (json!("HTTP"), json!("k"));
    office.call(CREATE, body).await;
    let pressed = raw().post(office.url("/simulator/press"));
    let pressed = pressed.json(&json!({ "out_track_id": "c1", "user_id": "manager01", "action_id": "acknowledge" })).send().await;
    assert_eq!(pressed.expect("an answer").json::<Value>().await.expect("JSON"), "taken");
    let (signature, said) = hears.recv().await.expect("a call");
    // HMAC-SHA256 with key `s` of the text 1800000000000.
    assert_eq!(signature, "Mh+CUc33cvYSH9IoMIuZgiGw8AlCX/vHeQrx948J9qs=");
    assert_eq!(said["outTrackId"], "c1");
    assert_eq!(
        Value::Object(office.simulator.card("c1").expect("a card").data),
        json!({ "tips": "over HTTP" }),
        "an answer overwrites too"
    );
    server.abort();
}
