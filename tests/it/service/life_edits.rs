//! What an edit of a watcher's file does to what is known: as little as can be, and what it does stands in the history.

use super::house::low_stock;
use super::life::{Life, lived};

const ROWS: &str = "insert into stock values ('a', 1, 'x'), ('b', 5, 'x'), ('c', 9, 'y'), ('d', 50, 'y')";

#[tokio::test]
async fn another_text_schedule_or_receiver_changes_nothing() {
    lived(&[("low", &low_stock("repeat_interval = \"1h\""))], async |life: &mut Life| {
        life.step(0, ROWS, "fired a, fired b, fired c").await;
        let other = low_stock("repeat_interval = \"1h\"\ndescription = \"库存\"\nsend_resolved = false")
            .replace("1m", "2m")
            .replace("order by sku", "order  by sku");
        let other = other.replace("[[notify]]", "[message]\ntitle = \"{{ events | length }}\"\n[[notify]]");
        life.edit(&[("low", &other)]).await;
        life.step(120, "", "-").await;
        life.step(3480, "", "repeated a, repeated b, repeated c").await;
        assert_eq!(life.house.simulator.messages().last().map(|message| message.title.as_str()), Some("3"));
    })
    .await;
}

#[tokio::test]
async fn a_new_condition_or_query_is_simply_evaluated() {
    lived(&[("low", &low_stock(""))], async |life: &mut Life| {
        life.step(0, ROWS, "fired a, fired b, fired c").await;
        life.edit(&[("low", &low_stock("when = \"qty < 5\""))]).await;
        life.step(60, "", "resolved b, resolved c").await;
        life.edit(&[("low", &low_stock("when = \"qty >= 5\""))]).await;
        life.step(60, "", "fired b, fired c, resolved a").await;
        life.edit(&[("low", &low_stock("").replace("qty < 10", "qty > 10"))]).await;
        life.step(60, "", "fired d, resolved b, resolved c").await;
        life.edit(&[("low", &low_stock("severity = \"critical\"").replace("qty < 10", "qty > 10"))]).await;
        life.step(60, "", "escalated d").await;
        life.edit(&[("low", &low_stock("severity = \"info\"").replace("qty < 10", "qty > 10"))]).await;
        life.step(60, "", "-").await;
    })
    .await;
}

#[tokio::test]
async fn other_spans_count_from_what_is_known() {
    lived(&[("low", &low_stock("for = \"1h\""))], async |life: &mut Life| {
        life.step(0, ROWS, "-").await;
        life.step(60, "", "-").await;
        life.edit(&[("low", &low_stock("for = \"2m\"\nkeep_firing_for = \"1h\""))]).await;
        life.step(60, "", "fired a, fired b, fired c").await;
        life.step(60, "delete from stock", "-").await;
        life.edit(&[("low", &low_stock(""))]).await;
        life.step(60, "", "resolved a, resolved b, resolved c").await;
    })
    .await;
}

#[tokio::test]
async fn a_new_key_closes_the_old_alerts_quietly_and_tells_what_is_there_in_one_message() {
    let rekeyed = low_stock("for = \"1h\"").replace("key = [\"sku\"]", "key = [\"price\"]");
    lived(&[("low", &low_stock(""))], async |life: &mut Life| {
        life.step(0, ROWS, "fired a, fired b, fired c").await;
        life.house.simulator.forget();
        life.edit(&[("low", &rekeyed)]).await;
        let lines = life.events(60).await;
        let events: Vec<String> = lines.iter().map(|line| format!("{} {}", line.event, line.deliveries.len())).collect();
        assert_eq!(events, ["resolved 0", "resolved 0", "resolved 0", "fired 1", "fired 1"]);
        assert!(lines[0].reason.contains("key was changed"), "{}", lines[0].reason);
        assert_eq!(life.house.simulator.messages().len(), 1);
        assert_eq!(life.house.firing().await, ["x", "y"]);
        life.step(60, "", "-").await;
        life.step(60, "insert into stock values ('e', 1, 'z')", "-").await;
        life.step(3600, "", "fired z").await;
        life.step(60, "delete from stock", "resolved x, resolved y, resolved z").await;
    })
    .await;
}

#[tokio::test]
async fn a_key_column_that_gets_another_name_is_another_key_with_the_same_values() {
    let renamed = low_stock("").replace("key = [\"sku\"]", "key = [\"code\"]").replace("select sku,", "select sku as code,");
    lived(&[("low", &low_stock(""))], async |life: &mut Life| {
        life.step(0, ROWS, "fired a, fired b, fired c").await;
        life.edit(&[("low", &renamed)]).await;
        life.step(60, "delete from stock where sku = 'c'", "resolved a, resolved b, resolved c, fired a, fired b").await;
        life.step(60, "", "-").await;
        life.step(60, "delete from stock", "resolved a, resolved b").await;
    })
    .await;
}

#[tokio::test]
async fn a_new_key_of_events_is_a_new_baseline() {
    let events = low_stock("").replace("\"match\"", "\"new\"").replace(" where qty < 10", "");
    let rekeyed = events.replace("key = [\"sku\"]", "key = [\"sku\", \"price\"]");
    lived(&[("low", &events)], async |life: &mut Life| {
        life.step(0, ROWS, "-").await;
        life.step(60, "insert into stock values ('e', 1, 'z')", "fired e").await;
        life.edit(&[("low", &rekeyed)]).await;
        life.step(60, "", "-").await;
        life.step(60, "update stock set price = 'w' where sku = 'a'; insert into stock values ('f', 1, 'z')", "fired a/w, fired f/z").await;
    })
    .await;
}

#[tokio::test]
async fn another_meaning_of_a_row_begins_anew() {
    let matching = low_stock("");
    let of = |word: &str| matching.replace("\"match\"", &format!("\"{word}\""));
    lived(&[("low", &matching)], async |life: &mut Life| {
        life.step(0, ROWS, "fired a, fired b, fired c").await;
        life.edit(&[("low", &of("change"))]).await;
        life.step(60, "", "resolved a, resolved b, resolved c").await;
        life.step(60, "update stock set qty = 2 where sku = 'a'", "changed a").await;
        life.edit(&[("low", &of("new"))]).await;
        life.step(60, "", "-").await;
        life.step(60, "insert into stock values ('e', 1, 'z')", "fired e").await;
        life.edit(&[("low", &matching)]).await;
        life.step(60, "", "fired a, fired b, fired c, fired e").await;
        life.edit(&[("low", &(of("missing") + "").replace("key = [\"sku\"]\n", ""))]).await;
        life.step(60, "", "resolved a, resolved b, resolved c, resolved e").await;
        life.step(60, "delete from stock", "fired all").await;
        life.edit(&[("low", &of("report").replace("key = [\"sku\"]\n", ""))]).await;
        life.step(60, "", "resolved all, report -").await;
        life.edit(&[("low", &of("change"))]).await;
        life.step(60, ROWS, "-").await;
        life.step(60, "update stock set qty = 3 where sku = 'a'", "changed a").await;
    })
    .await;
}

#[tokio::test]
async fn a_removed_file_closes_its_alerts_quietly_with_a_line() {
    let (low, other) = (low_stock("for = \"2m\""), low_stock("").replace("qty < 10", "qty < 2"));
    lived(&[("low", &low), ("other", &other)], async |life: &mut Life| {
        life.step(0, ROWS, "fired a").await;
        life.step(120, "insert into stock values ('e', 1, 'x')", "fired a, fired b, fired c, fired e").await;
        life.house.simulator.forget();
        life.edit(&[("other", &other)]).await;
        let lines = life.events(60).await;
        let events: Vec<String> = lines.iter().map(|line| format!("{} {} {}", line.watcher, line.event, line.deliveries.len())).collect();
        assert_eq!(events, ["low resolved 0", "low resolved 0", "low resolved 0"], "e was only pending");
        assert!(lines[0].reason.contains("file was removed"), "{}", lines[0].reason);
        assert_eq!(life.house.simulator.messages().len(), 0);
        assert_eq!(life.house.firing().await, ["a", "e"]);
        // When it is there again it begins anew.
        life.edit(&[("low", &low), ("other", &other)]).await;
        life.step(60, "", "-").await;
        life.step(120, "", "fired a, fired b, fired c, fired e").await;
    })
    .await;
}

#[tokio::test]
async fn a_renamed_file_keeps_what_is_known_under_its_former_name() {
    let events = low_stock("").replace("\"match\"", "\"new\"").replace(" where qty < 10", "");
    let formerly = |text: &str, name: &str| text.replace("key =", &format!("formerly = \"{name}\"\nkey ="));
    let low = low_stock("repeat_interval = \"5m\"\nkeep_firing_for = 2");
    lived(&[("low", &low), ("arrivals", &events)], async |life: &mut Life| {
        life.step(0, ROWS, "fired a, fired b, fired c").await;
        life.step(60, "delete from stock where sku = 'c'", "-").await;
        life.edit(&[("scarce", &formerly(&low, "low")), ("newcomers", &formerly(&events, "arrivals"))]).await;
        life.step(60, "insert into stock values ('e', 50, 'x')", "fired e, resolved c").await;
        life.step(180, "", "repeated a, repeated b").await;
        // The old names may be taken by others, which begin anew.
        let taken = [("scarce", formerly(&low, "low")), ("newcomers", formerly(&events, "arrivals")), ("low", low.clone())];
        let taken: Vec<(&str, &str)> = taken.iter().map(|(name, text)| (*name, text.as_str())).collect();
        life.edit(&taken).await;
        life.step(60, "", "fired a, fired b").await;
        life.step(60, "update stock set qty = 50", "-").await;
        life.step(60, "", "resolved a, resolved a, resolved b, resolved b").await;
        // A second new name.
        life.edit(&[("scarcer", &formerly(&low, "scarce")), ("newest", &formerly(&events, "newcomers"))]).await;
        life.step(60, "insert into stock values ('f', 1, 'x')", "fired f, fired f").await;
        life.step(60, "", "-").await;
        // And back to a name that has been there before, twice.
        life.edit(&[("low", &formerly(&low, "scarcer")), ("arrivals", &formerly(&events, "newest"))]).await;
        life.step(60, "insert into stock values ('g', 1, 'x')", "fired g, fired g").await;
        life.step(60, "", "-").await;
    })
    .await;
}

#[tokio::test]
async fn an_edit_while_nothing_can_be_read_waits_for_the_next_good_poll() {
    let rekeyed = low_stock("").replace("key = [\"sku\"]", "key = [\"price\"]");
    lived(&[("low", &low_stock(""))], async |life: &mut Life| {
        life.step(0, ROWS, "fired a, fired b, fired c").await;
        life.house.sql("alter table stock rename to hidden").await;
        life.edit(&[("low", &rekeyed)]).await;
        life.step(60, "", "-").await;
        assert_eq!(life.house.firing().await, ["a", "b", "c"]);
        life.step(60, "alter table hidden rename to stock", "resolved a, resolved b, resolved c, fired x, fired y").await;
    })
    .await;
}
