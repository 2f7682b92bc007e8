//! No planted token or password gets out: not into errors, `Debug`, the history, the outbox, the metrics or the store.

use super::house::{House, TOKEN, low_stock};
use rowbell::notify::dingtalk::simulator::Fault;

#[tokio::test]
async fn the_robots_token_is_nowhere_though_everything_fails() {
    let house = House::new(&[("low", &low_stock(""))]).await;
    house.sql("insert into stock values ('a', 3, '1')").await;
    for fault in [Fault::Echo, Fault::Hang, Fault::Cut, Fault::Redirect, Fault::Errcode(300_005)] {
        assert!(house.simulator.misbehave(TOKEN, fault, 1));
    }
    for _ in 0..12 {
        house.step(60).await;
    }
    let store = &house.engine.parts().store;
    let mut shown = format!("{:?}\n{:?}\n{}", house.engine.parts(), house.settings(), house.engine.parts().metrics.render());
    shown.push_str(&format!("{:?}\n{:?}", house.history().await, store.deliveries(false, 0).await.expect("deliveries")));
    assert!(!shown.contains(TOKEN), "the token is shown");
    for name in ["state.db", "state.db-wal"] {
        let bytes = std::fs::read(house.folder.path().join(name)).unwrap_or_default();
        assert!(!bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes()), "the token is in {name}");
    }
    house.close().await;
}
