use super::*;
use Dialect::{Mysql, Postgres, Sqlite};

fn number(digits: &str) -> Param {
    Param::Number(ExactNumber::parse(digits).expect("a number"))
}

/// Each value as its number, in angle brackets.
fn assembled(query: &Query, dialect: Dialect) -> Statement {
    query.assemble(dialect, &mut |number, _| format!("<{number}>"))
}

fn sql(query: &Query, dialect: Dialect) -> String {
    assembled(query, dialect).sql
}

#[test]
fn only_known_names_are_replaced() {
    let query =
        Query::plain("select :a, :b, :c, ':a' from t where x->>:b = ? and y::a like '%'").with("b", Param::Null).with("a", number("1"));
    assert_eq!(sql(&query, Postgres), "select <1>, <0>, :c, ':a' from t where x->><0> = ? and y::a like '%'");
}

#[test]
fn a_text_is_sent_as_it_is_but_for_its_end() {
    for (text, sent) in
        [("select 1 -- x", "select 1"), ("/* a */ select 1;\n", "/* a */ select 1"), ("select 1; select 2", "select 1; select 2")]
    {
        assert_eq!(sql(&Query::plain(text), Mysql), sent);
    }
}

#[test]
fn of_two_values_with_one_name_the_first_counts() {
    let query = Query::plain("select :a").with("a", Param::Null).with("a", Param::Bool(true));
    assert_eq!(sql(&query, Postgres), "select <0>");
}

#[test]
fn a_window_wraps_the_text_whatever_its_end() {
    let from = |text: &str| Query::plain(text).within(Window::From { column: "Id".to_owned(), value: number("7") });
    let expected = "select * from (select * from t\n) as rowbell_query where rowbell_query.\"Id\" >= <0> or rowbell_query.\"Id\" is null";
    for text in ["select * from t", "select * from t -- the end", "select * from t ; /* end */ ;", "select * from t /* a\n */"] {
        assert_eq!(sql(&from(text), Postgres), expected, "{text}");
    }
}

#[test]
fn a_columns_name_is_quoted_as_its_database_does() {
    let from = |column: &str| Query::plain("q").within(Window::From { column: column.to_owned(), value: Param::Null });
    assert!(sql(&from("编\"号"), Postgres).contains("rowbell_query.\"编\"\"号\" >= <0>"));
    assert!(sql(&from("编`号"), Mysql).contains("rowbell_query.`编``号` >= <0>"));
    assert!(sql(&from("a\"b"), Sqlite).contains("rowbell_query.\"a\"\"b\" >= <0>"));
}

#[test]
fn each_database_gets_the_form_that_an_index_serves() {
    let query = Query::plain("t :p").with("p", number("1"));
    let from = query.clone().within(Window::From { column: "c".to_owned(), value: number("7") });
    let latest = query.within(Window::Latest { column: "c".to_owned(), rows: 5 });
    assert_eq!(
        sql(&from, Sqlite),
        "select * from (t <0>\n) as rowbell_query where rowbell_query.\"c\" >= <1> union all \
         select * from (t <0>\n) as rowbell_query where rowbell_query.\"c\" is null + 0"
    );
    assert_eq!(
        sql(&latest, Postgres),
        "select * from (t <0>\n) as rowbell_query where rowbell_query.\"c\" >= (select \"c\" from (select rowbell_query.\"c\" from (t <0>\n) \
         as rowbell_query where rowbell_query.\"c\" is not null order by rowbell_query.\"c\" desc limit 5) as rowbell_last order by \"c\" limit 1) \
         union all select * from (t <0>\n) as rowbell_query where rowbell_query.\"c\" is null"
    );
    assert_eq!(
        sql(&latest, Mysql),
        "select rowbell_query.* from (select `c` from (select rowbell_query.`c` from (t <0>\n) as rowbell_query where rowbell_query.`c` is not \
         null order by rowbell_query.`c` desc limit 5) as rowbell_last union select null) as rowbell_values join (t <0>\n) as rowbell_query on \
         rowbell_query.`c` <=> rowbell_values.`c`"
    );
}

#[test]
fn a_byte_of_the_statement_is_traced_to_the_text() {
    let text = "select 'é', :p, 'x' wher";
    let plain = Query::plain(text).with("p", Param::Null);
    let windows =
        [Window::Whole, Window::From { column: "c".to_owned(), value: Param::Null }, Window::Latest { column: "c".to_owned(), rows: 3 }];
    for window in windows {
        for dialect in [Postgres, Mysql, Sqlite] {
            let statement = assembled(&plain.clone().within(window.clone()), dialect);
            let origin = |part: &str| statement.sql.find(part).and_then(|at| statement.origin(at));
            let place = |part: &str| text.find(part).map(|byte| Origin { byte, is_end: false });
            assert_eq!(origin("'é'"), place("'é'"));
            assert_eq!(origin("<0>"), place(":p"));
            assert_eq!(origin("0>, 'x'"), place(":p"), "the middle of a value");
            assert_eq!(origin("'x'"), place("'x'"));
            assert_eq!(origin("wher"), place("wher"));
            let behind = statement.sql.find("wher").map(|at| at + 4).and_then(|at| statement.origin(at));
            assert_eq!(behind, Some(Origin { byte: text.len(), is_end: true }));
            if window != Window::Whole {
                assert_eq!(origin(")").map(|origin| origin.is_end), Some(true), "our parenthesis stands for the end");
                assert_eq!(statement.origin(0), None, "ours alone");
            }
        }
    }
}

#[test]
fn a_condition_of_ours_came_from_nowhere() {
    let statement = assembled(&Query::plain("t").within(Window::From { column: "nope".to_owned(), value: Param::Null }), Postgres);
    assert_eq!(statement.sql.find("nope").map(|at| statement.origin(at)), Some(None));
}

#[test]
fn a_text_tells_which_parameters_it_uses() {
    for dialect in [Postgres, Mysql, Sqlite] {
        assert!(Query::uses("select * from t where id >= :cursor", "cursor", dialect));
        assert!(!Query::uses("select ':cursor', x::cursor from t -- :cursor", "cursor", dialect));
        assert!(!Query::uses("select :cursor2", "cursor", dialect));
    }
    assert!(Query::uses("select 1 # :cursor", "cursor", Postgres) && !Query::uses("select 1 # :cursor", "cursor", Mysql));
}

#[test]
fn a_misspelled_parameter_is_found_with_its_place() {
    let text = "select '库' from t where a > :curser and b < :now";
    let unknown = Query::unknown(text, &["cursor", "now"], Mysql);
    let found: Vec<(&str, &str)> = unknown.iter().map(|mention| (mention.name.as_str(), &text[mention.span.clone()])).collect();
    assert_eq!(found, [("curser", ":curser")]);
}

#[test]
fn a_number_is_its_digits_and_nothing_else() {
    for (text, digits) in
        [("0", "0"), ("-12", "-12"), ("+5", "5"), ("1.50", "1.50"), ("1e300", "1e300"), ("-1.5E-7", "-1.5E-7"), ("007", "007")]
    {
        assert_eq!(ExactNumber::parse(text).map(|number| number.0), Some(digits.to_owned()));
    }
    for text in [
        "", "-", ".5", "5.", "1_000", "0x10", "inf", "nan", "1e", "1e+", "1 ", " 1", "--1", "+-1", "1;2", "1.2.3", "1e2.5", "٣", "1e3e4",
        "1'",
    ] {
        assert_eq!(ExactNumber::parse(text), None, "{text}");
    }
}
