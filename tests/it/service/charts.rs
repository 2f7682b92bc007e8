//! Charts on their way: drawn and kept with the delivery, found under an address that nobody can guess, gone in time; as numbers
//! where there is no address; and the past values that they are made of.

use super::house::{House, TOKEN, low_stock};
use axum::http::StatusCode;
use chrono::TimeDelta;
use rowbell::domain::row::Fingerprint;
use rowbell::notify::dingtalk::simulator::Fault;
use rowbell::web::{WebState, router};
use sqlx::{Connection, Row, SqliteConnection};

/// A report of `stock`, and its chart.
fn report(chart: &str) -> String {
    low_stock(&format!("[chart]\n{chart}")).replace("\"match\"\nkey = [\"sku\"]", "\"report\"").replace(" where qty < 10", "")
}

const BARS: &str = "kind = \"bar\"\nx = \"sku\"\ny = \"qty\"";
/// All keys are returned, so that each has a past before it fires.
const PAST: &str = "when = \"qty < 10\"\n[chart]\nkind = \"line\"\nvalue = \"qty\"\nthreshold = 10";

fn with_past() -> String {
    low_stock(PAST).replace(" where qty < 10", "")
}

async fn house(watcher: &str) -> House {
    let house =
        House::furnished(&[("stock", watcher)], |settings| settings, |_, _| "public_url = \"https://bell.example/in\"\n".into()).await;
    house.sql("insert into stock values ('茶叶', 12, '1'), ('咖啡', 30, '2')").await;
    house
}

fn last_text(house: &House) -> String {
    house.simulator.messages_of("warehouse").pop().expect("a message").text
}

/// The token in a message's picture.
fn token(text: &str) -> String {
    let (_, rest) = text.split_once("![](https://bell.example/in/pictures/").expect("a picture");
    rest.split_once(".png)").expect("its end").0.to_owned()
}

async fn state(house: &House) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}/state.db", house.folder.path().display())).await.expect("the store's file")
}

async fn count(house: &House, table: &'static str) -> i64 {
    let query = match table {
        "picture" => "select count(*) as n from picture",
        _ => "select count(*) as n from sample",
    };
    sqlx::query(query).fetch_one(&mut state(house).await).await.expect("a count").get("n")
}

/// What the service answers on a path.
pub(super) async fn get(house: &House, path: &str) -> (StatusCode, reqwest::header::HeaderMap, Vec<u8>) {
    let parts = house.engine.parts();
    let state = WebState {
        store: parts.store.clone(),
        metrics: parts.metrics.clone(),
        clock: parts.clock.clone(),
        timezone: parts.timezone,
        receivers: Vec::new(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its number");
    let server = tokio::spawn(async move { axum::serve(listener, router(state)).await });
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = client.get(format!("http://{address}{path}")).send().await.expect("an answer");
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.expect("a body").to_vec();
    server.abort();
    (status, headers, body)
}

#[tokio::test]
async fn a_report_links_to_its_picture_which_is_gone_in_time() {
    let house = house(&report(BARS)).await;
    house.step(0).await;
    let text = last_text(&house);
    let token = token(&text);
    assert!(token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit()), "{token}");
    assert!(text.find("![](").expect("a picture") < text.find("茶叶").expect("a row"), "{text}");

    let path = format!("/pictures/{token}.png");
    let (status, headers, body) = get(&house, &path).await;
    assert_eq!((status, &body[..8]), (StatusCode::OK, &b"\x89PNG\r\n\x1a\n"[..]));
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    assert_eq!((header("content-type").as_str(), header("x-content-type-options").as_str()), ("image/png", "nosniff"));
    assert!(header("content-security-policy").contains("default-src 'none'") && header("cache-control").contains("private"));

    let wrong = format!("/pictures/{}.png", token.replace(|c: char| c.is_ascii_digit(), "a"));
    let (bare, page) = (format!("/pictures/{token}"), format!("/pictures/{token}.html"));
    for path in
        [wrong.as_str(), &bare, &page, "/pictures/", "/pictures/.png", "/pictures/%00.png", "/pictures/..%2Frowbell.toml", "/pictures"]
    {
        assert_eq!(get(&house, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let refused = get(&house, &wrong).await.2;
    house.clock.advance(TimeDelta::days(30));
    let expired = get(&house, &path).await;
    assert_eq!((expired.0, expired.2), (StatusCode::NOT_FOUND, refused), "what has expired is as if it had never been");
    assert_eq!(count(&house, "picture").await, 1);
    let now = house.clock.now();
    house.engine.parts().store.purge(now - TimeDelta::days(90), now).await.expect("what is old is removed");
    assert_eq!(count(&house, "picture").await, 0);
    house.close().await;
}

#[tokio::test]
async fn every_attempt_shows_the_same_picture() {
    let house = house(&report(BARS)).await;
    house.simulator.misbehave(TOKEN, Fault::Status(502), 1);
    house.step(0).await;
    house.clock.advance(TimeDelta::seconds(60));
    house.engine.deliver_due().await.expect("the outbox is worked on");
    let calls: Vec<String> = house.simulator.messages_of("warehouse").iter().map(|message| token(&message.text)).collect();
    assert_eq!((calls.len(), count(&house, "picture").await), (1, 1));
    assert_eq!(get(&house, &format!("/pictures/{}.png", calls[0])).await.0, StatusCode::OK);
    house.close().await;
}

#[tokio::test]
async fn without_an_address_the_rows_are_not_told_twice_but_a_template_gets_the_numbers() {
    let house = House::new(&[("stock", &report(BARS))]).await;
    house.sql("insert into stock values ('tea', 1200, '1'), ('coffee', null, '2')").await;
    house.step(0).await;
    let text = last_text(&house);
    assert_eq!((text.matches("tea").count(), text.contains("![](")), (1, false), "{text}");
    let own = report(&format!("{BARS}\n[message]\nbody = \"stock of the day\""));
    house.set_watchers(&[("stock", &own)]).await;
    house.step(60).await;
    let text = last_text(&house);
    assert!(text.contains("stock of the day\n\n- coffee: NULL\n- tea: 1,200"), "{text}");
    assert_eq!(count(&house, "picture").await, 0);
    house.close().await;
}

#[tokio::test]
async fn a_chart_that_cannot_be_made_stops_no_message_and_is_recorded() {
    let house = house(&report("kind = \"bar\"\nx = \"sku\"\ny = \"colour\"")).await;
    house.step(0).await;
    let text = last_text(&house);
    assert!(text.contains("茶叶") && !text.contains("![]("), "{text}");
    let poll = house.last_poll().await;
    assert_eq!(
        (poll.outcome.as_str(), poll.warnings),
        ("ok", vec!["the chart was left out: the result has no column `colour`".to_owned()])
    );
    house.close().await;
}

#[tokio::test]
async fn the_past_of_a_key_is_drawn_when_it_fires_and_told_in_numbers_elsewhere() {
    let house = House::new(&[("stock", &with_past())]).await;
    house.sql("insert into stock values ('tea', 30, '1'), ('coffee', 40, '1')").await;
    house.step(0).await;
    for stock in [25, 18] {
        house.sql(&format!("update stock set qty = {stock} where sku = 'tea'")).await;
        house.step(60).await;
    }
    house.sql("update stock set qty = null where sku = 'tea'").await;
    house.step(60).await;
    house.sql("update stock set qty = 7 where sku = 'tea'").await;
    house.step(60).await;
    let text = last_text(&house);
    assert!(text.contains("- qty · sku tea: 30 → 25 → 18 → 7\n"), "{text}");
    assert_eq!(count(&house, "sample").await, 10);
    house.close().await;
}

#[tokio::test]
async fn the_first_message_of_a_key_without_a_past_has_no_picture() {
    let house = house(&low_stock("[chart]\nkind = \"line\"\nvalue = \"qty\"")).await;
    house.sql("insert into stock values ('牛奶', 2, '1')").await;
    house.step(0).await;
    assert!(!last_text(&house).contains("![]("));
    house.close().await;
}

#[tokio::test]
async fn only_the_last_samples_of_a_key_are_kept_and_none_of_a_poll_that_failed() {
    let house = House::new(&[("stock", &with_past())]).await;
    house.sql("insert into stock values ('tea', 30, '1')").await;
    for _ in 0..300 {
        house.step(60).await;
    }
    assert_eq!(count(&house, "sample").await, 288);
    house.sql("alter table stock rename to hidden").await;
    house.step(60).await;
    assert_eq!(count(&house, "sample").await, 288);
    house.sql("alter table hidden rename to stock; delete from stock").await;
    house.step(60).await;
    assert_eq!(count(&house, "sample").await, 288, "a key that is not returned has no sample, not a zero");
    let row = sqlx::query("select fingerprint from sample limit 1").fetch_one(&mut state(&house).await).await.expect("a sample");
    let key = Fingerprint::parse(row.get("fingerprint")).expect("a key");
    let past = house.engine.parts().store.past(vec![key]).await.expect("the past is read");
    assert!(
        past[&key].windows(2).all(|pair| pair[0].at < pair[1].at) && past[&key].iter().all(|sample| sample.value.as_deref() == Some("30"))
    );
    house.clock.advance(TimeDelta::days(8));
    let now = house.clock.now();
    house.engine.parts().store.purge(now - TimeDelta::days(90), now).await.expect("what is old is removed");
    assert_eq!(count(&house, "sample").await, 0);
    house.engine.parts().store.close().await;
    house.simulator.stop().await;
}
