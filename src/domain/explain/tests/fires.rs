//! What is said of a key that fires, or has.

use super::{attempt, facts, silence, t};
use crate::domain::alert::{Acknowledgement, AlertStatus, EventKind, Severity};
use crate::domain::evaluate::TraceWord;
use crate::domain::explain::*;
use crate::domain::watcher::{Span, Watcher};
use insta::assert_snapshot;
use std::time::Duration;

const FIRING: AlertStatus = AlertStatus::Firing;

#[test]
fn it_fires_and_was_told_and_someone_took_it() {
    let ack = Acknowledgement { at: t("10:02"), by: "wang".into(), note: Some("ordered".into()) };
    let facts = facts()
        .about_a17()
        .polls("09:25", "10:40", 120, 3)
        .alert(FIRING, "09:35")
        .change_alert(|alert| alert.acknowledged = Some(ack))
        .declared(|watcher| Watcher { repeat_interval: Some(Duration::from_secs(3600)), ..watcher })
        .event("09:35", EventKind::Fired, "the row matches")
        .delivered("warehouse", "09:35")
        .event("10:02", EventKind::Acknowledged, "by wang: ordered");
    assert_snapshot!(facts.told(), @r#"
    sku A-17 has been firing since 09:35 (1 h 5 min), warning: the row matches. warehouse was told at 09:35; reminders stop because wang acknowledged it at 10:02 (ordered).

    23 09:25:00 poll         2 polls, the last at 09:30, read 120 rows, of which 3 count; nothing new  [poll 1]
    23 09:35:00 poll         poll 3 read 120 rows, of which 3 count  [poll 3]
    23 09:35:00 fired        it fired (warning): the row matches; the row: stock 3  [poll 3, event 100]
    23 09:35:00 delivery     warehouse was told in message 10; DingTalk answered: 0 ok  [delivery 10]
    23 09:40:00 poll         13 polls, the last at 10:40, read 120 rows, of which 3 count; nothing new  [poll 4]
    23 10:02:00 acknowledged it was acknowledged by wang: ordered  [event 101]
    "#);
}

#[test]
fn it_fires_and_is_not_reminded_of() {
    let facts = facts()
        .about_a17()
        .polls("09:30", "09:40", 120, 3)
        .alert(FIRING, "09:35")
        .event("09:35", EventKind::Fired, "the row matches")
        .delivered("warehouse", "09:35")
        .delivered("duty", "09:35");
    assert_snapshot!(facts.told(), @r#"
    sku A-17 has been firing since 09:35 (1 h 5 min), warning: the row matches. warehouse and duty were told at 09:35; it is not told again while it fires, as `repeat_interval` is not set.

    23 09:30:00 poll         poll 1 read 120 rows, of which 3 count; nothing new  [poll 1]
    23 09:35:00 poll         poll 2 read 120 rows, of which 3 count  [poll 2]
    23 09:35:00 fired        it fired (warning): the row matches; the row: stock 3  [poll 2, event 100]
    23 09:35:00 delivery     warehouse was told in message 10; DingTalk answered: 0 ok  [delivery 10]
    23 09:35:00 delivery     duty was told in message 11; DingTalk answered: 0 ok  [delivery 11]
    23 09:40:00 poll         poll 3 read 120 rows, of which 3 count; nothing new  [poll 3]
    "#);
}

#[test]
fn it_fires_and_its_message_waits_for_a_receiver_that_refuses() {
    let facts = facts()
        .about_a17()
        .polls("10:35", "10:40", 120, 3)
        .alert(FIRING, "10:35")
        .event("10:35", EventKind::Fired, "the row matches")
        .delivery("warehouse", "10:35", |delivery| {
            let words = "310000 keywords not in content";
            delivery.attempts = vec![
                attempt(1, t("10:35"), t("10:35:01"), "refused", Some(310_000), words),
                attempt(2, t("10:38"), t("10:38:01"), "refused", Some(310_000), words),
            ];
            delivery.answer = Some(words.into());
            delivery.held = Some((t("10:43"), format!("{words}: put the robot's keyword into the receiver's `keyword`")));
        });
    assert_snapshot!(facts.told(), @r#"
    sku A-17 has been firing since 10:35 (5 min), warning: the row matches. warehouse has not been told yet: warehouse is held until 10:43: 310000 keywords not in content: put the robot's keyword into the receiver's `keyword`.

    23 10:35:00 poll         poll 1 read 120 rows, of which 3 count  [poll 1]
    23 10:35:00 fired        it fired (warning): the row matches; the row: stock 3  [poll 1, event 100]
    23 10:35:00 delivery     message 10 was made for warehouse: 🟠 库存低于补货点  [delivery 10]
    23 10:35:01 attempt      message 10, try 1: refused, warehouse is held until that is mended: 310000 keywords not in content  [delivery 10]
    23 10:38:01 attempt      message 10, try 2: refused, warehouse is held until that is mended: 310000 keywords not in content  [delivery 10]
    23 10:40:00 poll         poll 2 read 120 rows, of which 3 count; nothing new  [poll 2]
    23 10:40:00 now          message 10 still waits for warehouse: warehouse is held until 10:43: 310000 keywords not in content: put the robot's keyword into the receiver's `keyword`  [delivery 10]
    "#);
}

#[test]
fn it_fires_and_its_message_waited_for_the_budget() {
    let facts = facts()
        .about_a17()
        .polls("09:35", "09:35", 900, 900)
        .alert(FIRING, "09:35")
        .event("09:35", EventKind::Fired, "the row matches")
        .delivery("warehouse", "09:35", |delivery| {
            delivery.attempts = vec![attempt(1, t("09:35:42"), t("09:35:43"), "delivered", Some(0), "0 ok")];
            (delivery.state, delivery.delivered_at, delivery.most_sent) = ("delivered".into(), Some(t("09:35:43")), 18);
        });
    assert_snapshot!(facts.told(), @r#"
    sku A-17 has been firing since 09:35 (1 h 5 min), warning: the row matches. warehouse was told at 09:35:43; it is not told again while it fires, as `repeat_interval` is not set.

    23 09:35:00 poll         poll 1 read 900 rows  [poll 1]
    23 09:35:00 fired        it fired (warning): the row matches; the row: stock 3  [poll 1, event 100]
    23 09:35:00 delivery     message 10 was made for warehouse: 🟠 库存低于补货点  [delivery 10]
    23 09:35:42 delivery     message 10 waited 42 s: the robot's budget of 18 messages a minute was used up  [delivery 10]
    23 09:35:43 attempt      message 10, try 1: warehouse was told; DingTalk answered: 0 ok  [delivery 10]
    "#);
}

#[test]
fn it_fires_in_silence() {
    let mut facts = facts().about_a17().polls("09:35", "09:40", 120, 3).alert(FIRING, "09:35").event(
        "09:35",
        EventKind::Fired,
        "the row matches; warehouse is not told: silence #3 by wang: stocktaking",
    );
    facts.records.silences =
        vec![silence("08:30", "10:00"), crate::domain::silence::Silence { watcher: Some("other".into()), ..silence("08:30", "10:00") }];
    facts.records.silenced = vec![SilencedFact { event: 100, receiver: "warehouse".into(), silence: "#3 by wang: stocktaking".into() }];
    assert_snapshot!(facts.told(), @r#"
    sku A-17 has been firing since 09:35 (1 h 5 min), warning: the row matches. warehouse was not told because of silence #3 by wang: stocktaking; what still fires is told when the silence ends.

    23 08:30:00 silence      silence #3 by wang: stocktaking begins, until 10:00  []
    23 09:35:00 poll         poll 1 read 120 rows, of which 3 count  [poll 1]
    23 09:35:00 fired        it fired (warning): the row matches; warehouse is not told: silence #3 by wang: stocktaking; the row: stock 3  [poll 1, event 100]
    23 09:40:00 poll         poll 2 read 120 rows, of which 3 count; nothing new  [poll 2]
    23 10:00:00 silence      silence #3 ends  []
    "#);
}

#[test]
fn it_fired_outside_of_the_hours_and_is_told_in_the_morning() {
    let mut facts = facts().about_a17().polls("10:30", "10:40", 120, 3).alert(FIRING, "10:35").event(
        "10:35",
        EventKind::Fired,
        "the row matches; it is outside the watcher's hours and is told at 2026-11-24 09:00",
    );
    facts.records.deferred = vec![DeferredFact { event: 100, receiver: "warehouse".into(), due_at: t("1 09:00") }];
    assert_snapshot!(facts.told(), @r#"
    sku A-17 has been firing since 10:35 (5 min), warning: the row matches. warehouse is to be told at 11-24 09:00, when the watcher's hours begin.

    23 10:30:00 poll         poll 1 read 120 rows, of which 3 count; nothing new  [poll 1]
    23 10:35:00 poll         poll 2 read 120 rows, of which 3 count  [poll 2]
    23 10:35:00 fired        it fired (warning): the row matches; it is outside the watcher's hours and is told at 2026-11-24 09:00; the row: stock 3  [poll 2, event 100]
    23 10:40:00 poll         poll 3 read 120 rows, of which 3 count; nothing new  [poll 3]
    "#);
}

#[test]
fn it_was_told_in_a_digest() {
    let facts = facts()
        .about_a17()
        .alert(FIRING, "-1 22:35")
        .event("-1 22:35", EventKind::Fired, "the row matches; it is outside the watcher's hours and is told at 2026-11-23 09:00")
        .delivery("warehouse", "09:00", |delivery| {
            (delivery.is_digest, delivery.title) = (true, "3 events since yesterday evening".into());
            (delivery.state, delivery.delivered_at) = ("delivered".into(), Some(t("09:00:01")));
            delivery.attempts = vec![attempt(1, t("09:00"), t("09:00:01"), "delivered", Some(0), "0 ok")];
        });
    assert_snapshot!(facts.told(), @r#"
    sku A-17 has been firing since 11-22 22:35 (12 h 5 min), warning: the row matches. warehouse was told at 09:00:01 in a digest; it is not told again while it fires, as `repeat_interval` is not set.

    23 09:00:01 delivery     warehouse was told in digest 10; DingTalk answered: 0 ok  [delivery 10]
    "#);
}

#[test]
fn it_fires_and_no_block_is_for_it() {
    let facts = facts().about_a17().polls("09:35", "09:35", 1, 1).alert(FIRING, "09:35").event(
        "09:35",
        EventKind::Fired,
        "the row matches; no `notify` block holds for it, so no one is told",
    );
    assert_snapshot!(facts.told(), @r#"
    sku A-17 has been firing since 09:35 (1 h 5 min), warning: the row matches. no one was told, as no `notify` block holds for it.

    23 09:35:00 poll         poll 1 read 1 row  [poll 1]
    23 09:35:00 fired        it fired (warning): the row matches; no `notify` block holds for it, so no one is told; the row: stock 3  [poll 1, event 100]
    "#);
}

#[test]
fn it_escalated_was_repeated_and_calmed() {
    let facts = facts()
        .about_a17()
        .polls("09:30", "10:40", 120, 3)
        .alert(FIRING, "09:35")
        .declared(|watcher| Watcher { repeat_interval: Some(Duration::from_secs(1800)), max_repeats: Some(1), ..watcher })
        .event("09:35", EventKind::Fired, "the row matches")
        .delivered("warehouse", "09:35")
        .event_of(
            "09:50",
            EventKind::Escalated,
            Severity::Critical,
            Some(("a17", "sku=A-17", "sku=A-17 stock=0")),
            "severity rose from warning to critical",
        )
        .delivered("duty", "09:50")
        .event("10:20", EventKind::Repeated, "it still fires, and repeat_interval has passed")
        .delivered("warehouse", "10:20")
        .trace("10:25", None, TraceWord::Calmed, "its severity fell from critical to warning");
    assert_snapshot!(facts.told(), @r#"
    sku A-17 has been firing since 09:35 (1 h 5 min), warning: the row matches. warehouse was told at 09:35; it escalated at 09:50, and duty was told at 09:50; there are no more reminders, as `max_repeats` is 1.

    23 09:30:00 poll         poll 1 read 120 rows, of which 3 count; nothing new  [poll 1]
    23 09:35:00 poll         poll 2 read 120 rows, of which 3 count  [poll 2]
    23 09:35:00 fired        it fired (warning): the row matches; the row: stock 3  [poll 2, event 100]
    23 09:35:00 delivery     warehouse was told in message 10; DingTalk answered: 0 ok  [delivery 10]
    23 09:40:00 poll         2 polls, the last at 09:45, read 120 rows, of which 3 count; nothing new  [poll 3]
    23 09:50:00 poll         poll 5 read 120 rows, of which 3 count  [poll 5]
    23 09:50:00 escalated    it escalated: severity rose from warning to critical; the row: stock 0  [poll 5, event 101]
    23 09:50:00 delivery     duty was told in message 11; DingTalk answered: 0 ok  [delivery 11]
    23 09:55:00 poll         5 polls, the last at 10:15, read 120 rows, of which 3 count; nothing new  [poll 6]
    23 10:20:00 poll         poll 11 read 120 rows, of which 3 count  [poll 11]
    23 10:20:00 repeated     a reminder of it was made: it still fires, and repeat_interval has passed  [poll 11, event 102]
    23 10:20:00 delivery     warehouse was told in message 12; DingTalk answered: 0 ok  [delivery 12]
    23 10:25:00 poll         poll 12 read 120 rows, of which 3 count  [poll 12]
    23 10:25:00 calmed       its severity fell from critical to warning  [poll 12]
    23 10:30:00 poll         3 polls, the last at 10:40, read 120 rows, of which 3 count; nothing new  [poll 13]
    "#);
}

#[test]
fn it_stays_firing_because_of_hysteresis() {
    let facts = facts()
        .about_a17()
        .polls("09:35", "10:00", 120, 3)
        .alert(FIRING, "09:35")
        .event("09:35", EventKind::Fired, "the row matches")
        .delivered("warehouse", "09:35")
        .trace("09:45", None, TraceWord::Held, "`stock < 100` is not true; stock is 110, but `clear_when` does not hold yet");
    assert_snapshot!(facts.told(), @r#"
    sku A-17 has been firing since 09:35 (1 h 5 min), warning: the row matches. warehouse was told at 09:35; it stays firing, as `stock < 100` is not true; stock is 110, but `clear_when` does not hold yet.

    23 09:35:00 poll         poll 1 read 120 rows, of which 3 count  [poll 1]
    23 09:35:00 fired        it fired (warning): the row matches; the row: stock 3  [poll 1, event 100]
    23 09:35:00 delivery     warehouse was told in message 10; DingTalk answered: 0 ok  [delivery 10]
    23 09:40:00 poll         poll 2 read 120 rows, of which 3 count; nothing new  [poll 2]
    23 09:45:00 poll         poll 3 read 120 rows, of which 3 count  [poll 3]
    23 09:45:00 held         it stays firing: `stock < 100` is not true; stock is 110, but `clear_when` does not hold yet  [poll 3]
    23 09:50:00 poll         3 polls, the last at 10:00, read 120 rows, of which 3 count; nothing new  [poll 4]
    "#);
}

#[test]
fn it_is_gone_and_kept_firing_and_came_back_before() {
    let facts = facts()
        .about_a17()
        .polls("09:35", "10:40", 120, 3)
        .declared(|watcher| Watcher { keep_firing_for: Span::Time(Duration::from_secs(900)), ..watcher })
        .alert(FIRING, "09:35")
        .change_alert(|alert| alert.gone_since = Some(t("10:35")))
        .event("09:35", EventKind::Fired, "the row matches")
        .delivered("warehouse", "09:35")
        .trace("09:45", Some("09:50"), TraceWord::Gone, "it is gone, and stays firing until it has been gone for keep_firing_for")
        .trace("09:50", Some("09:55"), TraceWord::Back, "it is there again and has been firing all the time")
        .trace("10:35", None, TraceWord::Gone, "it is gone, and stays firing until it has been gone for keep_firing_for");
    assert_snapshot!(facts.told(), @r#"
    sku A-17 has been firing since 09:35 (1 h 5 min), warning: the row matches. warehouse was told at 09:35; it is gone since 10:35, and stays firing until it has been gone for 15m.

    23 09:35:00 poll         poll 1 read 120 rows, of which 3 count  [poll 1]
    23 09:35:00 fired        it fired (warning): the row matches; the row: stock 3  [poll 1, event 100]
    23 09:35:00 delivery     warehouse was told in message 10; DingTalk answered: 0 ok  [delivery 10]
    23 09:40:00 poll         poll 2 read 120 rows, of which 3 count; nothing new  [poll 2]
    23 09:45:00 poll         poll 3 read 120 rows, of which 3 count  [poll 3]
    23 09:45:00 gone         it is gone, and stays firing until it has been gone for keep_firing_for (15m)  [poll 3]
    23 09:50:00 poll         poll 4 read 120 rows, of which 3 count  [poll 4]
    23 09:50:00 back         it is there again and has been firing all the time  [poll 4]
    23 09:55:00 poll         8 polls, the last at 10:30, read 120 rows, of which 3 count; nothing new  [poll 5]
    23 10:35:00 poll         poll 13 read 120 rows, of which 3 count  [poll 13]
    23 10:35:00 gone         it is gone, and stays firing until it has been gone for keep_firing_for (15m)  [poll 13]
    23 10:40:00 poll         poll 14 read 120 rows, of which 3 count; nothing new  [poll 14]
    "#);
}

#[test]
fn it_resolved() {
    let facts = facts()
        .about_a17()
        .polls("09:30", "10:30", 120, 3)
        .event("09:35", EventKind::Fired, "the row matches")
        .delivered("warehouse", "09:35")
        .event("10:20", EventKind::Resolved, "the row no longer matches")
        .delivered("warehouse", "10:20");
    assert_snapshot!(facts.told(), @r#"
    sku A-17 does not fire: it fired at 09:35 and was over at 10:20, as the row no longer matches. warehouse was told at 09:35.

    23 09:30:00 poll         poll 1 read 120 rows, of which 3 count; nothing new  [poll 1]
    23 09:35:00 poll         poll 2 read 120 rows, of which 3 count  [poll 2]
    23 09:35:00 fired        it fired (warning): the row matches; the row: stock 3  [poll 2, event 100]
    23 09:35:00 delivery     warehouse was told in message 10; DingTalk answered: 0 ok  [delivery 10]
    23 09:40:00 poll         8 polls, the last at 10:15, read 120 rows, of which 3 count; nothing new  [poll 3]
    23 10:20:00 poll         poll 11 read 120 rows, of which 3 count  [poll 11]
    23 10:20:00 resolved     it resolved after 45 min: the row no longer matches  [poll 11, event 101]
    23 10:20:00 delivery     warehouse was told in message 11; DingTalk answered: 0 ok  [delivery 11]
    23 10:25:00 poll         2 polls, the last at 10:30, read 120 rows, of which 3 count; nothing new  [poll 12]
    "#);
    assert_snapshot!(facts.clone().at("10:20").told().lines().next().unwrap_or_default(), @"sku A-17 resolved at 10:20: the row no longer matches. warehouse was told at 09:35.");
    assert_snapshot!(facts.clone().at("10:28").told().lines().next().unwrap_or_default(), @"At 10:28 sku A-17 did not alert: it fired at 09:35 and was over at 10:20 (the row no longer matches); the poll at 10:25 read 120 rows, and it was not among them.");
    assert_snapshot!(facts.clone().at("09:50").told().lines().next().unwrap_or_default(), @"At 09:50 sku A-17 was firing already, since 09:35 (warning): the row matches. warehouse was told at 09:35; it is not told again while it fires, as `repeat_interval` is not set. It was over at 10:20.");
    assert_snapshot!(facts.clone().at("09:35").told().lines().next().unwrap_or_default(), @"sku A-17 fired at 09:35 (warning): the row matches. warehouse was told at 09:35; it is not told again while it fires, as `repeat_interval` is not set. It was over at 10:20.");
}

#[test]
fn a_delivery_that_was_retried_shortened_and_given_up() {
    let facts = facts()
        .about_a17()
        .polls("09:35", "09:35", 120, 3)
        .event("09:35", EventKind::Fired, "the row matches")
        .delivery("warehouse", "09:35", |delivery| {
            delivery.attempts = vec![
                attempt(1, t("09:35"), t("09:35:01"), "too_long", Some(460_101), "460101 message too long"),
                attempt(2, t("09:35:02"), t("09:35:12"), "uncertain", None, "no answer within 10 s"),
                attempt(3, t("09:36"), t("09:36:01"), "delivered", Some(0), "0 ok"),
            ];
            (delivery.state, delivery.delivered_at, delivery.change) = ("delivered".into(), Some(t("09:36:01")), "shortened".into());
        })
        .delivery("duty", "09:35", |delivery| {
            delivery.attempts = vec![attempt(1, t("09:35"), t("09:35:01"), "content_refused", Some(430_104), "430104 含有不合适的内容")];
            (delivery.state, delivery.reason) =
                ("discarded".into(), Some("refused for its content even when reduced: 430104 含有不合适的内容".into()));
        });
    assert_snapshot!(facts.told(), @r#"
    sku A-17 has been firing since 09:35 (1 h 5 min), warning: the row matches. warehouse was told at 09:36:01; duty was not told: refused for its content even when reduced: 430104 含有不合适的内容; it is not told again while it fires, as `repeat_interval` is not set.

    23 09:35:00 poll         poll 1 read 120 rows, of which 3 count  [poll 1]
    23 09:35:00 fired        it fired (warning): the row matches; the row: stock 3  [poll 1, event 100]
    23 09:35:00 delivery     message 10 was made for warehouse: 🟠 库存低于补货点  [delivery 10]
    23 09:35:00 delivery     message 11 was made for duty: 🟠 库存低于补货点  [delivery 11]
    23 09:35:01 attempt      message 10, try 1: refused as too long: 460101 message too long  [delivery 10]
    23 09:35:01 attempt      message 11, try 1: refused for its content: 430104 含有不合适的内容  [delivery 11]
    23 09:35:01 delivery     message 11 was given up: refused for its content even when reduced: 430104 含有不合适的内容  [delivery 11]
    23 09:35:12 attempt      message 10, try 2: it may have arrived: no answer within 10 s  [delivery 10]
    23 09:36:01 attempt      message 10, try 3: warehouse was told; DingTalk answered: 0 ok  [delivery 10]
    23 09:36:01 delivery     message 10 went out with fewer rows  [delivery 10]
    "#);
}
