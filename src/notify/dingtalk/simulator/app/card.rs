//! Interactive cards.

/// The published template with markdown and buttons.
pub const BUTTON_TEMPLATE: &str = "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema";
