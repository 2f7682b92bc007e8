//! When a watcher speaks: outside its hours what happens is recorded and told in one digest at the next opening, and
//! what is critical is told at once. The house's day is Monday 23 November 2026, 09:30 in Shanghai.

use super::house::{duty, low_stock};
use super::life::{Life, lived, lived_with};

const HOUR: i64 = 3600;
const LEVELS: &str = "severity = [{ when = \"qty = 0\", level = \"critical\" }, { level = \"warning\" }]";

/// A watcher that polls every half hour and speaks in these hours.
fn in_hours(active: &str, more: &str) -> String {
    low_stock(&format!("{LEVELS}\nactive = {active}\n{more}")).replace("every = \"1m\"", "schedule = \"*/30 * * * *\"")
}

/// The texts of the messages since the last look, one line each of their title.
fn titles(life: &Life) -> Vec<String> {
    let messages: Vec<String> = life.house.simulator.messages().iter().map(|message| message.title.clone()).collect();
    life.house.simulator.forget();
    messages
}

#[tokio::test]
async fn what_happens_at_night_is_told_in_one_digest_in_the_morning() {
    lived(&[("low", &in_hours("{ hours = \"09:00-18:00\" }", "repeat_interval = \"1h\""))], async |life: &mut Life| {
        life.step(0, "", "-").await;
        life.step(HOUR / 2, "insert into stock values ('a', 3, '1')", "fired a").await;
        assert_eq!(titles(life).len(), 1);
        // 18:00 and later.
        life.step(8 * HOUR, "insert into stock values ('b', 3, '1')", "fired b").await;
        assert_eq!(titles(life), [""; 0], "what is fired outside is put off, and so are reminders");
        life.step(HOUR, "delete from stock where sku = 'a'", "resolved a").await;
        life.step(HOUR, "insert into stock values ('c', 3, '1')", "fired c").await;
        life.step(HOUR, "delete from stock where sku = 'c'", "resolved c").await;
        life.step(HOUR, "insert into stock values ('d', 0, '1')", "fired d").await;
        assert_eq!(titles(life).len(), 1, "critical passes");
        life.step(HOUR, "update stock set qty = 0 where sku = 'b'", "escalated b, repeated d").await;
        assert_eq!(titles(life).len(), 1);
        life.step(9 * HOUR + HOUR / 2, "update stock set qty = 2", "-").await;
        assert_eq!(titles(life), [""; 0], "08:30");
        life.step(HOUR / 2, "", "repeated d").await;
        let told = life.house.simulator.messages();
        assert_eq!(told.len(), 2, "at 09:00 the digest, and the reminder of what it need not tell");
        for word in ["sku a", "sku b", "sku c"] {
            assert!(told[0].text.contains(word), "{}", told[0].text);
        }
        life.house.simulator.forget();
        life.step(HOUR, "", "repeated b, repeated d").await;
        life.step(HOUR, "delete from stock", "resolved b, resolved d").await;
        assert_eq!(titles(life).len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_make_up_saturday_of_the_calendar_is_a_working_day_and_a_holiday_is_none() {
    // In 2026 Sunday 20 September and Saturday 10 October make up for the days off at the National Day.
    let watcher = in_hours("{ calendar = \"cn-workdays\", hours = \"09:00-18:00\" }", "");
    lived(&[("low", &watcher)], async |life: &mut Life| {
        // Back to Wednesday 30 September, 17:30 in Shanghai.
        let wanted = chrono::DateTime::parse_from_rfc3339("2026-09-30T17:30:00+08:00").expect("a time").to_utc();
        life.house.clock.advance(wanted - life.house.clock.now());
        life.step(0, "", "-").await;
        life.step(HOUR / 4, "", "-").await;
        life.step(HOUR / 4, "insert into stock values ('a', 3, '1')", "fired a").await;
        assert_eq!(titles(life), [""; 0], "18:00 is outside");
        for day in 1..=7 {
            life.step(16 * HOUR, "", "-").await;
            assert_eq!(titles(life), [""; 0], "October {day} is a holiday");
            life.step(8 * HOUR, "", "-").await;
        }
        // Thursday 8 October, 10:00.
        life.step(16 * HOUR, "", "-").await;
        assert_eq!(titles(life).len(), 1);
        life.step(HOUR, "insert into stock values ('b', 3, '1')", "fired b").await;
        assert_eq!(titles(life).len(), 1);
        // Saturday 10 October, 11:00: at work.
        life.step(48 * HOUR, "insert into stock values ('c', 3, '1')", "fired c").await;
        assert_eq!(titles(life).len(), 1);
        life.step(24 * HOUR, "insert into stock values ('d', 3, '1')", "fired d").await;
        assert_eq!(titles(life), [""; 0], "Sunday");
        life.step(24 * HOUR, "", "-").await;
        assert_eq!(titles(life).len(), 1, "Monday");
    })
    .await;
}

#[tokio::test]
async fn the_digest_of_several_watchers_is_one_message_for_each_receiver() {
    let one = in_hours("{ hours = \"09:00-18:00\" }", "");
    let other = one.replace("qty < 10", "qty < 5").replace("*/30", "15,45") + "[[notify]]\nreceivers = [\"duty\"]\n";
    lived_with(
        &[("one", &one), ("other", &other)],
        |simulator, _| duty(simulator),
        async |life: &mut Life| {
            life.step(HOUR / 4, "", "-").await;
            life.step(HOUR / 4, "", "-").await;
            life.step(10 * HOUR, "insert into stock values ('a', 3, '1')", "fired a, fired a").await;
            assert_eq!(titles(life), [""; 0]);
            life.step(13 * HOUR + HOUR / 2, "", "-").await;
            let robots: Vec<String> = life.house.simulator.messages().iter().map(|message| message.robot.clone()).collect();
            assert_eq!(robots.len(), 2, "{robots:?}");
            life.house.simulator.forget();
        },
    )
    .await;
}

#[tokio::test]
async fn a_watcher_that_fails_at_night_is_told_in_the_morning() {
    lived(
        &[("low", &in_hours("{ days = [\"mon-fri\"], hours = \"09:00-18:00\" }", "failures_before_alert = 1"))],
        async |life: &mut Life| {
            life.step(HOUR / 2, "", "-").await;
            life.step(10 * HOUR, "alter table stock rename to hidden", "watcher_failed -").await;
            life.step(HOUR, "alter table hidden rename to stock", "watcher_recovered -").await;
            assert_eq!(titles(life), [""; 0]);
            life.step(12 * HOUR, "", "-").await;
            assert_eq!(titles(life).len(), 1);
        },
    )
    .await;
}
