//! People and groups of an app through the whole service: who is reached, who is not, who has read it, what is taken back.

use super::house::{House, low_stock};
use chrono::TimeDelta;
use rowbell::notify::dingtalk::simulator::{AppMessage, Fault, Place, SimulatedApp};
use rowbell::store::DeliveryLine;

pub const CLIENT: &str = "dingabcdefghijklmnop";
pub const PEOPLE: &str = "/v1.0/robot/oToMessages/batchSend";
const GROUP: &str = "/v1.0/robot/groupMessages/send";
const MOBILE: &str = "/topapi/v2/user/getbymobile";

/// The organisation of the tests: forty people, one with a mobile number, and a group.
pub fn organisation() -> SimulatedApp {
    let app = SimulatedApp::new(CLIENT, "s3cret", "Rowbell")
        .with_person("manager", "13800000001", "Manager")
        .with_conversation("cid+1/==", "Duty");
    (0..40).fold(app, |app, n| app.with_person(&format!("u{n:02}"), "", &format!("Person {n}")))
}

/// A house whose watcher tells the app `duty`, which has these settings.
pub async fn house(own: &str, watcher: &str) -> House {
    let own = own.to_owned();
    let watchers = [("stock", watcher)];
    House::furnished(
        &watchers,
        |settings| settings.with_app(organisation()),
        move |simulator, _| {
            format!(
                "[receivers.duty]\ntype = \"dingtalk_app\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"s3cret\"\napi_url = \"{0}\"\noapi_url = \"{0}\"\n{own}\n",
                simulator.api_url()
            )
        },
    )
    .await
}

/// The watcher on `stock`, told to the app.
pub fn watcher() -> String {
    low_stock("").replace("\"warehouse\"", "\"duty\"")
}

fn users(count: usize) -> String {
    format!("users = [{}]", (0..count).map(|n| format!("\"u{n:02}\"")).collect::<Vec<_>>().join(", "))
}

fn at(house: &House, user: &str) -> Vec<AppMessage> {
    house.simulator.app_messages_in(&Place::User(user.to_owned()))
}

async fn delivery(house: &House) -> DeliveryLine {
    house.engine.parts().store.deliveries(false, 1).await.expect("the deliveries are read").remove(0)
}

fn calls(house: &House, api: &str) -> usize {
    house.simulator.api_calls().iter().filter(|call| call.api == api).count()
}

#[tokio::test]
async fn people_numbers_and_a_group_are_reached_and_who_is_unknown_is_told() {
    let own = "users = [\"u01\", \"ghost\"]\nmobiles = [\"13800000001\", \"13899999999\"]\nconversations = [\"cid+1/==\"]";
    let house = house(own, &watcher()).await;
    house.sql("insert into stock values ('A', 3, '1')").await;
    house.step(60).await;
    let delivery = delivery(&house).await;
    let targets: Vec<String> = delivery.targets.iter().map(|target| format!("{} {}", target.target, target.state)).collect();
    assert_eq!(targets, ["cid+1/== delivered", "13899999999 refused", "ghost refused", "manager delivered", "u01 delivered"]);
    assert_eq!(delivery.state, "delivered");
    assert_eq!(at(&house, "u01").len(), 1);
    assert!(at(&house, "manager")[0].text.contains("**sku A**"), "{}", at(&house, "manager")[0].text);
    assert_eq!(house.simulator.app_messages_in(&Place::Conversation("cid+1/==".into())).len(), 1);
    // The number is known from now on; the unknown one is asked for again, because people are hired.
    house.sql("update stock set qty = 20").await;
    house.step(60).await;
    assert_eq!(calls(&house, MOBILE), 3);
    house.close().await;
}

#[tokio::test]
async fn a_crash_between_two_batches_repeats_nothing_to_those_who_were_reached() {
    let mut house = house(&users(30), &watcher()).await;
    house.sql("insert into stock values ('A', 3, '1')").await;
    house.clock.advance(TimeDelta::seconds(60));
    house.engine.tick().await;
    house.engine.deliver_next("duty").await.expect("an attempt");
    assert_eq!((at(&house, "u19").len(), at(&house, "u20").len()), (1, 0));
    house.restart(&[("stock", &watcher())]).await;
    house.step(1).await;
    let counts: Vec<usize> = (0..30).map(|n| at(&house, &format!("u{n:02}")).len()).collect();
    assert_eq!(counts, [1; 30]);
    assert_eq!(delivery(&house).await.attempts, 2);
    house.close().await;
}

#[tokio::test]
async fn who_is_held_up_gets_it_a_minute_later_and_nobody_twice() {
    let house = house(&users(3), &watcher()).await;
    house.simulator.misbehave_app(CLIENT, Some(PEOPLE), Fault::FlowControlledUsers(vec!["u01".into()]), 2);
    house.sql("insert into stock values ('A', 3, '1')").await;
    house.step(60).await;
    assert_eq!((at(&house, "u00").len(), at(&house, "u01").len(), at(&house, "u02").len()), (1, 0, 1));
    assert_eq!(delivery(&house).await.state, "pending");
    house.step(61).await;
    assert_eq!((at(&house, "u00").len(), at(&house, "u01").len(), at(&house, "u02").len()), (1, 1, 1));
    house.close().await;
}

#[tokio::test]
async fn a_token_that_ends_costs_no_message() {
    let house = house(&users(1), &watcher()).await;
    house.sql("insert into stock values ('A', 3, '1')").await;
    house.step(60).await;
    house.simulator.misbehave_app(CLIENT, Some(PEOPLE), Fault::TokenExpired, 1);
    house.sql("insert into stock values ('B', 3, '1')").await;
    house.step(60).await;
    assert_eq!(at(&house, "u00").len(), 2);
    assert_eq!(delivery(&house).await.attempts, 1);
    house.close().await;
}

#[tokio::test]
async fn forty_cards_leave_at_twenty_calls_a_second() {
    let house = house(&format!("{}\nform = \"card\"", users(40)), &watcher()).await;
    house.sql("insert into stock values ('A', 3, '1')").await;
    house.step(60).await;
    assert_eq!(house.simulator.app_messages().len(), 20);
    assert_eq!(house.waiting().await, 1);
    house.step(2).await;
    assert_eq!(house.simulator.app_messages().len(), 40);
    let refused = house
        .simulator
        .api_calls()
        .iter()
        .filter(|call| !matches!(call.outcome, rowbell::notify::dingtalk::simulator::ApiOutcome::Accepted))
        .count();
    assert_eq!(refused, 0);
    house.close().await;
}

#[tokio::test]
async fn who_has_read_it_is_asked_gently_and_shown() {
    let house = house("users = [\"u00\", \"u01\"]\nconversations = [\"cid+1/==\"]", &watcher()).await;
    house.sql("insert into stock values ('A', 3, '1')").await;
    house.step(60).await;
    assert!(house.simulator.read("u01", &Place::User("u01".into())));
    house.engine.follow_up().await.expect("a look");
    assert!(house.history().await[0].deliveries[0].read_by.is_empty(), "it is too early to ask");
    house.clock.advance(TimeDelta::minutes(1));
    house.engine.follow_up().await.expect("a look");
    house.engine.follow_up().await.expect("a look");
    assert_eq!(house.history().await[0].deliveries[0].read_by, ["u01"]);
    assert!(house.simulator.read("u00", &Place::Conversation("cid+1/==".into())));
    house.clock.advance(TimeDelta::minutes(4));
    house.engine.follow_up().await.expect("a look");
    let mut read_by = house.history().await[0].deliveries[0].read_by.clone();
    read_by.sort();
    assert_eq!(read_by, ["u00", "u01"]);
    for _ in 0..200 {
        house.clock.advance(TimeDelta::minutes(10));
        house.engine.follow_up().await.expect("a look");
    }
    let asked = calls(&house, "/v1.0/robot/oToMessages/readStatus");
    assert_eq!(asked, 6, "u00 has not read the message to people: it is asked about until the 23rd hour and no more");
    let (_, api) = house.simulator.month_use();
    let used = sqlx::query_scalar::<_, i64>("select used from month_use where kind = 'api'");
    let file = format!("sqlite://{}/state.db", house.folder.path().display());
    let used = used.fetch_one(&sqlx::SqlitePool::connect(&file).await.expect("the store")).await.expect("a count");
    assert_eq!(used, i64::from(api), "every call that counts is counted");
    house.close().await;
}

#[tokio::test]
async fn when_the_month_runs_out_nobody_is_asked_who_has_read_what() {
    let house = house("users = [\"u00\"]\n[organisations.main]\napi_quota = 5", &watcher()).await;
    for sku in ["A", "B", "C", "D"] {
        house.sql(&format!("insert into stock values ('{sku}', 3, '1')")).await;
        house.step(60).await;
    }
    house.clock.advance(TimeDelta::minutes(2));
    house.engine.follow_up().await.expect("a look");
    assert_eq!(calls(&house, "/v1.0/robot/oToMessages/readStatus"), 0);
    assert_eq!(at(&house, "u00").len(), 4);
    house.close().await;
}

#[tokio::test]
async fn a_message_is_taken_back_when_all_it_told_is_over_and_the_end_stays() {
    let own = "users = [\"u00\"]\nconversations = [\"cid+1/==\"]\nrecall_resolved = true";
    let house = house(own, &watcher()).await;
    house.sql("insert into stock values ('A', 3, '1'), ('B', 3, '1')").await;
    house.step(60).await;
    house.sql("update stock set qty = 20 where sku = 'A'").await;
    house.step(60).await;
    house.engine.follow_up().await.expect("a look");
    assert!(at(&house, "u00").iter().all(|message| message.recalled_at.is_none()), "B fires still");
    house.sql("update stock set qty = 20").await;
    house.step(60).await;
    house.engine.follow_up().await.expect("a look");
    let recalled: Vec<bool> = at(&house, "u00").iter().map(|message| message.recalled_at.is_some()).collect();
    assert_eq!(recalled, [true, false, false]);
    let group = house.simulator.app_messages_in(&Place::Conversation("cid+1/==".into()));
    assert_eq!(group.iter().filter(|message| message.recalled_at.is_some()).count(), 1);
    house.close().await;
}

#[tokio::test]
async fn what_is_over_after_a_day_cannot_be_taken_back_and_is_not_tried() {
    let house = house("users = [\"u00\"]\nrecall_resolved = true", &watcher()).await;
    house.sql("insert into stock values ('A', 3, '1')").await;
    house.step(60).await;
    house.sql("update stock set qty = 20").await;
    house.step(25 * 3600).await;
    house.engine.follow_up().await.expect("a look");
    assert_eq!(calls(&house, "/v1.0/robot/otoMessages/batchRecall"), 0);
    house.close().await;
}

#[tokio::test]
async fn an_app_that_reaches_nobody_holds_and_says_why() {
    let house = house("users = [\"ghost\"]", &watcher()).await;
    house.sql("insert into stock values ('A', 3, '1')").await;
    house.step(60).await;
    let delivery = delivery(&house).await;
    insta::assert_snapshot!(delivery.held.expect("a reason"), @"nobody was reached; ghost: there is no such person in the organisation: set `users`, `mobiles` and `conversations` of this receiver to people and groups that there are");
    assert!(delivery.targets.is_empty(), "when the person is there, the message goes to them");
    assert_eq!(calls(&house, GROUP), 0);
}

#[tokio::test]
async fn a_receiver_that_reaches_nobody_does_not_hold_another_of_its_app() {
    let both = watcher().replace("\"duty\"", "\"duty\", \"other\"");
    let house = House::furnished(
        &[("stock", both.as_str())],
        |settings| settings.with_app(organisation()),
        |simulator, _| {
            let app = format!(
                "type = \"dingtalk_app\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"s3cret\"\napi_url = \"{0}\"\noapi_url = \"{0}\"\n",
                simulator.api_url()
            );
            format!("[receivers.duty]\n{app}users = [\"ghost\"]\n[receivers.other]\n{app}users = [\"u00\"]\n")
        },
    )
    .await;
    for sku in ["A", "B"] {
        house.sql(&format!("insert into stock values ('{sku}', 3, '1')")).await;
        house.step(60).await;
    }
    assert_eq!(at(&house, "u00").len(), 2);
}

#[tokio::test]
async fn what_could_not_be_taken_back_is_not_said_to_be() {
    let house = house("users = [\"u00\"]\nrecall_resolved = true", &watcher()).await;
    house.simulator.misbehave_app(CLIENT, Some("/v1.0/robot/otoMessages/batchRecall"), Fault::NotGranted, 1);
    house.sql("insert into stock values ('A', 3, '1')").await;
    house.step(60).await;
    house.sql("update stock set qty = 20").await;
    house.step(60).await;
    for _ in 0..2 {
        house.engine.follow_up().await.expect("a look");
    }
    let told = house.engine.parts().store.deliveries(false, 10).await.expect("deliveries");
    assert!(told.iter().flat_map(|delivery| &delivery.targets).all(|target| target.recalled_at.is_none()));
    assert_eq!(calls(&house, "/v1.0/robot/otoMessages/batchRecall"), 1);
    house.close().await;
}

#[tokio::test]
async fn a_ding_and_a_work_notification_arrive_as_such() {
    use rowbell::notify::dingtalk::simulator::Form;
    for (form, expected) in [("ding_phone", Form::DingPhone), ("ding", Form::Ding), ("work_notification", Form::WorkNotification)] {
        let house = house(&format!("users = [\"u00\"]\nform = \"{form}\"\nagent_id = 1000001"), &watcher()).await;
        house.sql("insert into stock values ('A', 3, '1')").await;
        house.step(60).await;
        house.sql("update stock set qty = 20").await;
        house.step(60).await;
        assert_eq!(at(&house, "u00").iter().map(|message| message.form).collect::<Vec<_>>(), [expected, expected]);
        house.simulator.read("u00", &Place::User("u00".into()));
        house.clock.advance(TimeDelta::minutes(1));
        house.engine.follow_up().await.expect("a look");
        assert_eq!(house.history().await[1].deliveries[0].read_by, ["u00"], "{form}");
        house.close().await;
    }
}
