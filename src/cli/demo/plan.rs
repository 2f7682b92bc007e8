//! What happens in the sample shop, and when: a story of some ninety seconds, told again and again with other products.

/// A moment of the demo.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Seconds after the start.
    pub(super) at: i64,
    /// What happens; nothing: only the address of the chat is shown again.
    pub(super) change: Option<Change>,
}

/// Something that happens in the shop.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// A customer orders.
    Order {
        customer: &'static str,
        /// Product and quantity.
        lines: &'static [(i64, i64)],
        /// In percent, on every line.
        discount: i64,
        due_in_days: i64,
    },
    /// The stock of a product falls or rises to a number.
    Stock { product: i64, units: i64 },
    /// A product gets another price; the text goes into the database as it is.
    Price { product: i64, price: &'static str },
    /// The price of before.
    PriceCorrected { product: i64 },
    /// The newest order that is due within two days is shipped.
    ShipUrgent,
    /// So many of the oldest open orders are shipped.
    ShipOldest { orders: i64 },
    /// An order is written without its lines.
    EmptyOrder { customer: &'static str },
    /// Its lines follow.
    FillEmptyOrder,
    /// The supplier of a product is lost.
    SupplierLost { product: i64 },
    /// And found again.
    SupplierFound { product: i64 },
}

/// How long one telling takes, in seconds.
const STORY: i64 = 88;

/// The products of each telling: low in stock, out of stock, with a wrong price. All are sold, and were never ordered anew.
const PRODUCTS: [(i64, i64, i64); 3] = [(39, 10, 62), (19, 8, 20), (16, 60, 12)];
/// Who orders for the first time, as long as there is someone.
const NEW_CUSTOMERS: [&str; 2] = ["FISSA", "PARIS"];

/// The whole demo, endless.
pub(super) fn steps() -> impl Iterator<Item = Step> {
    (0..).flat_map(|telling: i64| {
        let shift = move |(at, change)| Step { at: telling * STORY + at, change };
        story(usize::try_from(telling).unwrap_or_default()).into_iter().map(shift)
    })
}

/// One telling: seconds and changes.
fn story(telling: usize) -> Vec<(i64, Option<Change>)> {
    let (low, out, price) = PRODUCTS[telling % PRODUCTS.len()];
    let order = |customer, lines, discount, due_in_days| Some(Change::Order { customer, lines, discount, due_in_days });
    let mut story = vec![
        (2, order("QUICK", &[(38, 50), (59, 20)], 0, 28)),
        (4, Some(Change::Stock { product: out, units: 0 })),
        (6, Some(Change::Stock { product: low, units: 2 })),
        (10, order("ALFKI", &[(58, 12), (71, 6)], 5, 28)),
        (14, Some(Change::Price { product: price, price: "0.4930" })),
        (18, Some(Change::Stock { product: low, units: 80 })),
        (31, Some(Change::PriceCorrected { product: price })),
        (35, order("HUNGO", &[(51, 30), (44, 10)], 35, 28)),
        (40, order("AROUT", &[(56, 20)], 0, 1)),
        (45, order("SAVEA", &[(38, 90), (29, 40)], 10, 28)),
        (55, Some(Change::ShipUrgent)),
        (60, Some(Change::ShipOldest { orders: 5 })),
        (65, Some(Change::EmptyOrder { customer: "BERGS" })),
        (71, Some(Change::FillEmptyOrder)),
        (74, Some(Change::Stock { product: out, units: 60 })),
        (76, Some(Change::SupplierLost { product: 40 })),
        (82, Some(Change::SupplierFound { product: 40 })),
        (86, None),
    ];
    if let Some(customer) = NEW_CUSTOMERS.get(telling) {
        story.insert(6, (22, order(customer, &[(47, 24)], 0, 28)));
    }
    story
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_come_in_order_and_each_telling_follows_the_last() {
        let at: Vec<i64> = steps().take(60).map(|step| step.at).collect();
        assert!(at.windows(2).all(|pair| pair[0] < pair[1]), "{at:?}");
        assert!(at[59] > 2 * STORY);
    }

    #[test]
    fn a_large_order_a_card_and_a_low_stock_come_in_the_first_seven_seconds() {
        let early: Vec<Step> = steps().take_while(|step| step.at < 7).collect();
        assert!(matches!(early[0].change, Some(Change::Order { .. })));
        assert!(
            matches!(early[1].change, Some(Change::Stock { units: 0, .. }))
                && matches!(early[2].change, Some(Change::Stock { units: 2, .. }))
        );
    }
}
