//! The simulated app's API: each route, each rule, both shapes of errors.

use super::raw;
use super::simulator_app::{APP, ASYNC, CONVERSATION, Office, SECRET, SEND, encoded, markdown};
use chrono::TimeDelta;
use reqwest::Method;
use rowbell::notify::dingtalk::simulator::{ApiOutcome, Fault, Form, Place, SimulatedApp};
use serde_json::{Value, json};

const GROUP: &str = "/v1.0/robot/groupMessages/send";
const OPEN: &str = "/v1.0/oauth2/accessToken";

#[tokio::test]
async fn a_token_stays_the_same_and_is_renewed_while_it_is_valid() {
    let office = Office::open().await;
    office.clock.advance(TimeDelta::seconds(7000));
    assert_eq!(office.new_token().await, office.token);
    office.clock.advance(TimeDelta::seconds(7000));
    let old = office.get(&format!("/gettoken?appkey={APP}&appsecret={SECRET}")).await;
    assert_eq!((&old["access_token"], &old["expires_in"], &old["errcode"]), (&json!(office.token), &json!(7200), &json!(0)));
    office.clock.advance(TimeDelta::seconds(7200));
    assert_eq!(office.refused(SEND, markdown(&["user02"])).await, (400, "InvalidAuthentication".into()));
    assert_ne!(office.new_token().await, office.token);
}

#[tokio::test]
async fn wrong_credentials_are_refused_in_both_families() {
    let office = Office::open().await;
    let (status, said) = office.ask(Method::POST, OPEN, None, &json!({ "appKey": APP, "appSecret": "x" })).await;
    assert_eq!((status, &said["code"]), (400, &json!("invalidClientIdOrSecret")));
    let (status, said) = office.ask(Method::POST, OPEN, None, &json!({ "appKey": APP })).await;
    assert_eq!((status, &said["code"]), (400, &json!("MissingappSecret")));
    assert_eq!(office.get(&format!("/gettoken?appkey={APP}&appsecret=x")).await["errcode"], 40096);
    assert_eq!(office.get("/gettoken").await["errcode"], 40035);
}

#[tokio::test]
async fn what_stands_before_the_api_refuses_in_the_shape_of_its_family() {
    let office = Office::open().await;
    let (status, said) = office.ask(Method::POST, SEND, None, &markdown(&["user02"])).await;
    assert_eq!((status, &said["code"]), (400, &json!("AuthenticationFailed.MissingParameter")));
    let (status, said) = office.ask(Method::POST, SEND, Some("nobody's"), &markdown(&["user02"])).await;
    assert_eq!((status, &said["code"]), (400, &json!("InvalidAuthentication")));
    let (_, said) = office.ask(Method::POST, ASYNC, None, &json!({})).await;
    assert_eq!((&said["errcode"], &said["sub_code"]), (&json!(88), &json!("40000")));
    let (_, said) = office.ask(Method::POST, &format!("{ASYNC}?access_token=x"), None, &json!({})).await;
    assert_eq!((&said["errcode"], &said["sub_code"]), (&json!(88), &json!("40014")));
    let with = |body: &'static str| raw().post(office.url(SEND)).header("x-acs-dingtalk-access-token", &office.token).body(body).send();
    for (body, code) in [("", "Missingbody"), ("{", "Invalidbody"), ("[]", "Invalidbody")] {
        let answer = with(body).await.expect("an answer");
        assert_eq!(answer.status(), 400);
        assert_eq!(answer.json::<Value>().await.expect("JSON")["code"], code);
    }
    assert_eq!(office.refused(SEND, json!({ "robotCode": APP })).await, (400, "MissinguserIds".into()));
    let calls = office.simulator.api_calls();
    let codes: Vec<&str> = calls
        .iter()
        .filter_map(|call| if let ApiOutcome::Refused { code, .. } = &call.outcome { Some(code.as_str()) } else { None })
        .collect();
    let expected = [
        "AuthenticationFailed.MissingParameter",
        "InvalidAuthentication",
        "88/40000",
        "88/40014",
        "Missingbody",
        "Invalidbody",
        "Invalidbody",
        "MissinguserIds",
    ];
    assert_eq!(codes, expected, "every call is recorded, whoever made it");
    assert_eq!((&calls[1].app, calls[7].app.as_deref()), (&None, Some(APP)));
}

#[tokio::test]
async fn a_path_is_exact() {
    let office = Office::open().await;
    let (status, said) = office.ask(Method::POST, "/v1.0/robot/otoMessages/batchSend", Some(&office.token), &json!({})).await;
    assert_eq!(status, 404);
    assert!(said["code"].is_string() && said["requestid"].is_string(), "{said}");
    let (status, said) = office.ask(Method::POST, "/topapi/nothing", None, &json!({})).await;
    assert_eq!((status, said), (200, json!({ "errcode": 404, "errmsg": "请求的URI地址不存在" })));
    assert_eq!(office.ask(Method::GET, SEND, Some(&office.token), &Value::Null).await.0, 404);
    assert_eq!(office.get(&format!("{ASYNC}?access_token={}", office.token)).await["errcode"], 43002);
}

#[tokio::test]
async fn people_get_a_message_and_unknown_ones_are_listed() {
    let office = Office::open().await;
    let said = office.send(&["manager01", "nobody", "manager01"]).await;
    assert_eq!((&said["invalidStaffIdList"], &said["flowControlledStaffIdList"]), (&json!(["nobody"]), &json!([])));
    assert_eq!((office.seen_by("manager01"), office.seen_by("user02").len()), (vec!["### 缺货".to_owned()], 0));
    let key = said["processQueryKey"].as_str().expect("a key");
    assert!(key.contains('='), "{key}");
    let message = office.simulator.app_messages().remove(0);
    assert_eq!((message.handle.as_str(), message.kind.as_str(), message.form), (key, "sampleMarkdown", Form::Message));
}

#[tokio::test]
async fn users_can_be_flow_controlled_or_unknown_on_request() {
    let office = Office::open().await;
    office.simulator.misbehave_app(APP, Some(SEND), Fault::FlowControlledUsers(vec!["user02".into()]), 1);
    let said = office.send(&["manager01", "user02"]).await;
    assert_eq!(said["flowControlledStaffIdList"], json!(["user02"]));
    office.simulator.misbehave_app(APP, None, Fault::InvalidUsers(vec!["manager01".into()]), 1);
    assert_eq!(office.send(&["manager01", "user02"]).await["invalidStaffIdList"], json!(["manager01"]));
    assert_eq!((office.seen_by("manager01").len(), office.seen_by("user02").len()), (1, 1));
}

#[tokio::test]
async fn a_message_to_people_is_checked() {
    let office = Office::open().await;
    let change = |member: &str, value: Value| {
        let mut body = markdown(&["user02"]);
        body[member] = value;
        body
    };
    let many: Vec<String> = (0..21).map(|n| format!("u{n}")).collect();
    for (body, code) in [
        (change("userIds", json!(many)), "invalidParameter.userIds.overMax"),
        (change("userIds", json!([])), "invalidParameter.userIds.empty"),
        (change("robotCode", json!("another")), "invalidParameter.robotCode.notExsit"),
        (change("robotCode", json!("")), "invalidParameter.robotCode.empty"),
        (change("msgKey", json!("sampleFeed")), "invalidParameter.msgKey.invalid"),
        (change("msgParam", json!({ "title": "t", "text": "x" })), "invalidParameter.msgParam.invalid"),
        (change("msgParam", json!("{\"title\":\"t\"}")), "miss.param.markdownTotext"),
    ] {
        assert_eq!(office.refused(SEND, body).await, (400, code.to_owned()));
        office.clock.advance(TimeDelta::seconds(1));
    }
    assert!(office.simulator.app_messages().is_empty());
}

#[tokio::test]
async fn the_robot_of_another_app_is_refused() {
    let office = Office::with(|settings| settings.apps.push(SimulatedApp::new("other", "x", "other"))).await;
    let mut body = markdown(&["user02"]);
    body["robotCode"] = json!("other");
    assert_eq!(office.refused(SEND, body).await.1, "invalidParameter.robotCode.auth");
}

#[tokio::test]
async fn a_conversation_gets_a_message_of_limited_size() {
    let office = Office::open().await;
    let body = |id: &str, text: &str| json!({ "robotCode": APP, "openConversationId": id, "msgKey": "sampleText", "msgParam": json!({ "content": text }).to_string() });
    office.call(GROUP, body(CONVERSATION, "缺货")).await;
    assert_eq!(office.simulator.app_messages_in(&Place::Conversation(CONVERSATION.into()))[0].text, "缺货");
    assert_eq!(office.refused(GROUP, body("cidgroup+/1==", "x")).await.1, "invalid.openConversationId");
    assert_eq!(office.refused(GROUP, body(CONVERSATION, &"库".repeat(5000))).await.1, "invalidParameter.msgParam.tooLong");
}

#[tokio::test]
async fn who_has_read_a_message_is_told_for_24_hours() {
    let office = Office::open().await;
    let key = office.send(&["manager01", "user02"]).await["processQueryKey"].as_str().expect("a key").to_owned();
    assert!(office.simulator.read("manager01", &Place::User("manager01".into())));
    assert!(!office.simulator.read("manager01", &Place::User("user02".into())), "nobody reads another's phone");
    let path = format!("/v1.0/robot/oToMessages/readStatus?robotCode={APP}&processQueryKey={}", encoded(&key));
    let said = office.get(&path).await;
    assert_eq!(said["sendStatus"], "SUCCESS");
    assert_eq!(said["messageReadInfoList"][0], json!({ "name": "店长", "userId": "manager01", "readStatus": "READ" }));
    assert_eq!(said["messageReadInfoList"][1]["readStatus"], "UNREAD");
    assert_eq!(office.get(&path.replace("%3D", "")).await["code"], "invalid.processQueryKey");
    office.clock.advance(TimeDelta::hours(24) + TimeDelta::seconds(1));
    let token = office.new_token().await;
    assert_eq!(office.ask(Method::GET, &path, Some(&token), &Value::Null).await.1["code"], "processQueryKey.expireTime");
}

#[tokio::test]
async fn readers_of_a_conversation_come_in_pages() {
    let office = Office::open().await;
    let body = json!({ "robotCode": APP, "openConversationId": CONVERSATION, "msgKey": "sampleText", "msgParam": "{\"content\":\"x\"}" });
    let key = office.call(GROUP, body).await["processQueryKey"].clone();
    let place = Place::Conversation(CONVERSATION.into());
    for reader in ["manager01", "user02", "user02"] {
        assert!(office.simulator.read(reader, &place));
    }
    let query = |size: u32, next: &str| json!({ "robotCode": APP, "openConversationId": CONVERSATION, "processQueryKey": key, "maxResults": size, "nextToken": next });
    let path = "/v1.0/robot/groupMessages/query";
    let first = office.call(path, query(1, "")).await;
    assert_eq!((&first["readUserIds"], &first["hasMore"]), (&json!(["manager01"]), &json!(true)));
    let second = office.call(path, query(1, first["nextToken"].as_str().expect("a token"))).await;
    assert_eq!((&second["readUserIds"], &second["hasMore"]), (&json!(["user02"]), &json!(false)));
    assert_eq!(office.refused(path, query(201, "")).await.1, "invalidParameter.pageSize.invalid");
    assert_eq!(office.refused(path, query(1, "x")).await.1, "invalidParameter.cursor.invalid");
}

#[tokio::test]
async fn a_message_is_taken_back_within_24_hours() {
    let office = Office::open().await;
    let key = office.send(&["user02"]).await["processQueryKey"].as_str().expect("a key").to_owned();
    let path = "/v1.0/robot/otoMessages/batchRecall";
    let body = json!({ "robotCode": APP, "processQueryKeys": [key, "unknown"] });
    let said = office.call(path, body.clone()).await;
    assert_eq!(said, json!({ "successResult": [key], "failedResult": { "unknown": "invalid.processQueryKey" } }));
    assert!(office.simulator.app_messages()[0].recalled_at.is_some());
    let status = office.get(&format!("/v1.0/robot/oToMessages/readStatus?robotCode={APP}&processQueryKey={}", encoded(&key))).await;
    assert_eq!(status["sendStatus"], "RECALLED");
    let keys: Vec<String> = (0..21).map(|n| n.to_string()).collect();
    assert_eq!(
        office.refused(path, json!({ "robotCode": APP, "processQueryKeys": keys })).await.1,
        "invalidParameter.processQueryKeys.overMax"
    );
    office.clock.advance(TimeDelta::hours(25));
    let token = office.new_token().await;
    let (_, said) = office.ask(Method::POST, path, Some(&token), &body).await;
    assert_eq!(said["failedResult"][&key], "processQueryKey.expireTime");
}

#[tokio::test]
async fn a_ding_comes_in_its_kind_is_read_and_taken_back() {
    let office = Office::open().await;
    let body = |kind: u32, users: Value| json!({ "robotCode": APP, "remindType": kind, "receiverUserIdList": users, "content": "缺货" });
    let mut ids = Vec::new();
    for (kind, form) in [(1, Form::Ding), (2, Form::DingSms), (3, Form::DingPhone)] {
        let said = office.call("/v1.0/robot/ding/send", body(kind, json!(["user02", "nobody"]))).await;
        assert_eq!(said["failedList"], json!({ "用户不存在": ["nobody"] }));
        assert_eq!(office.simulator.app_messages().last().map(|message| message.form), Some(form));
        ids.push(said["openDingId"].clone());
    }
    office.simulator.read("user02", &Place::User("user02".into()));
    let read = office.call("/v1.0/robot/ding/readStatuses/query", json!({ "robotCode": APP, "openDingId": ids[0] })).await;
    assert_eq!(read["result"]["robotDingReadInfoList"], json!([{ "userId": "user02", "readStatus": "READ" }]));
    office.call("/v1.0/robot/ding/recall", json!({ "robotCode": APP, "openDingId": ids[2] })).await;
    assert!(office.simulator.app_messages()[2].recalled_at.is_some());
    let many: Vec<String> = (0..21).map(|n| format!("u{n}")).collect();
    for (body, code) in [
        (body(2, json!(many)), "ding.receivercount.limit"),
        (body(4, json!(["user02"])), "invalidParameter.param.invalid"),
        (body(1, json!([])), "miss.staffId"),
    ] {
        assert_eq!(office.refused("/v1.0/robot/ding/send", body).await.1, code);
    }
    assert_eq!(office.refused("/v1.0/robot/ding/recall", json!({ "robotCode": APP, "openDingId": "x" })).await.1, "recall.ding.exception");
}

fn notification(users: &str, text: &str) -> Value {
    json!({ "agent_id": 1_000_001, "userid_list": users, "msg": { "msgtype": "markdown", "markdown": { "title": "库存", "text": text } } })
}

async fn result(office: &Office, task: &Value) -> Value {
    office.old(&ASYNC.replace("asyncsend_v2", "getsendresult"), json!({ "agent_id": 1_000_001, "task_id": task })).await["send_result"]
        .clone()
}

#[tokio::test]
async fn a_work_notification_that_repeats_another_is_dropped_without_a_word() {
    let office = Office::open().await;
    let first = office.old(ASYNC, notification("user02,nobody", "缺货")).await;
    let again = office.old(ASYNC, notification("user02", "缺货")).await;
    assert_eq!((&first["errcode"], &again["errcode"]), (&json!(0), &json!(0)));
    office.simulator.read("user02", &Place::User("user02".into()));
    let told = result(&office, &first["task_id"]).await;
    assert_eq!((&told["read_user_id_list"], &told["invalid_user_id_list"]), (&json!(["user02"]), &json!(["nobody"])));
    let told = result(&office, &again["task_id"]).await;
    assert_eq!(told["forbidden_list"], json!([{ "code": "143106", "count": 1, "userid": "user02" }]));
    assert_eq!(office.seen_by("user02").len(), 1);
    office.clock.advance(TimeDelta::hours(9)); // past midnight in China
    office.new_token().await;
    let token = office.new_token().await;
    office.ask(Method::POST, &format!("{ASYNC}?access_token={token}"), None, &notification("user02", "缺货")).await;
    assert_eq!(office.seen_by("user02").len(), 2);
}

#[tokio::test]
async fn more_than_500_work_notifications_a_day_are_dropped() {
    let office = Office::with(|settings| settings.qps = 1000).await;
    for n in 0..500 {
        assert_eq!(office.old(ASYNC, notification("user02", &n.to_string())).await["errcode"], 0);
    }
    let task = office.old(ASYNC, notification("user02", "one more")).await["task_id"].clone();
    assert_eq!(result(&office, &task).await["forbidden_list"][0]["code"], "143105");
    assert_eq!(office.seen_by("user02").len(), 500);
}

#[tokio::test]
async fn a_work_notification_is_checked_followed_and_taken_back() {
    let office = Office::open().await;
    for (body, code) in [
        (json!({ "agent_id": 2 }), 400002),
        (notification("", "x"), 1430000),
        (json!({ "agent_id": 1_000_001, "userid_list": "user02", "msg": { "msgtype": "text" } }), 40035),
        (notification("user02", &"库".repeat(700)), 40035),
    ] {
        assert_eq!(office.old(ASYNC, body).await["errcode"], code);
    }
    let fields = notification("user02", "x")["msg"].to_string();
    let form = [("agent_id", "1000001"), ("to_all_user", "true"), ("msg", fields.as_str())];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = raw().post(office.url(&format!("{ASYNC}?access_token={}", office.token)));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let said: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!((office.seen_by("user02").len(), office.seen_by("manager01").len()), (1, 1), "{said}");
    let task = json!({ "agent_id": 1_000_001, "task_id": said["task_id"], "msg_task_id": said["task_id"] });
    let progress = office.old(&ASYNC.replace("asyncsend_v2", "getsendprogress"), task.clone()).await;
    assert_eq!(progress["progress"], json!({ "progress_in_percent": 100, "status": 2 }));
    assert_eq!(office.old(&ASYNC.replace("asyncsend_v2", "recall"), task).await["errcode"], 0);
    assert!(office.simulator.app_messages().iter().all(|message| message.recalled_at.is_some()));
}

#[tokio::test]
async fn people_are_found_by_their_number() {
    let office = Office::open().await;
    let path = "/topapi/v2/user/getbymobile";
    assert_eq!(office.old(path, json!({ "mobile": "13800000001" })).await["result"]["userid"], "manager01");
    assert_eq!(office.old(path, json!({ "mobile": "13800000009" })).await["errcode"], 60121);
    assert_eq!(office.old(path, json!({})).await["errcode"], 400002);
    assert_eq!(office.simulator.month_use().1, 0, "contacts do not count");
}

/// The smallest picture there is.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

async fn upload(office: &Office, kind: &str, name: &str, bytes: &[u8]) -> Value {
    let mut body = format!("--x\r\ncontent-disposition: form-data; name=\"type\"\r\n\r\n{kind}\r\n--x\r\ncontent-disposition: form-data; name=\"media\"; filename=\"{name}\"\r\n\r\n").into_bytes();
    body.extend(bytes);
    body.extend(b"\r\n--x--\r\n");
    let request = raw().post(office.url(&format!("/media/upload?access_token={}", office.token)));
    let request = request.header("content-type", "multipart/form-data; boundary=x").body(body);
    request.send().await.expect("an answer").json().await.expect("JSON")
}

#[tokio::test]
async fn a_picture_is_uploaded_and_served_to_the_page() {
    let office = Office::open().await;
    let said = upload(&office, "image", "chart.png", PICTURE).await;
    let id = said["media_id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with('@') && said["errcode"] == 0 && said["type"] == "image", "{said}");
    let answer = raw().get(office.url(&format!("/simulator/media/{}", encoded(&id)))).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().expect("text")), (200, "image/png"));
    assert_eq!(answer.bytes().await.expect("bytes"), PICTURE);
    for (kind, name, bytes) in
        [("image", "chart.svg", PICTURE), ("image", "chart.png", b"<html>".as_slice()), ("picture", "chart.png", PICTURE)]
    {
        assert_eq!(upload(&office, kind, name, bytes).await["errcode"], 40004, "{kind} {name}");
    }
    let large = vec![0; 2 * 1024 * 1024 + 1];
    assert_eq!(upload(&office, "voice", "a.mp3", &large).await["errcode"], 40009);
}

#[tokio::test]
async fn twenty_calls_a_second_of_one_api_are_answered() {
    let office = Office::open().await;
    for _ in 0..20 {
        office.send(&["user02"]).await;
    }
    let refused = office.refused(SEND, markdown(&["user02"])).await;
    assert_eq!(refused, (403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi".into()));
    assert_eq!(office.old("/topapi/v2/user/getbymobile", json!({ "mobile": "13800000001" })).await["errcode"], 0);
    office.clock.advance(TimeDelta::seconds(1));
    office.send(&["user02"]).await;
    assert_eq!(office.simulator.month_use().1, 21, "a call that is refused for its frequency does not count");
}

#[tokio::test]
async fn the_months_calls_are_counted_over_all() {
    let office = Office::with(|settings| settings.api_quota = Some(2)).await;
    office.send(&["user02"]).await;
    office.old(ASYNC, notification("user02", "x")).await;
    assert_eq!(office.refused(SEND, markdown(&["user02"])).await, (403, "Forbidden.AccessDenied.ApiCountLimitForOrg".into()));
    assert_eq!(office.old(ASYNC, notification("user02", "y")).await["errcode"], 90020);
    office.clock.advance(TimeDelta::days(31));
    let token = office.new_token().await;
    assert_eq!(office.ask(Method::POST, SEND, Some(&token), &markdown(&["user02"])).await.0, 200);
}

#[tokio::test]
async fn misbehaviour_is_ordered_for_one_path_or_for_all() {
    let office = Office::open().await;
    let order =
        async |body: Value| raw().post(office.url("/simulator/faults")).json(&body).send().await.expect("an answer").status().as_u16();
    assert_eq!(order(json!({ "app": APP, "api": ASYNC, "fault": { "errcode": -1 } })).await, 204);
    assert_eq!(order(json!({ "app": APP, "fault": { "code": { "status": 500, "code": "system.error" } }, "times": 2 })).await, 204);
    assert_eq!(order(json!({ "app": APP, "fault": "ban" })).await, 404);
    assert_eq!(order(json!({ "app": "nobody", "fault": "hang" })).await, 404);
    for _ in 0..2 {
        assert_eq!(office.refused(SEND, markdown(&["user02"])).await, (500, "system.error".into()));
    }
    assert_eq!(office.old(ASYNC, notification("user02", "x")).await["errcode"], -1);
    office.send(&["user02"]).await;
}

#[tokio::test]
async fn every_misbehaviour_of_an_app_shows() {
    let office = Office::with(|settings| settings.hold = std::time::Duration::from_millis(20)).await;
    let body = markdown(&["user02"]);
    let request = || raw().post(office.url(SEND)).header("x-acs-dingtalk-access-token", &office.token).json(&body).send();
    let order = |fault| assert!(office.simulator.misbehave_app(APP, Some(SEND), fault, 1));
    order(Fault::NotGranted);
    let answer: Value = request().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer["code"], "Forbidden.AccessDenied.AccessTokenPermissionDenied");
    assert_eq!(answer["accessdenieddetail"]["requiredScopes"], json!(["qyapi_robot_sendmsg"]));
    order(Fault::ContentRefused);
    assert_eq!(request().await.expect("an answer").json::<Value>().await.expect("JSON")["code"], "contain.notAllowed.text");
    order(Fault::Status(504));
    assert_eq!(request().await.expect("an answer").status(), 504);
    for fault in [Fault::Hang, Fault::Cut] {
        order(fault);
        assert!(request().await.is_err());
    }
    assert!(office.seen_by("user02").is_empty());
    for (n, fault) in [Fault::CutAfterAccept, Fault::TimeoutAfterAccept].into_iter().enumerate() {
        order(fault.clone());
        assert!(request().await.is_err());
        assert_eq!(office.seen_by("user02").len(), n + 1);
        assert_eq!(office.simulator.api_calls().last().map(|call| call.outcome.clone()), Some(ApiOutcome::Fault { fault, accepted: true }));
    }
    order(Fault::TokenExpired);
    assert_eq!(request().await.expect("an answer").json::<Value>().await.expect("JSON")["code"], "InvalidAuthentication");
    assert_ne!(office.new_token().await, office.token);
    let path = "/topapi/v2/user/getbymobile";
    let token = office.new_token().await;
    office.simulator.misbehave_app(APP, Some(path), Fault::NotGranted, 1);
    let (_, said) = office.ask(Method::POST, &format!("{path}?access_token={token}"), None, &json!({ "mobile": "1" })).await;
    assert_eq!(said["sub_code"], "60011");
}

#[tokio::test]
async fn secrets_are_not_recorded() {
    let office = Office::open().await;
    office.send(&["user02"]).await;
    office.get(&format!("/gettoken?appkey={APP}&appsecret={SECRET}")).await;
    let mut seen = String::new();
    for path in ["/simulator/api_calls", "/simulator/app_messages", "/simulator/calls", "/"] {
        seen += &raw().get(office.url(path)).send().await.expect("an answer").text().await.expect("a text");
    }
    assert!(seen.contains(SEND) && !seen.contains(SECRET) && !seen.contains(&office.token));
}
