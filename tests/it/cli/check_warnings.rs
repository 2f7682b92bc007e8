//! `check`: what is not wrong but worth a look. Warnings have their place, and the watcher stays valid.

use super::house::{House, LOW_STOCK, TOKEN};
use crate::databases::{Product, TestDatabase};
use serde_json::{Value as Json, json};

/// The warnings of a watcher as `line:column message | hint`; it must be valid.
fn warnings(lines: &[Json], name: &str) -> Vec<String> {
    let line = lines.iter().find(|line| line["name"] == name).expect("the watcher is listed");
    assert_eq!((&line["valid"], &line["faults"]), (&json!(true), &json!([])), "{line}");
    let warning = |warning: &Json| {
        let names: Vec<&String> = warning.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["file", "line", "column", "message", "hint"]);
        let text = |of: &str| warning[of].as_str().unwrap_or_default().to_owned();
        format!("{}:{} {} | {}", warning["line"], warning["column"], text("message"), text("hint"))
    };
    line["warnings"].as_array().expect("warnings").iter().map(warning).collect()
}

/// Two large tables, of which one has an index on what it is read by.
async fn large_tables(product: Product) -> TestDatabase {
    let database = TestDatabase::new(product).await;
    let numbers = match product {
        Product::Postgres => "select n from generate_series(1, 60000) as s(n)",
        Product::Mariadb => "select seq as n from seq_1_to_60000",
        Product::Sqlite => "with recursive s(n) as (select 1 union all select n + 1 from s where n < 60000) select n from s",
    };
    let analyze = if product == Product::Mariadb { "analyze table plain, indexed" } else { "analyze" };
    database
        .run(&format!(
            "create table plain (id integer, customer varchar(20)); insert into plain select n, 'c' from ({numbers}) as numbers;
             create table indexed (id integer primary key, customer varchar(20)); insert into indexed select n, 'c' from ({numbers}) as numbers;
             {analyze};"
        ))
        .await;
    database
}

/// What each database calls reading a table whole, and how many rows it believes it has: MariaDB guesses.
async fn tables_that_are_read_whole(product: Product, access: &str) {
    let database = large_tables(product).await;
    let house = House::new().await;
    house.settings(&format!("[sources.db]\nurl = \"{}\"\nmax_rows = 1_000_000\n", database.url));
    let watcher = |name: &str, every: &str, query: &str, more: &str| {
        house.watcher(name, &format!("source = \"db\"\nevery = \"{every}\"\nkey = [\"id\"]\n{more}\nquery = '''\n{query}\n'''\n"));
    };
    let cursor = "alert_on = \"new\"\ncursor = \"id\"";
    let by_hand = "alert_on = \"new\"\ncursor = \"id\"\ncursor_start = 0";
    watcher("scanned", "5m", "select p.id\nfrom plain p\nwhere p.customer = 'x'", "");
    watcher("scanned_for_new_rows", "5m", "select id\nfrom plain\nwhere customer = 'x'", "alert_on = \"new\"");
    watcher("scanned_every_night", "1d", "select id from plain where customer = 'x'", "");
    watcher("sought", "5m", "select id from indexed where id = 7", "");
    watcher("cursor_without_an_index", "30s", "select id, customer\nfrom plain", cursor);
    watcher("cursor_by_hand_without_an_index", "30s", "select id\nfrom plain where id >= :cursor", by_hand);
    watcher("cursor_with_an_index", "30s", "select id, customer from indexed", cursor);
    watcher("cursor_by_hand_with_an_index", "30s", "select id from indexed where id >= :cursor", by_hand);
    let expected = "alert_on = \"missing\"\nexpect_query = \"select id from plain where customer = 'x'\"";
    watcher("expected_from_a_scan", "5m", "select id from indexed where id = 7", expected);
    let lines = house.rowbell(&["check", "--json"]).exit(0).json();
    let about = |text: &str| match text.split_once("about ").and_then(|(before, rest)| Some((before, rest.split_once(" rows")?))) {
        Some((before, (rows, rest))) => {
            let rows: u64 = rows.replace(',', "").parse().expect("a number");
            assert!((50_000..70_000).contains(&rows), "{text}");
            format!("{before}about N rows{rest}")
        }
        None => text.to_owned(),
    };
    let told = |name: &str| warnings(&lines, name).iter().map(|text| about(text)).collect::<Vec<_>>();
    let reads =
        |place: &str, hint: &str| vec![format!("{place} each poll (every 5m) reads all of `plain`, about N rows ({access}) | {hint}")];
    let index = "it needs an index on what its `where` compares; or poll less often";
    assert_eq!(told("scanned"), reads("7:6", index));
    let new = "read only what is new, by a column with an index: cursor = \"id\"; or poll less often";
    assert_eq!(told("scanned_for_new_rows"), reads("7:6", new));
    assert_eq!(told("expected_from_a_scan"), reads("5:32", index));
    let saves_nothing = format!("the cursor saves nothing: each poll reads all of `plain`, about N rows ({access})");
    let by_hand = "it needs an index that begins with `id`; or write the cursor where the planner can use it: where id >= :cursor";
    assert_eq!(told("cursor_without_an_index"), [format!("8:6 {saves_nothing} | {by_hand}")]);
    assert_eq!(told("cursor_by_hand_without_an_index"), [format!("9:6 {saves_nothing} | it needs an index that begins with `id`")]);
    for name in ["scanned_every_night", "sought", "cursor_with_an_index", "cursor_by_hand_with_an_index"] {
        assert_eq!(told(name), Vec::<String>::new(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_are_read_whole_on_postgresql() {
    tables_that_are_read_whole(Product::Postgres, "Seq Scan").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_are_read_whole_on_mariadb() {
    tables_that_are_read_whole(Product::Mariadb, "ALL").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_are_read_whole_on_sqlite() {
    tables_that_are_read_whole(Product::Sqlite, "SCAN").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_rows_than_a_poll_may_return_are_told_where_the_planner_knows() {
    let database = large_tables(Product::Postgres).await;
    let house = House::new().await;
    house.settings(&format!("[sources.db]\nurl = \"{}\"\n", database.url));
    let text = "source = \"db\"\nschedule = \"0 3 * * *\"\nkey = [\"id\"]\nmax_rows = 1000\nquery = \"select id from plain\"\n";
    house.watcher("w", text);
    let lines = house.rowbell(&["check", "--json"]).exit(0).json();
    let expected = "5:9 the planner expects about 60,000 rows; a poll of more than 1,000 fails | \
                    select fewer rows, or raise `max_rows` in the watcher or of its source";
    assert_eq!(warnings(&lines, "w"), [expected]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fraction_that_a_template_cannot_compute_with_is_a_warning() {
    let database = TestDatabase::new(Product::Postgres).await;
    database.run("create table products (sku text primary key, price numeric(10, 2), stock integer)").await;
    let house = House::new().await;
    house.settings(&format!("[sources.db]\nurl = \"{}\"\n", database.url));
    let watcher = |name: &str, body: &str| {
        let text = "source = \"db\"\nevery = \"5m\"\nkey = [\"sku\"]\nquery = \"select sku, price, stock from products\"\n";
        house.watcher(name, &format!("{text}[message]\nbody = \"{{% for e in events %}}{body}{{% endfor %}}\"\n"));
    };
    watcher("price", "{{ e.row.price + 1 }}");
    watcher("stock", "{{ e.row.stock + 1 }}");
    watcher("names", "{{ {'paid': 'P'}[e.row.sku] }}");
    let lines = house.rowbell(&["check", "--json"]).exit(0).json();
    let hint = "a number with a fraction is text here, with all its digits: let the query compute with it";
    let why = "invalid operation: tried to use + operator on unsupported types string and number";
    let expected = format!("6:33 the body fails for a `fired` event where a number has a fraction: {why} | {hint}");
    assert_eq!(warnings(&lines, "price"), [expected]);
    assert_eq!(warnings(&lines, "stock"), Vec::<String>::new());
    let told = warnings(&lines, "names");
    assert!(told.len() == 1 && told[0].contains("the body fails for a `fired` event with a sample row: "), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warnings_are_shown_with_their_place_and_change_no_verdict() {
    let house = House::new().await;
    house.watcher("few", &LOW_STOCK.replace("reorder_level\n'''", "reorder_level\nlimit 10\n'''"));
    house.watcher("few_again", &LOW_STOCK.replace("reorder_level\n'''", "reorder_level\nlimit 10\n'''"));
    let said = house.rowbell(&["check", "--offline"]).exit(0);
    let said = said.out_has("✓ few ").err_has("2 watchers: 2 valid; 2 warnings").err_has("watchers/few.toml:10:1");
    let shared = "warning: without `order by`, which rows the limit lets through may differ from poll to poll (so it is in 1 other place)";
    assert!(said.err.contains(shared) && said.err.matches("warning: ").count() == 1, "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_year_without_data_is_told_months_ahead_and_a_day_that_never_comes_is_a_fault() {
    let house = House::new().await;
    std::fs::create_dir(house.path("calendars")).expect("a folder");
    let year = "[[year]]\nyear = 2020\nholidays = [\"2020-01-01\"]\n";
    house.write("calendars/plant.toml", &format!("description = \"the plant\"\n{year}"));
    house.write("calendars/never.toml", "weekend = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\"]\n");
    house.watcher("planned", &format!("active = {{ days = [\"mon-fri\"], calendar = \"plant\" }}\n{LOW_STOCK}"));
    house.watcher("closed", &format!("active = {{ days = [\"mon-fri\"], calendar = \"never\" }}\n{LOW_STOCK}"));
    let lines = house.rowbell(&["check", "--json", "--offline"]).exit(2).json();
    let told = warnings(&lines, "planned");
    assert!(told.len() == 1 && told[0].starts_with("1:43 the calendar `plant` has no data for 20"), "{told:?}");
    assert!(told[0].contains("calendars/plant.toml"), "{told:?}");
    let closed = lines.iter().find(|line| line["name"] == "closed").expect("listed");
    let expected = "it never begins to speak: mon-fri never does not come within 400 days";
    assert_eq!((&closed["faults"][0]["message"], &closed["faults"][0]["column"]), (&json!(expected), &json!(10)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_that_a_robot_could_never_be_sent_are_told() {
    let house = House::new().await;
    let webhook = house.simulator.webhook(TOKEN);
    house.settings(&format!("[receivers.duty]\ntype = \"dingtalk_robot\"\nwebhook = \"{webhook}\"\n"));
    let report = |every: &str, receivers: &str| {
        format!(
            "source = \"shop\"\n{every}\nalert_on = \"report\"\nquery = \"select sku from products\"\n[[notify]]\nreceivers = [{receivers}]\n"
        )
    };
    house.watcher("hourly", &report("every = \"1h\"", "\"warehouse\", \"duty\""));
    house.watcher("hectic", &report("every = \"1s\"", "\"warehouse\""));
    let lines = house.rowbell(&["check", "--json", "--offline"]).exit(0).json();
    let hint = "poll less often, or give some of them a receiver with a robot of its own";
    let expected = format!(
        "2:9 the one robot of `duty` and `warehouse` cannot take these reports: 3,602 an hour of `hectic`, `hourly`, and its robot \
         takes 1,080 (18 a minute) | {hint}"
    );
    assert_eq!(warnings(&lines, "hectic"), [expected]);
    assert_eq!(warnings(&lines, "hourly"), Vec::<String>::new());
    // Thirty a minute, in working hours only, on one robot under two names.
    std::fs::remove_file(house.path("watchers/hectic.toml")).expect("removed");
    for at in 0..30 {
        let receiver = if at % 2 == 0 { "\"warehouse\"" } else { "\"duty\"" };
        house.watcher(&format!("minutely_{at:02}"), &report("schedule = \"* 9-17 * * 1-5\"", receiver));
    }
    let lines = house.rowbell(&["check", "--json", "--offline"]).exit(0).json();
    let told = warnings(&lines, "minutely_00");
    let [told] = &told[..] else { panic!("{told:?}") };
    assert!(told.starts_with("2:12 the one robot of `duty` and `warehouse` cannot take these reports: 1,802 an hour"), "{told}");
    assert!(told.contains("`minutely_00`, `minutely_01`, `minutely_02`, `minutely_03`, `minutely_04` and 26 others"), "{told}");
    // Eighteen of them fit.
    for at in 18..30 {
        std::fs::remove_file(house.path(&format!("watchers/minutely_{at:02}.toml"))).expect("removed");
    }
    std::fs::remove_file(house.path("watchers/hourly.toml")).expect("removed");
    house.rowbell(&["check", "--offline"]).exit(0).err_has("18 watchers: 18 valid\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reminders_that_come_faster_than_a_robot_takes_messages_are_told() {
    let house = House::new().await;
    house.watcher("hectic", &format!("repeat_interval = \"1s\"\n{}", LOW_STOCK.replace("\"5m\"", "\"2s\"")));
    house.watcher("calm", &format!("repeat_interval = \"1s\"\n{LOW_STOCK}"));
    let lines = house.rowbell(&["check", "--json", "--offline"]).exit(0).json();
    let expected = "1:19 while anything fires, `warehouse` is reminded 1,800 times an hour, and its robot takes 1,080 (18 a minute) | \
                    remind less often: repeat_interval = \"1h\"";
    assert_eq!(warnings(&lines, "hectic"), [expected]);
    assert_eq!(warnings(&lines, "calm"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_source_of_a_watcher_is_asked_and_named_where_it_differs() {
    let house = House::new().await;
    house.settings("[sources.shop_2]\nurl = \"sqlite://shop_2.db\"\n[sources.shop_3]\nurl = \"sqlite://no_such.db\"\n");
    std::fs::copy(house.path("shop.db"), house.path("shop_2.db")).expect("a copy");
    house.sql("alter table products rename column name to title").await;
    let many = LOW_STOCK.replace("source = \"shop\"", "sources = [\"shop\", \"shop_2\"]");
    house.watcher("many", &many);
    house.watcher("same", &many.replace("sku, name", "sku").replace("[\"sku\"]", "[\"skuu\"]"));
    house.watcher("far", &many.replace("\"shop_2\"", "\"shop_3\"").replace("name, ", ""));
    let lines = house.rowbell(&["check", "--json"]).exit(2).json();
    let faults = |name: &str| {
        let line = lines.iter().find(|line| line["name"] == name).expect("listed");
        let faults = line["faults"].as_array().expect("faults").iter();
        faults
            .map(|fault| format!("{}:{} {}", fault["line"], fault["column"], fault["message"].as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    assert_eq!(faults("many"), ["7:13 on `shop`: no such column: name"]);
    assert_eq!(faults("same"), ["4:8 the result has no column `skuu`"]);
    let far = faults("far");
    assert!(far.len() == 1 && far[0].starts_with("2:11 on `shop_3`: the query could not be checked on its source: "), "{far:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_that_follow_on_nothing_are_told() {
    let house = House::new().await;
    house.watcher("stepped", &format!("{LOW_STOCK}[[notify]]\nafter = \"15m\"\nreceivers = [\"warehouse\"]\n"));
    let lines = house.rowbell(&["check", "--json", "--offline"]).exit(0).json();
    let [told] = &warnings(&lines, "stepped")[..] else { panic!("{lines:?}") };
    assert!(told.contains(":9 no one is told when it fires: each [[notify]] block has an `after` | add a block without `after`"), "{told}");
}
