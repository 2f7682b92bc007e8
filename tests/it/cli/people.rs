//! `ack`, `silence` and `release`: what a person says is written beside whatever the service does, and answered in words.

use super::house::{House, LOW_STOCK, Said};
use chrono::{DateTime, Utc};
use rowbell::store::{Store, WatcherState};
use serde_json::{Value as Json, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use std::process::Stdio;

/// How often a test looks for what comes within moments.
const LOOKS: usize = 200_000;

/// Two products fire: 1 is A-17 (warning), 2 is B-2 (critical).
async fn firing() -> House {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    house.rowbell(&["poll"]).exit(0);
    house
}

fn as_user(house: &House, user: &[(&str, &str)], arguments: &[&str]) -> Said {
    let mut command = house.command(arguments);
    command.env_remove("USER").env_remove("LOGNAME").envs(user.iter().copied());
    Said::new(arguments, command.output().expect("the program runs"))
}

fn alert(house: &House, sku: &str) -> Json {
    let lines = house.rowbell(&["alerts", "--json"]).exit(0).json();
    lines.into_iter().find(|line| line["key"]["sku"] == sku).expect("it is listed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_taken_by_a_person_with_a_note_and_that_is_seen_everywhere() {
    let house = firing().await;
    let said = house.rowbell(&["ack", "1", "--by", "wang", "--note", "the supplier is called", "--json"]).exit(0);
    let [line] = &said.json()[..] else { panic!("one line") };
    assert_eq!(
        (&line["id"], &line["watcher"], &line["key"], &line["event"]),
        (&json!(1), &json!("low_stock"), &json!({ "sku": "A-17" }), &json!(3))
    );
    let taken = &alert(&house, "A-17")["acknowledged"];
    assert_eq!((taken, &line["before"]), (&line["acknowledged"], &Json::Null));
    assert_eq!((&taken["by"], &taken["note"]), (&json!("wang"), &json!("the supplier is called")));
    assert_eq!(alert(&house, "B-2")["acknowledged"], Json::Null);
    house.rowbell(&["alerts"]).exit(0).out_has("acknowledged by wang").out_has(": the supplier is called");
    let history = house.rowbell(&["history", "--event", "acknowledged", "--json"]).exit(0).json();
    assert_eq!((history.len(), &history[0]["id"], &history[0]["reason"]), (1, &json!(3), &json!("by wang: the supplier is called")));
    // Any event of the alert stands for it; the same word again is none.
    house.rowbell(&["ack", "3", "--by", "li"]).exit(0).out_has("acknowledged by li, who takes it over from wang");
    house.rowbell(&["ack", "1", "--by", "li"]).exit(0).out_has("already");
    assert_eq!(house.rowbell(&["history", "--event", "acknowledged", "--json"]).json().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_it_is_the_operating_systems_user_unless_another_is_named() {
    let house = firing().await;
    let by = |said: Said| said.exit(0).json()[0]["acknowledged"]["by"].clone();
    let ack = ["ack", "1", "--json"];
    assert_eq!(by(as_user(&house, &[("LOGNAME", "login")], &ack)), "login");
    assert_eq!(by(as_user(&house, &[("LOGNAME", "login"), ("USER", "user")], &ack)), "user");
    assert_eq!(by(as_user(&house, &[("USER", "user"), ("ROWBELL_USER", "王伟")], &ack)), "王伟");
    assert_eq!(by(as_user(&house, &[("ROWBELL_USER", "王伟")], &["ack", "1", "--json", "--by", "li"])), "li");
    as_user(&house, &[("USER", "")], &ack).exit(2).err_has("who are you?").err_has("ROWBELL_USER");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_taken_is_told_and_the_others_are_taken() {
    let house = firing().await;
    house.sql("update products set stock = 50 where sku = 'B-2'").await;
    house.rowbell(&["poll"]).exit(0);
    house
        .rowbell(&["ack", "2", "1", "--by", "wang"])
        .exit(1)
        .err_has("2 (low_stock · sku B-2) is over since ")
        .out_has("sku A-17: acknowledged");
    house.rowbell(&["ack", "999", "2", "--by", "wang"]).exit(2).err_has("there is no event 999").err_has("is over since");
    house.sql("update products set stock = 0 where sku = 'B-2'").await;
    house.rowbell(&["poll"]).exit(0);
    house.rowbell(&["ack", "2", "--by", "wang"]).exit(1).err_has("it fires again as 5: `rowbell ack 5`");
    house.sql("alter table products rename to gone").await;
    for _ in 0..3 {
        house.rowbell(&["poll"]).exit(1);
    }
    house.rowbell(&["ack", "6", "--by", "wang"]).exit(2).err_has("6 is `watcher_failed` of low_stock");
    house.rowbell(&["ack", "1", "--by", "wang", "--note", " "]).exit(2).err_has("--note says nothing");
    house.rowbell(&["ack", "1", "--by", "wang", "--note", &"x".repeat(501)]).exit(2).err_has("501 characters");
    house.rowbell(&["ack", "x"]).exit(2);
    house.rowbell(&["ack"]).exit(2);
    let fresh = House::new().await;
    fresh.rowbell(&["ack", "1", "--by", "wang"]).exit(2).err_has("there is no event 1");
    assert_eq!(fresh.files(), ["rowbell.toml", "shop.db", "watchers"], "nothing is created");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pending_is_listed_last_with_what_it_waits_for_and_cannot_be_taken() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    house.watcher("soon", &LOW_STOCK.replace("key =", "for = \"10m\"\nkey ="));
    house.watcher("thrice", &LOW_STOCK.replace("key =", "for = 3\nkey ="));
    house.rowbell(&["poll"]).exit(0);
    let lines = house.rowbell(&["alerts", "--json"]).exit(0).json();
    let shown: Vec<String> =
        lines.iter().map(|line| format!("{} {} {} {}", line["watcher"], line["status"], line["id"], line["waits_for"])).collect();
    let expected = [
        "\"low_stock\" \"firing\" 1 null",
        "\"low_stock\" \"firing\" 2 null",
        "\"thrice\" \"pending\" null \"3 polls\"",
        "\"thrice\" \"pending\" null \"3 polls\"",
        "\"soon\" \"pending\" null \"10m\"",
        "\"soon\" \"pending\" null \"10m\"",
    ];
    assert_eq!(shown, expected);
    house.rowbell(&["alerts"]).exit(0).out_has("pending: fires when it has held for 10m").out_has("pending: found by 1 of 3 polls");
    // A key that has fired before has a number, which is that of its former life.
    house.sql("update products set stock = 50").await;
    house.rowbell(&["poll"]).exit(0);
    house.watcher("low_stock", &LOW_STOCK.replace("key =", "for = \"10m\"\nkey ="));
    house.sql("update products set stock = 0").await;
    house.rowbell(&["poll"]).exit(0);
    house.rowbell(&["ack", "1", "--by", "wang"]).exit(1).err_has("is pending since").err_has("it can be acknowledged when it fires");
}

/// The shop, locked against every reader until the connection is closed.
async fn locked(house: &House) -> SqliteConnection {
    let mut shop = SqliteConnectOptions::new().filename(house.path("shop.db")).connect().await.expect("the shop opens");
    sqlx::raw_sql("begin exclusive").execute(&mut shop).await.expect("the lock");
    shop
}

async fn state(store: &Store) -> WatcherState {
    store.watcher_states().await.expect("states").remove(0)
}

/// Waits until a poll has its claim.
async fn claimed(house: &House) {
    let options = SqliteConnectOptions::new().filename(house.path("rowbell.db")).read_only(true);
    let mut store = options.connect().await.expect("the store opens");
    for _ in 0..LOOKS {
        if sqlx::query("select 1 from watcher_state where owner is not null").fetch_optional(&mut store).await.expect("an answer").is_some()
        {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("no poll has begun");
}

/// Waits until another poll has been completed.
async fn polled_since(store: &Store, last: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    for _ in 0..LOOKS {
        let now = state(store).await.last_poll_at;
        if now != last {
            return now;
        }
        tokio::task::yield_now().await;
    }
    panic!("no poll was completed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_taken_while_the_service_polls_is_not_lost_and_stops_its_reminders() {
    let house = House::new().await;
    house.watcher("low_stock", &LOW_STOCK.replace("5m", "1s").replace("key =", "repeat_interval = \"1s\"\nkey ="));
    let mut service = house.run();
    service.wait_for("delivered");
    let store = Store::open(&format!("sqlite://{}", house.path("rowbell.db").display())).await.expect("the store");
    let mut shop = locked(&house).await;
    claimed(&house).await;
    let before = state(&store).await;
    house.rowbell(&["ack", "1", "2", "--by", "wang"]).exit(0);
    assert_eq!(state(&store).await.last_poll_at, before.last_poll_at, "the poll that was claimed before is still under way");
    sqlx::raw_sql("rollback").execute(&mut shop).await.expect("the lock is given back");
    // Whatever that poll has still told, the ones after it remind of nothing.
    let mut last = before.last_poll_at;
    for _ in 0..3 {
        last = polled_since(&store, last).await;
    }
    let lines = house.rowbell(&["history", "--json"]).exit(0).json();
    let taken = lines.iter().position(|line| line["event"] == "acknowledged").expect("the newest");
    let after: Vec<&Json> = lines[..taken].iter().filter(|line| line["event"] == "repeated").collect();
    let polls_after: std::collections::BTreeSet<String> = after.iter().map(|line| line["poll"].to_string()).collect();
    assert!(polls_after.len() <= 1, "only the poll that was under way may have reminded: {after:?}");
    for sku in ["A-17", "B-2"] {
        assert_eq!(alert(&house, sku)["acknowledged"]["by"], "wang", "{sku}");
    }
    assert_eq!(service.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_is_made_listed_and_heeded_by_the_next_poll() {
    let house = firing().await;
    let said = house.rowbell(&[
        "silence",
        "add",
        "--watcher",
        "low_*",
        "--key",
        "sku=B-*",
        "--severity",
        "critical",
        "--receiver",
        "warehouse",
        "--for",
        "2h",
        "--reason",
        "stocktaking",
        "--by",
        "wang",
        "--json",
    ]);
    let line = said.exit(0).json().remove(0);
    let keys: Vec<&str> = line.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["id", "author", "reason", "watcher", "key", "severity", "receiver", "starts_at", "ends_at", "state"]);
    assert_eq!((&line["id"], &line["key"], &line["state"]), (&json!(1), &json!({ "sku": "B-*" }), &json!("active")));
    assert_eq!(house.rowbell(&["silence", "list", "--json"]).exit(0).json(), [line]);
    house.rowbell(&["silence", "list"]).exit(0).out_has("low_* · sku B-* · critical · to warehouse").out_has("stocktaking");
    let covered = |sku: &str| (alert(&house, sku)["silenced"].clone(), alert(&house, sku)["silences"].clone());
    assert_eq!((covered("B-2"), covered("A-17")), ((json!(true), json!([1])), (json!(false), json!([]))));
    house.rowbell(&["alerts"]).exit(0).out_has("silenced").out_has("covered by silence 1");
    house.sql("update products set stock = 50").await;
    house.rowbell(&["poll"]).exit(0);
    assert_eq!(house.simulator.messages().len(), 2, "the end of A-17 is told");
    let resolved = house.rowbell(&["history", "--event", "resolved", "--key", "sku=B-2", "--json"]).exit(0).json();
    assert_eq!((&resolved[0]["silenced"], &resolved[0]["deliveries"]), (&json!(true), &json!([])));
    house.rowbell(&["silence", "expire", "1"]).exit(0).out_has("silence 1 has ended");
    assert_eq!(house.simulator.messages().len(), 2);
    house.rowbell(&["poll"]).exit(0);
    let messages = house.simulator.messages();
    let last = &messages.last().expect("a message").text;
    assert!(
        messages.len() == 3 && last.contains("The silence has ended (stocktaking)") && last.contains("B-2") && !last.contains("A-17"),
        "{last}"
    );
    house.rowbell(&["silence", "list"]).exit(0).err_has("no silence is in force");
    house.rowbell(&["silence", "list", "--all"]).exit(0).out_has("expired");
    house.rowbell(&["silence", "expire", "1"]).exit(1).err_has("silence 1 ended at");
    house.rowbell(&["silence", "expire", "1", "9"]).exit(2).err_has("there is no silence 9");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_that_cannot_be_meant_is_refused_and_one_that_may_be_a_slip_is_made_with_a_warning() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    let add = |arguments: &[&str]| house.rowbell(&[&["silence", "add", "--by", "wang", "--reason", "x"], arguments].concat());
    add(&["--for", "2h"]).exit(2).err_has("would cover everything").err_has("--all-watchers");
    add(&["--all-watchers"]).exit(2).err_has("--until").err_has("--for");
    add(&["--all-watchers", "--for", "2h", "--until", "18:00"]).exit(2);
    add(&["--all-watchers", "--watcher", "w", "--for", "2h"]).exit(2);
    add(&["--all-watchers", "--until", "2020-01-01"]).exit(2).err_has("is not after its start");
    add(&["--all-watchers", "--from", "2020-01-01", "--until", "2020-01-02"]).exit(2).err_has("this silence ended at 2020-01-03 00:00:00");
    add(&["--all-watchers", "--from", "2h", "--for", "0s"]).exit(2).err_has("is not after its start");
    add(&["--all-watchers", "--until", "tomorrow"]).exit(2).err_has("--until: `tomorrow` is not a time");
    add(&["--key", "sku", "--for", "2h"]).exit(2).err_has("COLUMN=PATTERN");
    add(&["--key", "sku=A", "--key", "SKU=B", "--for", "2h"]).exit(2).err_has("twice");
    add(&["--severity", "fatal", "--for", "2h"]).exit(2).err_has("info, warning, critical");
    house.rowbell(&["silence", "add", "--watcher", "w", "--for", "2h", "--by", "wang"]).exit(2).err_has("--reason");
    assert_eq!(house.files(), ["rowbell.toml", "shop.db", "watchers"], "nothing is created");
    add(&["--watcher", "low_stok", "--for", "2h"]).exit(0).err_has("no watcher is named like `low_stok`; did you mean `low_stock`?");
    add(&["--receiver", "warehose", "--for", "2h"]).exit(0).err_has("is not in the settings; did you mean `warehouse`?");
    for quiet in [
        &["--all-watchers", "--until", "2099-01-01"][..],
        &["--watcher", "*_stock", "--receiver", "warehouse", "--from", "22:00", "--until", "06:00"],
    ] {
        assert_eq!(add(quiet).exit(0).err, "", "{quiet:?}");
    }
    let lines = house.rowbell(&["silence", "list", "--json"]).exit(0).json();
    assert_eq!((&lines[1]["ends_at"], lines.len()), (&json!("2099-01-01T16:00:00.000Z"), 4), "a day with all its hours, in Shanghai");
    let night = |field: &str| lines[0][field].as_str().expect("a time")[11..16].to_owned();
    assert_eq!((night("starts_at"), night("ends_at")), ("14:00".to_owned(), "22:00".to_owned()));
    house.rowbell(&["silence", "expire", "3"]).exit(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_needs_no_secret_and_may_be_made_before_the_first_poll() {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    house.settings("secret = \"${NOT_SET}\"\n");
    let add =
        ["silence", "add", "--watcher", "low_stock", "--receiver", "warehouse", "--for", "2h", "--reason", "first day", "--by", "wang"];
    assert_eq!(house.rowbell(&add).exit(0).out_has("0 alerts that fire now are covered").err, "");
    house.settings("");
    house.rowbell(&["poll"]).exit(0);
    assert_eq!((house.simulator.messages().len(), house.rowbell(&["alerts", "--json"]).json().len()), (0, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_running_service_tells_the_end_of_a_silence_that_a_person_ends() {
    let house = House::new().await;
    house.watcher("low_stock", &LOW_STOCK.replace("5m", "1s"));
    let add = ["silence", "add", "--watcher", "low_stock", "--for", "2h", "--reason", "stocktaking", "--by", "wang"];
    house.rowbell(&add).exit(0);
    let mut service = house.run();
    service.wait_for("polled");
    assert_eq!(house.simulator.messages().len(), 0);
    house.rowbell(&["silence", "expire", "1"]).exit(0);
    service.wait_for("digests were made");
    service.wait_for("delivered");
    let text = house.simulator.messages().remove(0).text;
    assert!(text.contains("2 still firing") && text.contains("龙井茶") && text.contains("铁观音"), "{text}");
    assert_eq!(service.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_the_guard_holds_is_released_by_name() {
    let house = House::new().await;
    house.watcher("low_stock", &LOW_STOCK.replace("key =", "guard = { vanished = 1 }\nkey ="));
    house.rowbell(&["release", "low_stock"]).exit(2).err_has("there is no watcher").err_has("nothing has been recorded yet");
    house.rowbell(&["poll"]).exit(0);
    house.rowbell(&["release", "low_stock"]).exit(1).err_has("no result of `low_stock` is held").err_has("its last poll").out_is_empty();
    house.rowbell(&["release", "low_stok"]).exit(2).err_has("did you mean `low_stock`?");
    house.watcher("unpolled", LOW_STOCK);
    house.rowbell(&["release", "unpolled"]).exit(1).err_has("it has not been polled yet");
    house.sql("update products set stock = 50").await;
    house.rowbell(&["poll", "low_stock"]).exit(1).out_has("guard: 2 keys vanished at once, more than 1");
    house.rowbell(&["polls", "low_stock"]).exit(0).out_has("`rowbell release low_stock` takes the next result");
    house.rowbell(&["alerts"]).exit(0).err_has("the guard of `low_stock` holds its result").out_has("A-17");
    house
        .rowbell(&["release", "low_stock"])
        .exit(0)
        .out_has("low_stock on shop: the guard held 1 poll: 2 keys vanished at once, more than 1\n");
    let line = house.rowbell(&["release", "low_stock", "--json"]).exit(0).json().remove(0);
    assert_eq!(
        (&line["watcher"], &line["held_polls"], &line["reason"]),
        (&json!("low_stock"), &json!(1), &json!("2 keys vanished at once, more than 1"))
    );
    house.rowbell(&["poll", "low_stock"]).exit(0).out_has("resolved");
    house.rowbell(&["release", "low_stock"]).exit(1).err_has("no result of `low_stock` is held");
    let recovered = house.rowbell(&["history", "--event", "watcher_recovered", "--json"]).exit(0).json();
    assert_eq!(recovered[0]["reason"], "the result is taken now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_while_the_poll_is_under_way_is_for_the_next_one() {
    let house = House::new().await;
    house.watcher("low_stock", &LOW_STOCK.replace("key =", "guard = { vanished = 1, polls = 9 }\nkey ="));
    house.rowbell(&["poll"]).exit(0);
    house.sql("update products set stock = 50").await;
    house.rowbell(&["poll"]).exit(1).out_has("guard:");
    let mut shop = locked(&house).await;
    let poll = house.command(&["poll"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    claimed(&house).await;
    house.rowbell(&["release", "low_stock"]).exit(0);
    sqlx::raw_sql("rollback").execute(&mut shop).await.expect("the lock is given back");
    shop.close().await.expect("closed");
    let held = poll.wait_with_output().expect("it ends");
    assert!(String::from_utf8_lossy(&held.stdout).contains("guard:"), "it was decided on without the release");
    house.rowbell(&["poll"]).exit(0).out_has("resolved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_say_how_many_rows_count_and_what_went_wrong_without_losing_anything() {
    let house = House::new().await;
    let twice =
        LOW_STOCK.replace("from products", "from products join (select 1 union all select 2)").replace("stock < reorder_level", "true");
    house.watcher("low_stock", &twice.replace("key =", "when = \"stock < reorder_level\"\nkey ="));
    house.rowbell(&["poll"]).exit(0);
    let line = house.rowbell(&["polls", "--json"]).exit(0).json().remove(0);
    assert_eq!((&line["rows"], &line["matched"]), (&json!(6), &json!(4)));
    let shown = house.rowbell(&["polls"]).exit(0).out_has("MATCHED").out;
    assert!(shown.contains("warning: 2 keys were returned more than once"), "{shown}");
}
