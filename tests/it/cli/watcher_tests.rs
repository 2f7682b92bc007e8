//! `rowbell test`: what it shows, what it writes, and that it needs nothing but the files.

use super::house::{House, LOW_STOCK};
use serde_json::Value as Json;

/// A watcher of the house with its tests, whose second poll is not as expected.
const WRONG: &str = "[[test]]
name = \"fires and resolves\"

[[test.poll]]
rows = [{ sku = \"A-17\", name = \"tea\", stock = 3 }]
events = [\"fired A-17 [warning]\"]

# It is sold out.
[[test.poll]]
rows = [{ sku = \"A-17\", name = \"tea\", stock = 0 }]
events = [\"resolved A-17\"]
told = []
message.warehouse = { contains = [\"critical\", \"sold out\"] }
";

async fn house() -> House {
    let house = House::new().await;
    house.watcher("low_stock", LOW_STOCK);
    house
}

fn tests(house: &House, name: &str, text: &str) {
    house.write(&format!("watchers/{name}.test.toml"), text);
}

fn read(house: &House, name: &str) -> String {
    std::fs::read_to_string(house.path(&format!("watchers/{name}.test.toml"))).expect("a text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_test_shows_what_was_expected_and_what_was_seen() {
    let house = house().await;
    tests(&house, "low_stock", WRONG);
    let said = house.rowbell(&["test"]).exit(1).err_has("1 test: 0 passed, 1 failed; `--update` writes what was seen");
    insta::assert_snapshot!(said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_test_says_why_an_event_did_not_come() {
    let house = house().await;
    house.watcher("low_stock", &LOW_STOCK.replace("severity =", "when = \"stock < reorder_level\"\nfor = 2\nseverity ="));
    let rows = "[{ sku = \"A\", stock = 3, reorder_level = 5 }, { sku = \"B\", stock = 5, reorder_level = 5 }]";
    tests(&house, "low_stock", &format!("[[test]]\nname = \"one\"\n[[test.poll]]\nrows = {rows}\nevents = [\"fired A\", \"fired B\"]\n"));
    let said = house.rowbell(&["test"]).exit(1);
    let lines: Vec<&str> = said.out.lines().skip_while(|line| !line.contains("events")).skip(1).map(str::trim).collect();
    let expected = [
        "- fired A",
        "? it holds, and fires when it has held for long enough",
        "- fired B",
        "? `stock < reorder_level` is not true; stock is 5, reorder_level is 5",
    ];
    assert_eq!(lines[..4], expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_has_one_object_for_each_test() {
    let house = house().await;
    tests(&house, "low_stock", &format!("{WRONG}\n[[test]]\nname = \"quiet\"\n[[test.poll]]\nrows = []\n"));
    let lines = house.rowbell(&["test", "--json"]).exit(1).json();
    assert_eq!(lines.len(), 2);
    let (wrong, quiet) = (&lines[0], &lines[1]);
    assert_eq!(
        (&wrong["test"], &wrong["passed"], &wrong["line"], &wrong["polls"]),
        (&"fires and resolves".into(), &false.into(), &1.into(), &2.into())
    );
    assert_eq!((&quiet["watcher"], &quiet["passed"], &quiet["mismatches"]), (&"low_stock".into(), &true.into(), &Json::Array(vec![])));
    let found = wrong["mismatches"].as_array().expect("a list");
    let what: Vec<_> = found.iter().map(|one| (one["what"].as_str().expect("a key"), one["line"].as_u64().expect("a line"))).collect();
    assert_eq!(what, [("events", 11), ("told", 12), ("message.warehouse", 13)]);
    assert_eq!(found[0]["diff"], serde_json::json!(["- resolved A-17", "+ escalated A-17 [critical]"]));
    assert_eq!(found[0]["at"], "2026-11-23T01:05:00.000Z");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn update_writes_what_was_seen_and_tells_what_only_a_person_can_mend() {
    let house = house().await;
    tests(&house, "low_stock", WRONG);
    let said = house.rowbell(&["test", "--update"]).exit(1).err_has("wrote watchers/low_stock.test.toml").out_has("- sold out");
    assert!(!said.out.contains("resolved A-17"), "{}", said.out);
    let written = read(&house, "low_stock");
    let expected = WRONG.replace("[\"resolved A-17\"]", "[\"escalated A-17 [critical]\"]").replace("told = []", "told = [\"warehouse\"]");
    assert_eq!(written, expected);
    tests(&house, "low_stock", &written.replace(", \"sold out\"", ""));
    let before = read(&house, "low_stock");
    let said = house.rowbell(&["test", "--update"]).exit(0);
    assert!(!said.err.contains("wrote"), "{}", said.err);
    assert_eq!(read(&house, "low_stock"), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tests_are_named_by_watcher_file_or_folder() {
    let house = house().await;
    house.watcher("other", LOW_STOCK);
    house.watcher("untested", LOW_STOCK);
    for name in ["low_stock", "other"] {
        tests(
            &house,
            name,
            "[[test]]\nname = \"quiet\"\n[[test.poll]]\nrows = []\n[[test]]\nname = \"two\"\n[[test.poll]]\nrows = [{ sku = 1, stock = 1 }]\nevents = [\"fired 1\"]\n",
        );
    }
    for (named, count) in [
        (&["low_stock"][..], "2 tests: 2 passed"),
        (&["watchers/low_stock.toml"], "2 tests: 2 passed"),
        (&["watchers/low_stock.test.toml", "low_stock.test.toml", "low_stock"], "2 tests: 2 passed"),
        (&["watchers"], "4 tests: 4 passed"),
        (&[], "4 tests: 4 passed"),
    ] {
        house.rowbell(&[&["test"], named].concat()).exit(0).err_has(count);
    }
    house.rowbell(&["test", "untested"]).exit(2).err_has("has no tests: `rowbell new untested --test`");
    house.rowbell(&["test", "low_stok"]).exit(2).err_has("did you mean `low_stock`?");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_not_valid_does_not_stop_the_others() {
    let house = house().await;
    house.watcher("broken", LOW_STOCK);
    tests(&house, "broken", "[[test]]\nname = \"one\"\n[[test.poll]]\nrows = [{ sku = 1 }]\nevnts = []\n");
    tests(&house, "low_stock", "columns = [\"sku\"]\n[[test]]\nname = \"quiet\"\n[[test.poll]]\nrows = []\n");
    let said = house.rowbell(&["test"]).exit(2).err_has("watchers/broken.test.toml:5:1").err_has("did you mean `events`?");
    assert!(said.err.contains("1 test: 1 passed") && said.out.contains("✓ low_stock"), "{}{}", said.out, said.err);
    let lines = house.rowbell(&["test", "--json"]).exit(2).json();
    assert_eq!((&lines[0]["valid"], &lines[0]["faults"][0]["line"], &lines[1]["passed"]), (&false.into(), &5.into(), &true.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_secrets_nor_databases_nor_settings_are_needed() {
    let house = house().await;
    house.settings("[sources.erp]\nurl = \"postgres://reader:${NO_SUCH}@10.255.255.1/erp\"\n");
    house.watcher("erp", &LOW_STOCK.replace("source = \"shop\"", "source = \"erp\""));
    tests(
        &house,
        "erp",
        "[[test]]\nname = \"one\"\n[[test.poll]]\nrows = [{ sku = 1, stock = 1 }]\nevents = [\"fired 1\"]\ntold = [\"warehouse\"]\n",
    );
    house.rowbell(&["poll"]).exit(2).err_has("NO_SUCH");
    house.rowbell(&["test"]).exit(0);
    std::fs::remove_file(house.path("rowbell.toml")).expect("the settings go");
    let told = LOW_STOCK.replace("source = \"shop\"", "source = \"nowhere\"") + "[[notify]]\nreceivers = [\"warehouse\"]\n";
    house.watcher("erp", &told);
    house.rowbell(&["test"]).exit(0);
    assert!(!house.files().iter().any(|name| name.starts_with("rowbell")), "{:?}", house.files());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_unexpectedly_fails_a_test() {
    let house = house().await;
    house.watcher("low_stock", &LOW_STOCK.replace("severity =", "when = \"stock > 'x'\"\nseverity ="));
    let rows = "rows = [{ sku = \"A\", stock = 3 }, { sku = \"A\", stock = 4 }]\n";
    let of = |more: &str| format!("[[test]]\nname = \"one\"\n[[test.poll]]\n{rows}{more}");
    tests(&house, "low_stock", &of(""));
    house.rowbell(&["test"]).exit(1).out_has("+ evaluation: 2 of 2 rows could not be judged");
    tests(&house, "low_stock", &of("error = \"evaluation: 2 of 2\"\n"));
    house.rowbell(&["test"]).exit(0);
    house.watcher("low_stock", LOW_STOCK);
    tests(&house, "low_stock", &of("events = [\"fired A\"]\n"));
    house.rowbell(&["test"]).exit(1).out_has("+ 1 keys were returned more than once");
    tests(&house, "low_stock", &of("events = [\"fired A\"]\nwarnings = \"more than once\"\n"));
    house.rowbell(&["test"]).exit(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_sources_are_polled_together_and_a_dead_one_is_told_once() {
    let house = house().await;
    let watcher = LOW_STOCK.replace("source = \"shop\"", "sources = [\"shop_*\"]\nfailures_before_alert = 2");
    house.watcher("low_stock", &(watcher + "[[notify]]\nreceivers = [\"warehouse\"]\n"));
    let text = "[[test]]
name = \"two shops\"

[[test.poll]]
rows.shop_1 = [{ sku = \"A\", stock = 0 }]
rows.shop_2 = [{ sku = \"A\", stock = 5 }]
events = [\"fired shop_1/A [critical]\", \"fired shop_2/A [warning]\"]
message.warehouse = [{ contains = \"shop_1\" }, { contains = \"shop_2\" }]

[[test.poll]]
fails.shop_2 = \"connect: connection refused\"
rows.shop_1 = []
events = [\"resolved shop_1/A\"]
firing = [\"shop_2/A\"]

[[test.poll]]
fails.shop_2 = \"connect: connection refused\"
events = [{ event = \"watcher_failed\", reason = \"connection refused\" }]

[[test.poll]]
fails.shop_2 = \"connect: connection refused\"

[[test.poll]]
events = [\"watcher_recovered\"]
firing = [\"shop_2/A\"]
";
    tests(&house, "low_stock", text);
    house.rowbell(&["test"]).exit(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_do_between_polls_can_be_tested_too() {
    let house = house().await;
    house.watcher("low_stock", &LOW_STOCK.replace("severity =", "repeat_interval = \"1h\"\nseverity ="));
    let text = "[[test]]
name = \"what is taken is not repeated\"

[[test.poll]]
rows = [{ sku = \"A\", stock = 5 }, { sku = \"B\", stock = 5 }]
events = [\"fired A\", \"fired B\"]

[[test.poll]]
ack = [\"A\"]
events = [\"acknowledged A\"]

[[test.poll]]
at = \"10:00\"
events = [\"repeated B\"]

[[test]]
name = \"at the end of a silence what still fires is told, and what came and went is not\"

[[test.poll]]
rows = []

[[test.poll]]
silence = \"2h\"
rows = [{ sku = \"A\", stock = 5 }, { sku = \"B\", stock = 5 }]
events = [\"fired A\", \"fired B\"]
told = []

[[test.poll]]
rows = [{ sku = \"B\", stock = 5 }]
events = [\"resolved A\"]
told = []

[[test.poll]]
after = \"2h\"
told = [\"warehouse\"]
message.warehouse = { contains = [\"sku B\", \"11:05:00\"] }
";
    tests(&house, "low_stock", &format!("columns = [\"sku\", \"stock\"]\n{text}"));
    house.rowbell(&["test"]).exit(0);
    tests(&house, "low_stock", "columns = [\"sku\"]\n[[test]]\nname = \"one\"\n[[test.poll]]\nrows = []\nack = [\"A\"]\n");
    house.rowbell(&["test"]).exit(1).out_has("+ ack: `A` does not fire");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tests_can_be_written_for_a_watcher_that_is_there_and_for_a_new_one() {
    let house = house().await;
    house
        .rowbell(&["new", "low_stock", "--test"])
        .exit(0)
        .out_has("wrote watchers/low_stock.test.toml")
        .err_has("rowbell test low_stock --update");
    house.rowbell(&["new", "low_stock", "--test"]).exit(2).err_has("is there already");
    house
        .rowbell(&["new", "fresh", "--test", "--alert-on", "new"])
        .exit(0)
        .out_has("wrote watchers/fresh.toml")
        .out_has("wrote watchers/fresh.test.toml");
    house.rowbell(&["test"]).exit(1).out_has("+ fired A [warning]");
    house.rowbell(&["test", "--update"]).exit(0).err_has("2 tests: 2 passed");
    assert!(read(&house, "low_stock").contains("rows = [{ sku = \"A\", stock = 1 }]"), "{}", read(&house, "low_stock"));
    let said = house.rowbell(&["new", "low_stock", "--test", "--stdout"]).exit(0).out_has("[[test.poll]]");
    assert!(said.err.is_empty(), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_are_no_tests_the_first_step_is_told() {
    let house = house().await;
    house.rowbell(&["test"]).exit(2).err_has("`rowbell new NAME --test` writes the first");
    house.rowbell(&["test", "--help"]).exit(0).out_has("[[test.poll]]").out_has("--update");
    let schema: Json = serde_json::from_str(&house.rowbell(&["schema", "test"]).exit(0).out).expect("JSON");
    assert!(schema["properties"]["test"]["items"]["properties"]["poll"].is_object(), "{schema}");
}
