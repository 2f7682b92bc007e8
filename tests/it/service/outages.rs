//! What is kept, who is told, and what an operator reads, while a robot or a month fails: each as one picture.

use super::house::{DUTY_TOKEN, House, TOKEN, duty, low_stock, start_time};
use chrono::{DateTime, TimeDelta, Utc};
use rowbell::clock::Clock;
use rowbell::notify::dingtalk::simulator::{Fault, SimulatedRobot, SimulatorSettings};
use std::collections::BTreeMap;

/// The words of `rowbell receivers`, the lines of `rowbell deliveries`, and the chats.
async fn picture(house: &House) -> String {
    let parts = house.engine.parts();
    let zone = parts.timezone;
    let wall = |at: DateTime<Utc>| at.with_timezone(&zone).format("%m-%d %H:%M:%S").to_string();
    let stored = |at: &str| DateTime::parse_from_rfc3339(at).map(|at| wall(at.to_utc())).expect("a time");
    let mut lines = vec![format!("at {}", wall(house.clock.now())), "receivers:".to_owned()];
    for receiver in parts.receivers.values() {
        let standing = parts.store.standing(&receiver.terms, house.clock.now()).await.expect("a standing");
        let words = standing.words(&receiver.terms, house.clock.now(), wall);
        let (left, month, waiting) = (standing.left, standing.month(&receiver.terms), standing.waiting);
        lines.push(format!("  {}: {left} left now, month {month}, {waiting} waiting; {words}", receiver.name()));
    }
    lines.push("deliveries:".to_owned());
    let mut deliveries = parts.store.deliveries(false, 0).await.expect("deliveries");
    deliveries.reverse();
    for line in deliveries {
        let merged = line.merged_into.map(|into| format!(", merged into {into}")).unwrap_or_default();
        let moved = line.moved_from.map(|from| format!(", made for {from}")).unwrap_or_default();
        let answer = line.answer.map(|answer| format!(": {answer}")).unwrap_or_default();
        let (id, receiver, state, tries) = (line.id, &line.receiver, &line.state, line.attempts);
        lines.push(format!("  {id} to {receiver} of {}: {state}{merged}{moved}, {tries} tries{answer}", stored(&line.created_at)));
    }
    lines.push("chats:".to_owned());
    for message in house.simulator.messages() {
        lines.push(format!("  {} {}: {}", wall(message.at), message.robot, message.title));
    }
    calm(&lines.join("\n"))
}

/// Without what hangs on chance: waits are up to a quarter shorter, so that receivers do not come back together.
fn calm(text: &str) -> String {
    let mut calm = Vec::new();
    for line in text.lines() {
        let line = match line.split_once("held until ") {
            Some((before, after)) if !after.contains("660026") => {
                format!("{before}held until {}", &after["MM-DD HH:MM:SS".len()..].replacen(": ", "…: ", 1))
            }
            _ => line.to_owned(),
        };
        let line = match line.split_once(" tries").and_then(|(before, after)| Some((before.rsplit_once(' ')?, after))) {
            Some(((before, tries), after)) if tries.parse().is_ok_and(|tries: u32| tries > 3) => format!("{before} many tries{after}"),
            _ => line,
        };
        calm.push(line);
    }
    calm.join("\n")
}

async fn fires(house: &House, sku: &str) {
    house.sql(&format!("insert into stock values ('{sku}', 3, '1')")).await;
}

/// Minutes pass, with a look at each.
async fn minutes(house: &House, minutes: i64) {
    for _ in 0..minutes {
        house.step(60).await;
    }
}

#[tokio::test]
async fn a_ban_of_an_hour() {
    let house = House::with(&[("low", &low_stock(""))], |mut settings: SimulatorSettings| {
        settings.limit.ban = TimeDelta::hours(1);
        settings
    })
    .await;
    assert!(house.simulator.misbehave(TOKEN, Fault::Ban, 1));
    for n in 0..20 {
        fires(&house, &format!("k{n:02}")).await;
        house.step(60).await;
    }
    minutes(&house, 10).await;
    let during = picture(&house).await;
    minutes(&house, 42).await;
    insta::assert_snapshot!(format!("{during}\n\n{}", picture(&house).await));
    house.close().await;
}

#[tokio::test]
async fn a_removed_robot_whose_receiver_has_a_fallback() {
    let house = House::furnished(
        &[("low", &low_stock(""))],
        |settings| settings,
        |simulator, _| format!("warehouse.fallback = \"duty\"\n{}", duty(simulator)),
    )
    .await;
    assert!(house.simulator.misbehave(TOKEN, Fault::Errcode(400_106), 1_000));
    fires(&house, "a").await;
    house.step(0).await;
    fires(&house, "b").await;
    minutes(&house, 2).await;
    let during = picture(&house).await;
    let told = house.simulator.messages().last().expect("the fallback was told").text.clone();
    house.simulator.forget();
    minutes(&house, 20).await;
    fires(&house, "c").await;
    minutes(&house, 1).await;
    insta::assert_snapshot!(format!("{during}\n\n{told}\n\nmended:\n{}", picture(&house).await));
    house.close().await;
}

#[tokio::test]
async fn that_a_receiver_refuses_for_good_is_told_once_with_who_takes_over() {
    let house = House::furnished(
        &[("low", &low_stock(""))],
        |settings| settings,
        |simulator, _| {
            format!("warehouse.fallback = \"duty\"\n[organisations.main]\ntell = [\"duty\", \"warehouse\"]\n{}", duty(simulator))
        },
    )
    .await;
    let told = |house: &House| -> Vec<String> {
        let messages = house.simulator.messages().into_iter().filter(|message| message.title.contains("warehouse"));
        messages.map(|message| message.text).collect()
    };
    house.simulator.misbehave(TOKEN, Fault::Errcode(400_106), 3);
    fires(&house, "a").await;
    minutes(&house, 30).await;
    insta::assert_snapshot!(told(&house).join("\n"), @r"
    ### 🔴 warehouse refuses messages for good

    Why: 400106 机器人不存在: add a robot to the group again and set the new webhook: this one was removed

    duty takes over until it is mended.
    ");
    fires(&house, "b").await;
    minutes(&house, 30).await;
    let moved = house.engine.parts().store.deliveries(false, 0).await.expect("deliveries").into_iter();
    let moved: Vec<u64> = moved.filter(|line| line.moved_from.is_some()).map(|line| line.attempts as u64).collect();
    assert_eq!(moved, [2, 2], "each was refused and taken over");
    assert_eq!(told(&house).len(), 1, "it is told once: {:?}", told(&house));
    house.close().await;
}

#[tokio::test]
async fn a_removed_robot_of_a_pool() {
    let more = |simulator: &rowbell::notify::dingtalk::simulator::Simulator| {
        let robot = |token: &str| format!("{{ webhook = \"{}\" }}", simulator.webhook(token));
        format!("[receivers.pool]\ntype = \"dingtalk_robot\"\nrobots = [{}, {}]\n", robot("pool1"), robot("pool2"))
    };
    let robots = |settings: SimulatorSettings| {
        settings.with_robot(SimulatedRobot::new("pool1", "pool1")).with_robot(SimulatedRobot::new("pool2", "pool2"))
    };
    let watchers: Vec<(String, String)> = (0..4)
        .map(|n| {
            (format!("w{n}"), low_stock("").replace("\"warehouse\"", "\"pool\"").replace("sku, qty", &format!("sku || '{n}' as sku, qty")))
        })
        .collect();
    let watchers: Vec<(&str, &str)> = watchers.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let house = House::furnished(&watchers, robots, |simulator, _| more(simulator)).await;
    let told = |house: &House| -> BTreeMap<String, String> {
        house.simulator.messages().iter().map(|message| (message.title.clone(), message.robot.clone())).collect()
    };
    fires(&house, "a").await;
    house.step(0).await;
    let before = told(&house);
    assert_eq!(before.len(), 4);
    fires(&house, "b").await;
    house.step(60).await;
    assert_eq!(told(&house), before, "an alert stays with its robot");
    assert!(before.values().any(|robot| robot == "pool1") && before.values().any(|robot| robot == "pool2"), "{before:?}");
    assert!(house.simulator.misbehave("pool1", Fault::Errcode(400_106), 1_000));
    fires(&house, "c").await;
    house.step(60).await;
    assert!(told(&house).values().all(|robot| robot == "pool2"), "{:?}", told(&house));
    assert_eq!((house.simulator.messages().len(), house.waiting().await), (12, 0));
    let picture = picture(&house).await;
    let pool = picture.lines().find(|line| line.contains("pool:")).expect("the pool");
    assert!(pool.contains("held until") && pool.contains("add a robot to the group again") && !pool.contains("refuses for good"), "{pool}");
    house.close().await;
}

#[tokio::test]
async fn a_month_that_is_used_up() {
    let critical = low_stock("severity = [{ when = \"qty < 1\", level = \"critical\" }]");
    let organisation = |simulator: &rowbell::notify::dingtalk::simulator::Simulator| {
        format!("warehouse.organisation = \"main\"\n[organisations.main]\nmonthly_quota = 20\ntell = [\"duty\"]\n{}", duty(simulator))
    };
    let house = House::furnished(
        &[("low", &critical)],
        |settings| SimulatorSettings { webhook_quota: Some(20), ..settings },
        |simulator, _| organisation(simulator),
    )
    .await;
    for n in 0..18 {
        fires(&house, &format!("k{n:02}")).await;
        house.step(60).await;
    }
    let low = picture(&house).await;
    for n in 0..3 {
        house.sql(&format!("insert into stock values ('z{n}', 0, '1')")).await;
        house.step(60).await;
    }
    minutes(&house, 20).await;
    let over = picture(&house).await;
    house.clock.advance(TimeDelta::days(8));
    minutes(&house, 2).await;
    insta::assert_snapshot!(format!("{low}\n\n{over}\n\nthe next month:\n{}", picture(&house).await));
    house.close().await;
}

/// A receiver that signs, and a robot that asks for a signature with this secret.
async fn signing(secret: &str, simulated: impl FnOnce(SimulatorSettings) -> SimulatorSettings) -> House {
    let watcher = low_stock("").replace("\"warehouse\"", "\"duty\"");
    let own = |mut settings: SimulatorSettings| {
        let robots = settings.robots.iter_mut().filter(|robot| robot.token == DUTY_TOKEN);
        robots.for_each(|robot| robot.secret = Some("SECright".into()));
        simulated(settings)
    };
    House::furnished(&[("low", &watcher)], own, |simulator, _| format!("{}secret = \"{secret}\"\n", duty(simulator))).await
}

#[tokio::test]
async fn a_wrong_secret() {
    let house = signing("SECwrong", |settings| settings).await;
    fires(&house, "a").await;
    minutes(&house, 12).await;
    insta::assert_snapshot!(picture(&house).await);
}

#[tokio::test]
async fn a_clock_that_drifts() {
    let clock = Clock::at(start_time());
    let theirs = clock.clone();
    let house = signing("SECright", |settings| SimulatorSettings { clock: theirs, ..settings }).await;
    clock.advance(TimeDelta::minutes(90));
    fires(&house, "a").await;
    minutes(&house, 3).await;
    let drifted = picture(&house).await;
    clock.advance(house.clock.now() - clock.now());
    minutes(&house, 3).await;
    insta::assert_snapshot!(format!("{drifted}\n\nthe clock is set:\n{}", picture(&house).await));
    house.close().await;
}
