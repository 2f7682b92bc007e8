//! `backtest`: the past played again, from the time that a query names and from a cursor that is a time.

use super::house::House;
use crate::databases::{Product, TestDatabase};
use serde_json::{Value as Json, json};

/// Orders that are paid late: by the time of the poll.
const LATE: &str = "source = \"shop\"
schedule = \"*/10 * * * *\"
key = [\"id\"]
query = \"select id, amount from orders where created_at <= datetime(:now, '-30 minutes') and (paid_at is null or paid_at > :now)\"
repeat_interval = \"1h\"
[[notify]]
receivers = [\"warehouse\"]
";

/// Each order is told once, by a cursor on its time.
const NEW: &str = "source = \"shop\"
schedule = \"*/10 * * * *\"
alert_on = \"new\"
key = [\"id\"]
cursor = \"created_at\"
query = \"select id, amount, created_at from orders\"
when = \"amount > 100\"
[[notify]]
receivers = [\"warehouse\"]
";

/// Two days of orders, one an hour; every sixth is large and is paid only after two hours.
async fn shop() -> House {
    let house = House::new().await;
    house
        .sql(
            "create table orders (id integer primary key, amount int, created_at text, paid_at text);
             insert into orders with recursive n (n) as (select 0 union all select n + 1 from n where n < 47)
             select n, iif(n % 6 = 0, 500, 50), datetime('2026-11-01 00:05:00', '+' || n || ' hours'),
                    datetime('2026-11-01 00:05:00', '+' || n || ' hours', iif(n % 6 = 0, '+130 minutes', '+10 minutes')) from n;",
        )
        .await;
    house
}

fn played(house: &House, name: &str, more: &[&str]) -> Json {
    let arguments = [&["backtest", name, "--since", "2026-11-01T00:00:00Z", "--until", "2026-11-03T00:00:00Z", "--json"], more].concat();
    house.rowbell(&arguments).exit(0).json().remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_with_now_is_asked_for_each_slot_of_the_past() {
    let house = shop().await;
    house.watcher("late", LATE);
    let told = played(&house, "late", &[]);
    assert_eq!((&told["polls"], &told["queries"], &told["failed"]), (&json!(288), &json!(289), &json!(0)));
    // Eight large orders wait from the thirtieth minute to the hundred and thirtieth: each is reminded of once.
    assert_eq!(told["events"], json!({ "fired": 8, "repeated": 8, "resolved": 8 }));
    let receiver = &told["receivers"][0];
    assert_eq!((&receiver["receiver"], &receiver["events"], &receiver["messages"]), (&json!("warehouse"), &json!(24), &json!(24)));
    let days = receiver["days"].as_array().unwrap();
    assert_eq!(days.iter().map(|day| day["messages"].as_u64().unwrap()).sum::<u64>(), 24, "{days:?}");
    assert_eq!((&receiver["peak"]["messages"], &receiver["peak"]["budget"]), (&json!(1), &json!(18)));
    assert_eq!((&told["keys"][0]["key"], &told["keys"][0]["total"]), (&json!("id 0"), &json!(3)));
    assert_eq!(house.files(), ["rowbell.toml", "shop.db", "watchers"], "nothing was written");
    assert_eq!(house.simulator.messages().len(), 0, "nothing was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_takes_the_place_of_the_schedule() {
    let house = shop().await;
    house.watcher("late", LATE);
    let told = played(&house, "late", &["--step", "2h"]);
    assert_eq!(told["polls"], json!(24));
    house.rowbell(&["backtest", "late", "--since", "7d", "--step", "1m"]).exit(2).err_has("at most 2100 polls: a step of 4m 48s or more");
    house.watcher("often", &LATE.replace("schedule = \"*/10 * * * *\"", "every = \"10s\""));
    let said = house.rowbell(&["backtest", "often", "--since", "2026-11-01T00:00:00Z", "--until", "2026-11-01T08:00:00Z"]).exit(0);
    said.err_has("has 2880 slots in that time, of which 2").out_has("polls by 2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_with_a_time_as_their_cursor_are_read_once_and_come_in_their_slots() {
    let house = shop().await;
    house.watcher("new", NEW);
    let told = played(&house, "new", &[]);
    assert_eq!((&told["polls"], &told["queries"]), (&json!(288), &json!(1)));
    assert_eq!(told["events"], json!({ "fired": 8 }));
    assert_eq!(told["receivers"][0]["messages"], json!(8));
    assert_eq!(told["keys"][0]["key"], "id 0");
    // By hand, the same.
    let by_hand =
        NEW.replace("from orders", "from orders where created_at >= :cursor").replace("cursor =", "cursor_start = \"\"\ncursor =");
    house.watcher("by_hand", &by_hand);
    assert_eq!(played(&house, "by_hand", &[])["events"], json!({ "fired": 8 }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_that_knows_only_the_present_is_refused_with_what_to_change() {
    let house = shop().await;
    let refused = |query: &str, words: &str| {
        house.watcher(
            "present",
            &format!("source = \"shop\"\nevery = \"5m\"\nkey = [\"id\"]\nquery = \"{query}\"\n[[notify]]\nreceivers = [\"warehouse\"]\n"),
        );
        house.rowbell(&["backtest", "present"]).exit(2).err_has("tells only what is there now").err_has(words);
    };
    refused("select id from orders where amount > 100", "compares it with `:now`");
    refused("select id from orders where created_at > current_timestamp", "write `:now` where it says `current_timestamp`");
    refused("select id from orders where created_at > datetime('now', '-1 hour')", "write `:now` where it says `'now'`");
    house.watcher("by_number", &NEW.replace("cursor = \"created_at\"", "cursor = \"id\""));
    house.rowbell(&["backtest", "by_number"]).exit(2).err_has("its cursor `id` holds a number, and a backtest needs a time");
    house.rowbell(&["backtest", "by_numbe"]).exit(2).err_has("did you mean `by_number`?");
    house.watcher("new", NEW);
    house.rowbell(&["backtest", "new", "--since", "1h", "--until", "2h"]).exit(2).err_has("must lie before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_fails_is_not_asked_again_and_again() {
    let house = shop().await;
    house.watcher("late", &LATE.replace("orders", "nowhere"));
    house.rowbell(&["backtest", "late"]).exit(1).err_has("the poll of `late` fails: sql").err_has("no such table: nowhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hours_and_the_budget_of_a_shared_robot_are_seen() {
    let house = shop().await;
    let webhook = house.simulator.webhook(super::house::TOKEN);
    house.settings(&format!("[receivers.duty]\ntype = \"dingtalk_robot\"\nwebhook = \"{webhook}\"\n"));
    house.watcher(
        "new",
        &NEW.replace("[[notify]]", "active = { hours = \"09:00-10:00\" }\n[[notify]]")
            .replace("[\"warehouse\"]", "[\"warehouse\", \"duty\"]"),
    );
    let told = played(&house, "new", &[]);
    assert_eq!(told["events"], json!({ "fired": 8 }));
    let digests: Vec<&Json> = told["receivers"].as_array().unwrap().iter().collect();
    assert_eq!(
        digests.iter().map(|load| load["messages"].as_u64().unwrap()).collect::<Vec<_>>(),
        [2, 2],
        "one digest each morning: {told}"
    );
    assert_eq!(digests[0]["peak"]["messages"], json!(2), "both receivers are one robot");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_is_for_people() {
    let house = shop().await;
    house.watcher("late", LATE);
    let said = house.rowbell(&["backtest", "late", "--since", "2026-11-01T00:00:00Z", "--until", "2026-11-03T00:00:00Z"]).exit(0);
    let said = said.out_has("288 polls by 289 queries: 8 fired, 8 repeated, 8 resolved").out_has("12.0").out_has("1 of 18");
    said.out_has("NOISIEST KEYS").out_has("11-02 Mon").err_has("rows were read as they are today");
}

async fn on_a_server(product: Product, sql: &str, now: &str) {
    let database = TestDatabase::new(product).await;
    database.run(sql).await;
    let house = House::new().await;
    house.settings(&format!("[sources.erp]\nurl = \"{}\"\n", database.url));
    let watcher = |text: &str| text.replace("source = \"shop\"", "source = \"erp\"");
    house.watcher("new", &watcher(NEW));
    let told = played(&house, "new", &[]);
    assert_eq!((&told["events"], &told["queries"]), (&json!({ "fired": 8 }), &json!(1)), "{product:?}");
    house.watcher("late", &watcher(LATE).replace("created_at <= datetime(:now, '-30 minutes')", now));
    assert_eq!(played(&house, "late", &["--step", "10m"])["events"], json!({ "fired": 8, "repeated": 8, "resolved": 8 }), "{product:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_and_mariadb_are_asked_in_their_own_words() {
    let postgres = "create table orders (id int primary key, amount int, created_at timestamptz, paid_at timestamptz);
        insert into orders select n, case when n % 6 = 0 then 500 else 50 end, t, t + case when n % 6 = 0 then interval '130 minutes' else interval '10 minutes' end
        from (select n, timestamptz '2026-11-01 00:05:00+00' + n * interval '1 hour' as t from generate_series(0, 47) n) x";
    on_a_server(Product::Postgres, postgres, "created_at <= :now - interval '30 minutes'").await;
    // A DATETIME is of the source's zone, Asia/Shanghai.
    let mariadb = "create table orders (id int primary key, amount int, created_at datetime, paid_at datetime);
        insert into orders select seq, if(seq % 6 = 0, 500, 50), timestamp'2026-11-01 08:05:00' + interval seq hour,
            timestamp'2026-11-01 08:05:00' + interval (seq * 60 + if(seq % 6 = 0, 130, 10)) minute from seq_0_to_47";
    on_a_server(Product::Mariadb, mariadb, "created_at <= :now - interval 30 minute").await;
}
