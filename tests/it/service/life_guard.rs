//! The life of a guard: a suspicious result is held and told, and taken when a person releases it or when the next polls
//! find the same.

use super::house::low_stock;
use super::life::{Life, lived};

const TWENTY: &str = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20) insert into stock select printf('%02d', i), 1, '1' from n";

impl Life {
    /// What a step told, as how many of what.
    async fn counted(&mut self, seconds: i64) -> String {
        let lines = self.events(seconds).await;
        let mut counts: Vec<(String, usize)> = Vec::new();
        for line in lines {
            match counts.iter_mut().find(|(event, _)| *event == line.event) {
                Some((_, count)) => *count += 1,
                None => counts.push((line.event, 1)),
            }
        }
        if counts.is_empty() {
            "-".to_owned()
        } else {
            counts.iter().map(|(event, count)| format!("{count} {event}")).collect::<Vec<_>>().join(", ")
        }
    }

    async fn release(&self) -> u64 {
        let now = self.house.clock.now();
        self.house.engine.parts().store.release_held("low", now).await.expect("released").len() as u64
    }
}

#[tokio::test]
async fn a_result_whose_rows_have_vanished_is_held_told_and_forgotten_when_they_are_back() {
    lived(&[("low", &low_stock("guard = { vanished = \"50%\" }"))], async |life: &mut Life| {
        life.house.sql(TWENTY).await;
        assert_eq!(life.counted(0).await, "20 fired");
        life.house.sql("create table kept as select * from stock; delete from stock where sku > '09'").await;
        let lines = life.events(60).await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].reason.contains("11 keys vanished at once, more than 50 % of the 20")
                && lines[0].reason.contains("rowbell release low"),
            "{}",
            lines[0].reason
        );
        assert_eq!(life.outcome().await, "failed guard");
        assert_eq!(life.house.firing().await.len(), 20);
        assert_eq!(life.counted(60).await, "-", "it is told once");
        life.house.sql("delete from stock; insert into stock select * from kept").await;
        assert_eq!(life.counted(60).await, "1 watcher_recovered");
        life.house.sql("delete from stock where sku > '10'").await;
        assert_eq!(life.counted(60).await, "10 resolved", "the limit may be reached");
    })
    .await;
}

#[tokio::test]
async fn polls_that_find_the_same_confirm_it() {
    lived(&[("low", &low_stock("guard = { vanished = 5, polls = 3 }"))], async |life: &mut Life| {
        life.house.sql(TWENTY).await;
        assert_eq!(life.counted(0).await, "20 fired");
        life.house.sql("delete from stock where sku > '02'").await;
        assert_eq!(life.counted(60).await, "1 watcher_failed");
        assert_eq!(life.counted(60).await, "-");
        assert_eq!(life.counted(60).await, "18 resolved, 1 watcher_recovered");
        assert_eq!(life.counted(60).await, "-");
    })
    .await;
}

#[tokio::test]
async fn a_person_may_release_it_and_that_holds_for_one_result() {
    lived(&[("low", &low_stock("guard = { vanished = 5, polls = 100 }"))], async |life: &mut Life| {
        life.house.sql(TWENTY).await;
        assert_eq!(life.counted(0).await, "20 fired");
        assert_eq!(life.release().await, 0, "nothing is held");
        life.house.sql("delete from stock where sku > '02'").await;
        assert_eq!(life.counted(60).await, "1 watcher_failed");
        assert_eq!(life.release().await, 1);
        assert_eq!(life.counted(60).await, "18 resolved, 1 watcher_recovered");
        life.house.sql(&TWENTY.replace("insert into", "insert or ignore into")).await;
        assert_eq!(life.counted(60).await, "18 fired", "only what vanishes is guarded");
        life.house.sql("delete from stock").await;
        assert_eq!(life.counted(60).await, "1 watcher_failed", "the release is used up");
    })
    .await;
}

#[tokio::test]
async fn many_that_fire_are_held_but_never_the_first_poll() {
    lived(&[("low", &low_stock("guard = { fired = 10 }"))], async |life: &mut Life| {
        life.house.sql(TWENTY).await;
        assert_eq!(life.counted(0).await, "20 fired");
        life.house.sql("delete from stock").await;
        assert_eq!(life.counted(60).await, "20 resolved");
        life.house.sql(TWENTY).await;
        assert_eq!(life.counted(60).await, "1 watcher_failed");
        life.house.sql("delete from stock where sku > '10'").await;
        assert_eq!(life.counted(60).await, "10 fired, 1 watcher_recovered");
    })
    .await;
}

#[tokio::test]
async fn a_failed_poll_in_between_confirms_nothing() {
    lived(&[("low", &low_stock("guard = { vanished = 5, polls = 3 }"))], async |life: &mut Life| {
        life.house.sql(TWENTY).await;
        assert_eq!(life.counted(0).await, "20 fired");
        life.house.sql("delete from stock").await;
        assert_eq!(life.counted(60).await, "1 watcher_failed");
        life.house.sql("alter table stock rename to hidden").await;
        assert_eq!(life.counted(60).await, "-");
        life.house.sql("alter table hidden rename to stock").await;
        assert_eq!(life.counted(60).await, "-");
        assert_eq!(life.counted(60).await, "20 resolved, 1 watcher_recovered");
    })
    .await;
}

#[tokio::test]
async fn keys_that_are_gone_but_kept_firing_vanish_once() {
    lived(&[("low", &low_stock("keep_firing_for = \"5m\"\nguard = { vanished = 5 }"))], async |life: &mut Life| {
        life.house.sql(TWENTY).await;
        assert_eq!(life.counted(0).await, "20 fired");
        for gone in ["05", "10", "15", "20"] {
            life.house.sql(&format!("delete from stock where sku <= '{gone}'")).await;
            assert_eq!(life.counted(60).await, "-", "five at a time are not suspicious");
        }
        assert_eq!(life.counted(240).await, "15 resolved");
        assert_eq!(life.counted(60).await, "5 resolved");
    })
    .await;
}

#[tokio::test]
async fn changes_and_missing_keys_are_guarded_too() {
    let changes = low_stock("guard = { vanished = 5, fired = 5, polls = 2 }\nrows = [\"added\", \"changed\", \"removed\"]")
        .replace("\"match\"", "\"change\"")
        .replace(" where qty < 10", "");
    lived(&[("low", &changes)], async |life: &mut Life| {
        life.house.sql(TWENTY).await;
        assert_eq!(life.counted(0).await, "-");
        life.house.sql("update stock set qty = 2").await;
        assert_eq!(life.counted(60).await, "1 watcher_failed");
        assert_eq!(life.counted(60).await, "20 changed, 1 watcher_recovered");
        life.house.sql("delete from stock").await;
        assert_eq!(life.counted(60).await, "1 watcher_failed");
        life.house.sql(&TWENTY.replace("1, '1'", "2, '1'")).await;
        assert_eq!(life.counted(60).await, "1 watcher_recovered");
    })
    .await;
    let missing = low_stock("guard = { fired = 2, polls = 2 }\nexpect = [\"01\", \"02\", \"03\"]").replace("\"match\"", "\"missing\"");
    lived(&[("low", &missing)], async |life: &mut Life| {
        life.house.sql(TWENTY).await;
        assert_eq!(life.counted(0).await, "-");
        life.house.sql("delete from stock").await;
        assert_eq!(life.counted(60).await, "1 watcher_failed");
        assert_eq!(life.counted(60).await, "3 fired, 1 watcher_recovered");
    })
    .await;
}
