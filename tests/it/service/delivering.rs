//! When DingTalk misbehaves: nothing is lost, and nothing is called delivered that was not.

use super::house::{House, TOKEN, low_stock};
use chrono::TimeDelta;
use rowbell::notify::dingtalk::simulator::Fault;

/// One alert is made while the robot misbehaves; then time passes until it is delivered.
async fn survives(fault: Fault, times: u32) -> House {
    let house = House::new(&[("low", &low_stock(""))]).await;
    assert!(house.simulator.misbehave(TOKEN, fault, times));
    house.sql("insert into stock values ('a', 3, '1')").await;
    house.step(0).await;
    house
}

/// Steps until nothing waits; how many seconds that took. `posted` is how many messages there were before.
async fn until_delivered(house: &House) -> i64 {
    let mut seconds = 0;
    while house.waiting().await > 0 {
        assert!(house.simulator.messages().len() <= 1, "told twice");
        house.clock.advance(TimeDelta::seconds(1));
        seconds += 1;
        house.engine.deliver_due().await.expect("the outbox is worked on");
        assert!(seconds < 4_000, "never delivered");
    }
    seconds
}

#[tokio::test]
async fn every_way_to_fail_without_taking_the_message_is_tried_again() {
    for fault in [
        Fault::Status(502),
        Fault::Html,
        Fault::Redirect,
        Fault::Cut,
        Fault::Errcode(-1),
        Fault::Flood,
        Fault::X5Json,
        Fault::Hang,
        Fault::Errcode(123_456),
    ] {
        let house = survives(fault.clone(), 2).await;
        assert_eq!((house.waiting().await, house.simulator.messages().len()), (1, 0), "{fault:?}");
        assert!(until_delivered(&house).await > 0, "{fault:?}");
        assert_eq!(house.simulator.messages().len(), 1, "{fault:?}");
        house.close().await;
    }
}

#[tokio::test]
async fn an_answer_that_never_came_is_asked_for_again_with_the_same_uuid() {
    for fault in [Fault::TimeoutAfterAccept, Fault::CutAfterAccept] {
        let house = survives(fault.clone(), 1).await;
        assert_eq!(house.waiting().await, 1, "{fault:?}: not delivered before DingTalk says so");
        until_delivered(&house).await;
        let messages = house.simulator.messages();
        assert_eq!((messages.len(), messages[0].repeats), (1, 1), "{fault:?}");
        house.close().await;
    }
}

#[tokio::test]
async fn a_ban_of_ten_minutes_is_sat_out_and_then_everything_goes() {
    let house = survives(Fault::Ban, 1).await;
    let calls = house.simulator.calls().len();
    assert_eq!(calls, 1, "the first refusal stops the robot");
    house.sql("insert into stock values ('b', 3, '1')").await;
    for _ in 0..9 {
        house.step(60).await;
    }
    assert_eq!(house.simulator.calls().len(), calls, "no call is made during the ban");
    house.step(60).await;
    assert_eq!(house.simulator.messages().len(), 2);
    assert_eq!(house.told().await, ["fired a", "fired b"]);
    house.close().await;
}

#[tokio::test]
async fn a_refusal_that_a_person_must_mend_holds_the_receiver_and_is_probed_gently() {
    let house = survives(Fault::Errcode(310_000), 100).await;
    for _ in 0..120 {
        house.step(60).await;
    }
    let calls = house.simulator.calls().len();
    assert!((10..=30).contains(&calls), "probed {calls} times in two hours");
    let delivery = house.engine.parts().store.deliveries(true, 0).await.expect("deliveries").remove(0);
    assert_eq!(delivery.state, "pending");
    assert!(delivery.held.is_some(), "ops are told why: {delivery:?}");
    house.simulator.forget();
    house.step(600).await;
    assert_eq!(house.waiting().await, 0, "found within ten minutes of being mended");
    house.close().await;
}

#[tokio::test]
async fn a_message_that_is_too_long_is_shortened_until_it_fits() {
    let house = House::new(&[("low", &low_stock(""))]).await;
    assert!(house.simulator.misbehave(TOKEN, Fault::Errcode(460_101), 2));
    house.sql("insert into stock select 'sku-' || value, 1, '1' from (with recursive n(value) as (select 1 union all select value + 1 from n where value < 40) select value from n)").await;
    house.step(0).await;
    let messages = house.simulator.messages();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].text.contains("30 more"), "{}", messages[0].text);
    house.close().await;
}

#[tokio::test]
async fn refused_content_is_sent_without_its_text_and_says_so() {
    let house = survives(Fault::ContentRefused, 1).await;
    let messages = house.simulator.messages();
    assert_eq!(messages.len(), 1);
    assert!(!messages[0].text.contains("qty"), "{}", messages[0].text);
    house.close().await;
}

#[tokio::test]
async fn what_cannot_be_delivered_for_three_days_is_given_up_with_a_reason() {
    let house = survives(Fault::Errcode(300_005), 10_000).await;
    for _ in 0..80 {
        house.clock.advance(TimeDelta::hours(1));
        house.engine.deliver_due().await.expect("the outbox is worked on");
    }
    let delivery = house.engine.parts().store.deliveries(false, 0).await.expect("deliveries").remove(0);
    assert_eq!(delivery.state, "discarded");
    assert!(delivery.reason.is_some_and(|reason| reason.contains("72 hours")));
    house.simulator.forget();
    assert!(house.engine.parts().store.retry_delivery(delivery.id, house.clock.now()).await.expect("a retry"));
    house.engine.deliver_due().await.expect("the outbox is worked on");
    assert_eq!(house.simulator.messages().len(), 1);
    house.close().await;
}

#[tokio::test]
async fn a_thousand_orders_in_a_second_are_all_told_in_few_messages() {
    let watcher = "source = \"shop\"\nevery = \"1s\"\nalert_on = \"new\"\nkey = [\"id\"]\nquery = \"select id, amount from orders\"\nwhen = \"amount > 100000\"\n[[notify]]\nreceivers = [\"warehouse\"]\n";
    let house = House::new(&[("large_order", watcher)]).await;
    house.sql("create table orders (id integer primary key, amount real)").await;
    house.step(0).await;
    let writers = (0..8).map(|writer| {
        let shop = house.shop.clone();
        tokio::spawn(async move {
            for n in 0..125 {
                let insert = sqlx::query("insert into orders values (?, 123456.78)").bind(writer * 1_000 + n);
                insert.execute(&shop).await.expect("an order");
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    // The service polls while they write: rows that commit late, under a lower id, are told all the same.
    for _ in 0..3 {
        house.step(1).await;
    }
    for writer in writers {
        writer.await.expect("a writer");
    }
    house.step(1).await;
    let history = house.history().await;
    let mut ids: Vec<_> = history.iter().filter_map(|line| line.key.as_ref()?.get("id")?.as_str().map(str::to_owned)).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((history.len(), ids.len()), (1_000, 1_000), "each once");
    assert!(history.iter().all(|line| line.deliveries.len() == 1 && line.deliveries[0].state == "delivered"));
    assert!(house.simulator.messages().len() <= 4, "{} messages", house.simulator.messages().len());
    house.close().await;
}
