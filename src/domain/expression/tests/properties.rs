//! What holds for all expressions, rows and numbers.

use super::*;
use proptest::prelude::*;

/// Pieces of expressions, to make texts that get far.
const PIECES: &[&str] = &[
    "stock",
    "name",
    "gone",
    "rate",
    "nan",
    "due",
    "created",
    "seen",
    "lite",
    "lag",
    "tag",
    "raw",
    "doc",
    "active",
    "previous.price",
    "severity",
    "1",
    "0",
    "'a'",
    "'2026-01-01'",
    "null",
    "true",
    "1e999999999",
    "-",
    "+",
    "*",
    "/",
    "%",
    "||",
    "=",
    "<>",
    "<",
    ">=",
    "and",
    "or",
    "not",
    "is null",
    "is not true",
    "in (1, 2)",
    "between 1 and",
    "like 'a%'",
    "like",
    "(",
    ")",
    ",",
    "case",
    "when",
    "then",
    "else",
    "end",
    "abs(",
    "round(",
    "coalesce(",
    "greatest(",
    "lower(",
    "length(",
    "nullif(",
    "cast(",
    "as numeric)",
    "as text)",
    "as date)",
    "as timestamptz)",
    "::int",
    "now()",
    "current_date",
    "interval '1 day'",
    "interval '300000 years'",
    "is distinct from",
    "\"",
    "'",
    ";",
    "--",
    "/*",
    "中",
    "\n",
];

fn operand() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(&PIECES[..22]).prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let binary =
            prop::sample::select(vec!["+", "-", "*", "/", "%", "||", "=", "<>", "<", ">=", "and", "or", "is distinct from", "like"]);
        prop_oneof![
            (inner.clone(), binary, inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            (prop::sample::select(vec!["abs", "round", "floor", "lower", "length", "coalesce", "-", "not "]), inner.clone())
                .prop_map(|(f, a)| format!("{f}({a})")),
            (
                inner.clone(),
                prop::sample::select(vec![
                    "numeric",
                    "text",
                    "date",
                    "timestamp",
                    "timestamptz",
                    "time",
                    "boolean",
                    "interval",
                    "float",
                    "int"
                ])
            )
                .prop_map(|(a, t)| format!("cast({a} as {t})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("case when {a} then {b} else {c} end")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a}) between ({b}) and ({c})")),
        ]
    })
}

const KINDS: [Kind; 13] = [
    Kind::Null,
    Kind::Bool,
    Kind::Number,
    Kind::Float,
    Kind::Text,
    Kind::Bytes,
    Kind::Date,
    Kind::Time,
    Kind::DateTime,
    Kind::Instant,
    Kind::Interval,
    Kind::Json,
    Kind::Other,
];

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        (any::<i64>(), 0u32..6).prop_map(|(n, scale)| format!("{n}e-{scale}")),
        (-30i64..30, 0u32..3).prop_map(|(n, scale)| format!("{n}e-{scale}")),
        any::<i64>().prop_map(|n| n.to_string()),
        "-?[0-9]{1,60}(\\.[0-9]{1,40})?",
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(|f| format!("{f:e}")),
    ]
}

/// The truth of a comparison of two number literals.
fn holds(text: &str) -> bool {
    match evaluate(text) {
        Ok(Value::Bool(truth)) => truth,
        other => panic!("{text}: {other:?}"),
    }
}

proptest! {
    #[test]
    fn any_text_is_an_expression_or_an_error_with_a_place(text in "\\PC{0,60}") {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error);
        }
    }

    #[test]
    fn any_pieces_of_sql_are_an_expression_or_an_error_with_a_place(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..12)) {
        let text = pieces.join(" ");
        if let Err(error) = evaluate(&text) {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error);
        }
    }

    #[test]
    fn any_expression_has_a_value_or_an_error_with_a_place(text in operand()) {
        if let Err(error) = evaluate(&text) {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error);
        }
    }

    #[test]
    fn not_turns_truth_round_and_keeps_the_unknown(text in operand()) {
        let value = |text: &str| evaluate(text).ok().filter(|value| matches!(value, Value::Bool(_) | Value::Null));
        if let Some(truth) = value(&format!("({text}) is not distinct from true or ({text}) = false")) {
            prop_assert_eq!(value(&format!("not not (({text}) is not distinct from true or ({text}) = false)")), Some(truth));
        }
        if let Some(Value::Bool(truth)) = value(&text) {
            prop_assert_eq!(value(&format!("not ({text})")), Some(Value::Bool(!truth)));
            prop_assert_eq!(value(&format!("({text}) or not ({text})")), Some(Value::Bool(true)));
        }
    }

    #[test]
    fn any_row_can_be_evaluated(kinds in prop::collection::vec(0..KINDS.len(), 3), texts in prop::collection::vec("\\PC{0,20}|-?[0-9.e-]{1,12}|[0-9]{1,9}-[0-9]{1,2}-[0-9]{1,2}|P[0-9]{1,12}[YMD]", 3)) {
        let names = ["a", "b", "c"];
        let cells: Vec<_> = (0..3).map(|n| (names[n], KINDS[kinds[n]], Some(texts[n].as_str()))).collect();
        let row = row(&cells);
        let scope = Scope { row: &row, previous: Some(&row), severity: None, now: now(), zone: ZONE };
        for text in ["a < b", "a + b > c", "a - b", "a * b", "a / b", "a % b", "a || b", "cast(a as text)", "cast(a as numeric)", "cast(a as timestamptz)", "cast(a as date)", "cast(a as interval)", "round(a, 2)", "length(a)", "a like b", "greatest(a, b, c)", "a between b and c", "a in (b, c)", "-a", "now() - a", "a + interval '1 month'", "a is distinct from previous.b"] {
            if let Err(error) = Expression::parse(text).unwrap().evaluate(&scope) {
                prop_assert!(text.get(error.span.clone()).is_some());
            }
        }
    }

    #[test]
    fn comparison_is_a_total_order_of_numbers(a in number(), b in number(), c in number()) {
        let less = |a: &str, b: &str| holds(&format!("{a} < {b}"));
        let equal = |a: &str, b: &str| holds(&format!("{a} = {b}"));
        prop_assert!(equal(&a, &a));
        prop_assert_eq!(u8::from(less(&a, &b)) + u8::from(less(&b, &a)) + u8::from(equal(&a, &b)), 1);
        prop_assert!(!(less(&a, &b) && less(&b, &c)) || less(&a, &c));
        prop_assert_eq!(less(&a, &b), holds(&format!("{b} - {a} > 0")));
        prop_assert_eq!(less(&a, &b), holds(&format!("({a} + {c}) < ({b} + {c})")));
    }

    #[test]
    fn whole_numbers_compute_as_in_rust(a in any::<i32>(), b in any::<i32>()) {
        let (a, b) = (i64::from(a), i64::from(b));
        prop_assert_eq!(shown(&format!("{a} + {b}")), (a + b).to_string());
        prop_assert_eq!(shown(&format!("{a} * {b}")), (a * b).to_string());
        prop_assert_eq!(shown(&format!("{a} - {b}")), (a - b).to_string());
        if b != 0 {
            let rest = a % b;
            let (remainder, division) = (format!("{a} % {b} = {rest}"), format!("abs({a} / {b} * {b} - {a}) < 1e-80"));
            prop_assert!(holds(&remainder));
            prop_assert!(holds(&division));
        }
    }

    #[test]
    fn floats_are_ordered_as_floats_and_equal_what_is_shown(a in any::<f64>(), b in any::<f64>()) {
        let row = row(&[("a", Kind::Float, Some(&a.to_string())), ("b", Kind::Float, Some(&b.to_string()))]);
        let scope = Scope { row: &row, previous: None, severity: None, now: now(), zone: ZONE };
        let holds = |text: &str| Expression::parse(text).unwrap().holds(&scope).unwrap();
        if !a.is_nan() && !b.is_nan() {
            prop_assert_eq!(holds("a < b"), a < b);
            prop_assert_eq!(holds("a = b"), a == b);
        }
        if a.is_finite() {
            let equal = format!("a = {a:e}");
            prop_assert!(holds(&equal));
        }
    }

    #[test]
    fn like_is_what_a_plain_search_finds(text in "[ab]{0,8}", part in "[ab]{0,3}") {
        prop_assert_eq!(holds(&format!("'{text}' like '%{part}%'")), text.contains(&part));
        prop_assert_eq!(holds(&format!("'{text}' like '{part}%'")), text.starts_with(&part));
        prop_assert_eq!(holds(&format!("'{text}' like '%{part}'")), text.ends_with(&part));
        prop_assert_eq!(holds(&format!("'{text}' like '{}'", "_".repeat(text.len()))), true);
    }
}
