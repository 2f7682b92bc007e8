//! What is refused, at which place and with which hint; what `check` finds; and the limits.

use super::*;

/// What is refused: the text, the part that is marked, the message, the hint.
fn refusals(cases: &[(&str, &str, &str, &str)]) {
    for (text, marked, message, hint) in cases {
        let error = match Expression::parse(text) {
            Err(error) => error,
            Ok(expression) => panic!("{text} is accepted as {:?}", expression.tree),
        };
        let found = (&text[error.span.clone()], error.message.as_str(), error.hint.as_deref().unwrap_or(""));
        assert_eq!(found, (*marked, *message, *hint), "{text}");
    }
}

#[test]
fn mistakes_are_refused_at_their_place_with_a_hint() {
    refusals(&[
        ("a > 1 || b > 2", "2", "comparisons cannot be chained", "`||` joins texts; between conditions write `or`"),
        (
            "1 < stock < 5",
            "5",
            "comparisons cannot be chained",
            "write `a < b and b < c`, or parentheses around a condition that is compared",
        ),
        ("stock == 5", "==", "unknown operator `==`", "SQL compares with ="),
        ("stock = null", "stock = null", "a comparison with NULL is never true", "use `is null`"),
        ("stock != null", "stock != null", "a comparison with NULL is never true", "use `is not null`"),
        ("stock in (1, null)", "null", "a comparison with NULL is never true", "use `is null`, joined with `or`"),
        ("stock < 5;", ";", "an expression has no `;`", "leave it out"),
        ("stock < 5, price", ",", "only one expression is wanted", "join conditions with `and` or `or`"),
        ("select 1", "select", "a subquery cannot be evaluated here", "let the watcher's query select it as a column"),
        (
            "stock < (select max(x) from t)",
            "select",
            "a subquery cannot be evaluated here",
            "let the watcher's query select it as a column",
        ),
        ("where stock < 5", "where", "`where` does not belong to a condition", "write only what stands after it"),
        ("roun(price) > 1", "roun", "unknown function roun", "did you mean round?"),
        ("nvl(price, 0) > 1", "nvl", "unknown function nvl", "write coalesce(x, 0)"),
        (
            "sum(price) > 1",
            "sum",
            "unknown function sum",
            "aggregates belong in the query; for the larger of two values write greatest(a, b)",
        ),
        ("datetime('now') > lite", "datetime", "unknown function datetime", "write now()"),
        ("a && b", "&&", "unknown operator `&&`", "write and"),
        ("!a", "!", "unknown operator `!`", "write not"),
        ("stock （5）", "（", "`（` is a full-width character", "write ("),
        ("name = “a”", "“", "`“` is a full-width character", "write '"),
        ("", "", "the expression is empty", "for example `stock < 10 and name is not null`"),
        ("   ", "   ", "the expression is empty", "for example `stock < 10 and name is not null`"),
        ("abs(1, 2)", "abs(1, 2)", "abs takes one argument, not 2", ""),
        ("stock is 5", "5", "expected null, true, false or distinct from after `is`, found `5`", "write = to compare with a value"),
    ]);
}

#[test]
fn what_sql_has_and_we_do_not_is_refused() {
    let refused = [
        "stock >",
        "stock < 5)",
        "(stock < 5",
        "stock 5",
        "name = 'abc",
        "\"name = 5",
        "count(*) > 5",
        "sum(x) over () > 1",
        "row_number() over (order by x)",
        "stock < any (1)",
        "stock <> all (1)",
        "x ~ 'a'",
        "x regexp 'a'",
        "extract(year from due) = 1",
        "x at time zone 'UTC'",
        "substring(name from 1 for 2) = 'a'",
        "exists (select 1)",
        "stock in ()",
        "stock in (select 1)",
        "(1, 2) = (3, 4)",
        "a.b.c = 1",
        "t.stock = 1",
        "stock = $1",
        "stock = ?",
        "stock = :x",
        "case when 1 then",
        "interval '2 bananas'",
        "date '2026-13-01'",
        "stock between 1",
        "stock between null and 2",
        "not",
        "and",
        "stock like any ('a')",
        "name collate nocase = 'a'",
        "doc ->> 'a' = 'b'",
        "arr[1] = 2",
        "[1] = 2",
        "{a: 1}",
        "*",
        "stock.* = 1",
        "cast(x as uuid)",
        "try_cast(x as int)",
        "convert(x, int)",
        "x div 2",
        "x := 2",
        "x <=> 2",
        "x xor y",
        "x ^ 2",
        "x & 1",
        "x | 1",
        "N'abc' = 'a'",
        "$$a$$ = 'a'",
        "X'0' = raw",
        "floor(x to day) = 1",
        "greatest()",
        "now(3)",
        "current_time > 1",
        "round(x, 1, 2)",
        "lower(distinct name) = 'a'",
        "lower(name => 'a')",
        "previous.a.b = 1",
        "stock < 5 limit 1",
        "stock < 5 order by 1",
        "stock as x",
        "stock >= = 5",
        "stock => 5",
        "1 < stock < 5",
        "x -> x > 1",
        "'a' like 'b' escape '!!'",
        "'a' like 5",
        "case 1 when null then 2 end",
        "unknown_function()",
        "stock isnull",
        "trim(both 'x' from name) = 'a'",
        "interval '1-2' year to month > lag",
        "interval (1 + 1) day > lag",
        "a b c",
    ];
    for text in refused {
        let error = Expression::parse(text).err().unwrap_or_else(|| panic!("{text} is accepted"));
        assert!(text.get(error.span.clone()).is_some(), "{text}: {:?}", error.span);
        assert!(!error.message.is_empty() && !error.message.contains("Line:"), "{text}: {}", error.message);
    }
}

#[test]
fn words_of_sql_that_are_common_column_names_are_columns() {
    for name in [
        "user",
        "date",
        "time",
        "timestamp",
        "year",
        "count",
        "max",
        "key",
        "value",
        "type",
        "status",
        "level",
        "order",
        "group",
        "end",
        "text",
        "rank",
        "previous",
        "position",
        "desc",
        "from",
        "\"select\"",
        "\"and\"",
        "`or`",
    ] {
        let text = format!("{name} = 1");
        let expression = Expression::parse(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(expression.columns(), [(name.trim_matches(['"', '`']), 0..name.len())], "{text}");
    }
}

/// What `check_condition` finds, as `marked text: message | hint`.
fn found(text: &str) -> Vec<String> {
    let kind = |kind, name| if name == "gone" { None } else { Some(kind) };
    let columns: Vec<_> = CELLS.iter().map(|(name, of, _)| ((*name).to_owned(), kind(*of, *name))).collect();
    let errors = Expression::parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).check_condition(&columns);
    errors.into_iter().map(|e| format!("{}: {} | {}", &text[e.span], e.message, e.hint.unwrap_or_default())).collect()
}

#[test]
fn check_finds_names_and_types_that_are_wrong() {
    let cases: &[(&str, &[&str])] = &[
        ("stock < 5 and name like 'a%' and due < now()", &[]),
        ("gone > 5 and gone = 'x'", &[]),
        ("stok < 5", &["stok: unknown column `stok` | did you mean `stock`?"]),
        ("previous.stok < 5", &["previous.stok: unknown column `stok` | did you mean `stock`?"]),
        ("name = \"abc\"", &["\"abc\": unknown column `abc` | a text is written in single quotes: 'abc'"]),
        ("severity = critical", &["critical: unknown column `critical` | a text is written in quotes: 'critical'"]),
        ("severity = 'kritisch'", &["'kritisch': severity compares with a severity | write 'info', 'warning' or 'critical'"]),
        ("name > 0", &["name > 0: cannot compare text with a number | write cast(name as numeric)"]),
        ("stock > '100'", &["stock > '100': cannot compare a number with text | a number is written without quotes: 100"]),
        (
            "stock between '1' and '5'",
            &[
                "stock between '1': cannot compare a number with text | a number is written without quotes: 1",
                "stock between '1' and '5': cannot compare a number with text | a number is written without quotes: 5",
            ],
        ),
        ("stock in (1, 'x')", &["stock in (1, 'x': cannot compare a number with text | "]),
        ("due < 'soon'", &["'soon': the text cannot be read as a date | it is written '2026-11-23'"]),
        ("lag > 5", &["lag > 5: cannot compare an interval with a number | write an interval, such as interval '30 days'"]),
        ("active = 'true'", &["active = 'true': cannot compare a boolean with text | write true or false, without quotes"]),
        ("tag > 5", &["tag > 5: cannot compare a value of a special type with a number | write cast(tag as numeric)"]),
        ("name", &["name: text is not a condition | compare it with something, such as `stock < 10` or `name is not null`"]),
        ("stock < 5 and name", &["name: text is not a condition | compare it with something, such as `stock < 10` or `name is not null`"]),
        ("stock", &[]),
        ("lower(stock) = 'a'", &["stock: the function takes text, not a number | write cast(stock as text)"]),
        ("stock like '5%'", &["stock: like compares text, not a number | write cast(stock as text)"]),
        ("name + 1 > 5", &["name + 1: cannot add text and a number | "]),
        ("-name > 5", &["-name: cannot negate text | "]),
        (
            "case when name then 1 else 2 end = 1",
            &["name: text is not a condition | compare it with something, such as `stock < 10` or `name is not null`"],
        ),
        (
            "coalesce(name, 'x') > 5",
            &["coalesce(name, 'x') > 5: cannot compare text with a number | write cast(coalesce(name, 'x') as numeric)"],
        ),
        ("round(name) > 5", &["name: the function takes a number, not text | write cast(name as numeric)"]),
        ("now() - created > interval '1 hour'", &[]),
        ("lite < now() - interval '1 day'", &[]),
        ("cast(name as numeric) > 5", &[]),
        (
            "stok > 1 and nam = 2",
            &["stok: unknown column `stok` | did you mean `stock`?", "nam: unknown column `nam` | did you mean `name`?"],
        ),
    ];
    for (text, expected) in cases {
        let found = found(text);
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), *expected, "{text}");
    }
}

#[test]
fn what_check_accepts_can_be_wrong_only_in_its_values() {
    // Every pair of columns, compared: check and evaluation agree on what goes together.
    for (left, left_kind, _) in CELLS {
        for (right, right_kind, _) in CELLS {
            let text = format!("\"{left}\" = \"{right}\"");
            let columns = [((*left).to_owned(), Some(*left_kind)), ((*right).to_owned(), Some(*right_kind))];
            let accepted = Expression::parse(&text).unwrap().check(&columns).is_empty();
            match evaluate(&text) {
                Ok(_) => assert!(accepted, "{text} is refused and can be evaluated"),
                Err(error) => assert_eq!(accepted, error.message.contains("cannot be read"), "{text}: {error}"),
            }
        }
    }
}

#[test]
fn it_knows_what_it_asks_for() {
    let expression =
        Expression::parse("price > previous.price and due < now() and severity = 'info' and \"Mixed Case\" = key.sku").unwrap();
    assert!(expression.uses_now() && expression.uses_previous());
    assert_eq!(expression.severity_span(), Some(43..51));
    assert_eq!(expression.columns().iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["price", "due", "Mixed Case", "sku"]);
    let plain = Expression::parse("stock < 5").unwrap();
    assert!(!plain.uses_now() && !plain.uses_previous() && plain.severity_span().is_none());
    assert_eq!(plain.text(), "stock < 5");
}

#[test]
fn holds_is_only_for_conditions_that_are_true() {
    let row = row(CELLS);
    let scope = Scope { row: &row, previous: None, severity: None, now: now(), zone: ZONE };
    let holds = |text| Expression::parse(text).unwrap().holds(&scope).map_err(|e| e.message);
    assert_eq!(holds("stock = 5"), Ok(true));
    assert_eq!(holds("stock = 6"), Ok(false));
    assert_eq!(holds("gone = 6"), Ok(false));
    assert_eq!(holds("flag"), Ok(true));
    assert_eq!(holds("name"), Err("text is not a condition".into()));
    assert_eq!(holds("severity = 'info'"), Err("the severity is not known here".into()));
}

#[test]
fn places_are_right_behind_wide_characters_and_line_ends() {
    refusals(&[("名称 = '缺货' and\n  库存 == 5", "==", "unknown operator `==`", "SQL compares with =")]);
    let text = "中文列 = '缺货'\n\tand 不在 > 1";
    let errors = Expression::parse(text).unwrap().check(&[("中文列".into(), Some(Kind::Text))]);
    assert_eq!(&text[errors[0].span.clone()], "不在");
}

#[test]
fn columns_of_another_result_are_found_again() {
    let expression = Expression::parse("b = 2").unwrap();
    for cells in [
        &[("a", Kind::Number, Some("1")), ("b", Kind::Number, Some("2"))][..],
        &[("b", Kind::Number, Some("2"))],
        &[("B", Kind::Number, Some("2"))],
    ] {
        let row = row(cells);
        let scope = Scope { row: &row, previous: None, severity: None, now: now(), zone: ZONE };
        assert_eq!(expression.holds(&scope), Ok(true));
    }
}

#[test]
fn a_row_with_too_few_cells_is_an_error_and_no_panic() {
    let columns = Columns::new(vec!["a".into(), "b".into()]).unwrap();
    let row = Row::from_cells(columns, [(Kind::Number, Some("1"))]);
    let scope = Scope { row: &row, previous: Some(&row), severity: None, now: now(), zone: ZONE };
    assert!(Expression::parse("b = 2").unwrap().evaluate(&scope).is_err());
    assert!(Expression::parse("previous.b = 2").unwrap().evaluate(&scope).is_err());
}

#[test]
fn errors_never_show_a_rows_content() {
    for text in [
        "cast(secret as numeric)",
        "secret < now()",
        "secret + 1",
        "abs(secret)",
        "secret and true",
        "secret > 5",
        "lower(other)",
        "other > 5",
        "cast(secret as date)",
        "secret + interval '1 day'",
        "1 like secret",
        "'a' like secret",
    ] {
        let row = row(&[("secret", Kind::Text, Some("hunter2\\")), ("other", Kind::Date, Some("hunter2"))]);
        let scope = Scope { row: &row, previous: None, severity: None, now: now(), zone: ZONE };
        let result = Expression::parse(text).and_then(|e| e.evaluate(&scope));
        if let Err(error) = result {
            assert!(!format!("{error:?}").contains("hunter2"), "{text}: {error:?}");
        }
    }
}

#[test]
fn depth_and_length_are_limited_and_cost_little() {
    let deep = [
        "(".repeat(5000) + "1" + &")".repeat(4999),
        "not ".repeat(2400) + "true",
        "- ".repeat(4900) + "1",
        "case when ".repeat(900),
        "1+".repeat(4900) + "1",
        "1+".repeat(990) + "1",
        "1||".repeat(300) + "1",
        "1=".repeat(990) + "1",
        "f(".repeat(4000),
        "if(current_time(".repeat(24),
        "case-".repeat(900) + "c",
        "a is distinct from ".repeat(300) + "1",
        "abs(".repeat(60) + "1" + &")".repeat(60),
        "x".repeat(10_001),
    ];
    for text in deep {
        assert!(Expression::parse(&text).is_err(), "{}", &text[..20]);
    }
}

#[test]
fn the_deepest_expressions_fit_on_a_small_stack() {
    let accepted = [
        "stock > 1 and ".repeat(400) + "true",
        "stock > 1 or ".repeat(400) + "true",
        "(stock + ".repeat(48) + "1" + &")".repeat(48) + " > 1",
        "1 + ".repeat(95) + "1 > 1",
        "abs(".repeat(45) + "-1" + &")".repeat(45) + " > 0",
        format!("stock in ({}5)", "1, ".repeat(3000)),
        "not ".repeat(45) + "true",
        "case when stock > 5 then 1 else ".repeat(40) + "2" + &" end".repeat(40) + " = 2",
    ];
    let run = move || {
        for text in accepted {
            let (row, text) = (row(CELLS), text.as_str());
            let scope = Scope { row: &row, previous: None, severity: None, now: now(), zone: ZONE };
            let expression = Expression::parse(text).unwrap_or_else(|e| panic!("{}: {e}", &text[..30]));
            assert_eq!(expression.check_condition(&[("stock".into(), Some(Kind::Number))]), []);
            assert!(expression.holds(&scope).is_ok(), "{}", &text[..30]);
        }
    };
    std::thread::Builder::new().stack_size(1024 * 1024).spawn(run).unwrap().join().unwrap();
}

/// A number that is short to write and endless to write out is refused before it is.
#[test]
fn numbers_of_a_billion_digits_cost_nothing() {
    for text in ["round(1.5, 1e999999999) > 0", "round(1.5, 1e-999999999) > 0", "current_date + 1e-999999999 > current_date"] {
        let row = crate::domain::row::Row::new(crate::domain::row::Columns::new(Vec::new()).expect("no columns"));
        let now = chrono::DateTime::UNIX_EPOCH;
        let scope = crate::domain::expression::Scope { row: &row, previous: None, severity: None, now, zone: chrono_tz::UTC };
        let refused = Expression::parse(text).and_then(|expression| expression.holds(&scope));
        assert!(refused.is_err(), "{text}");
    }
}
