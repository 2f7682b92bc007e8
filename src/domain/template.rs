//! MiniJinja templates of messages: strict about names, with fuel, over values that cannot break the Markdown.

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, context, escape_formatter};
use std::ops::Range;

/// Instructions a template may take. A message of 1,000 rows needs some 50,000; an endless loop ends within a second.
const FUEL: u64 = 1_000_000;

/// The filters that a message can do with; there are a few more.
pub const FILTERS: [&str; 28] = [
    "abs", "batch", "default", "dictsort", "first", "float", "format", "groupby", "int", "items", "join", "last", "length", "lines",
    "list", "lower", "map", "max", "min", "replace", "reverse", "round", "sort", "split", "sum", "title", "trim", "upper",
];

/// Why a template is refused, or failed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}{}", .line.map(|line| format!(" (line {line} of the template)")).unwrap_or_default())]
pub struct TemplateError {
    /// What is wrong; never a row's content.
    pub message: String,
    /// In which line of the template, where known.
    pub line: Option<usize>,
    /// The bytes of the template that are wrong, where known.
    pub span: Option<Range<usize>>,
}

/// Checks the syntax of a template, and that its filters, tests and functions exist wherever a message with one event
/// gets to them.
///
/// # Errors
/// What is wrong, with its place.
pub fn check_syntax(source: &str) -> Result<(), TemplateError> {
    let mut environment = environment();
    environment.template_from_str(source).map_err(describe)?;
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    let event = context! { key => context! {}, row => context! {}, rows => vec![context! {}] };
    let events = vec![event];
    let tried = environment.render_str(
        source,
        context! { events => events.clone(), firing => events.clone(), resolved => events, ..context! { watcher => context! {} } },
    );
    let unknown =
        |error: &minijinja::Error| matches!(error.kind(), ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction);
    tried.err().filter(unknown).map_or(Ok(()), |error| Err(describe(error)))
}

/// The variables that a template reads and does not set itself, in alphabetical order; none of one that is not valid.
pub fn undeclared(source: &str) -> Vec<String> {
    let environment = environment();
    let Ok(template) = environment.template_from_str(source) else { return Vec::new() };
    let mut names: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    names.sort();
    names
}

/// Renders a template.
///
/// # Errors
/// A name that is not there, a filter that fails, or a template that takes too long.
pub fn render(source: &str, context: &Value) -> Result<String, TemplateError> {
    environment().render_str(source, context).map_err(describe)
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // The one way to values that contain themselves or double with each turn of a loop, which fuel does not bound.
    environment.add_function("namespace", || -> Result<Value, minijinja::Error> {
        Err(minijinja::Error::new(ErrorKind::UnknownFunction, "namespace is not available in messages"))
    });
    environment.set_formatter(|out, state, value| match value.kind() {
        ValueKind::None => out.write_str("NULL").map_err(Into::into),
        ValueKind::Bool => out.write_str(if value.is_true() { "true" } else { "false" }).map_err(Into::into),
        _ => escape_formatter(out, state, value),
    });
    environment
}

fn describe(error: minijinja::Error) -> TemplateError {
    // The engine writes the operands of a failed calculation into its message: they are a row's content.
    let detail = error.detail().filter(|detail| !detail.starts_with("unable to calculate"));
    let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
    // `filter lenght is unknown`, `test x is unknown`, `x is unknown`
    let unknown = error.detail().and_then(|detail| detail.strip_suffix(" is unknown")).map(|what| match what.split_once(' ') {
        Some((sort, name)) => format!("there is no {sort} `{name}`"),
        None => format!("there is no function `{what}`"),
    });
    let message = match error.kind() {
        ErrorKind::OutOfFuel => "the template takes too long".to_owned(),
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction if unknown.is_some() => unknown.unwrap_or_default(),
        kind => format!("{kind}{detail}"),
    };
    TemplateError { message, line: error.line(), span: error.range() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_there_is_an_error_with_its_place() {
        let error = render("stock: {{ row.stok }}", &context! { row => context! { stock => 1 } }).expect_err("strict");
        assert_eq!(error.span, Some(10..18));
    }

    #[test]
    fn a_filter_that_does_not_exist_is_found_before_a_message_is_made() {
        assert!(check_syntax("{{ events | lenght }}").is_err());
        assert!(check_syntax("{% for e in events %}{{ e.row.x | nofilter }}{% endfor %}").is_err());
        assert!(check_syntax("{% for e in events %}{{ e.row.x | upper }} {{ e.row.n + 1 }}{% endfor %}").is_ok());
    }

    #[test]
    fn a_value_cannot_contain_itself_or_double_in_a_loop() {
        for source in ["{% set ns = namespace(a=1) %}{% set ns.a = ns %}{{ ns }}", "{% set a = {} %}{% set a.a = a %}{{ a }}"] {
            assert!(check_syntax(source).is_err() || render(source, &context! {}).is_err(), "{source}");
        }
        let doubled = "{% set a = [1] %}{% for i in range(40) %}{% set a = [a, a] %}{% endfor %}{{ a }}";
        assert_eq!(render(doubled, &context! {}).expect("rendered"), "[1]");
    }

    #[test]
    fn an_endless_template_ends() {
        let error =
            render("{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}", &context! {}).expect_err("fuel");
        assert!(error.message.contains("too long"), "{error}");
    }

    #[test]
    fn null_and_truth_are_shown_as_in_sql() {
        assert_eq!(render("{{ a }} {{ a is none }} {{ b }}", &context! { a => (), b => "x" }).expect("rendered"), "NULL true x");
    }

    #[test]
    fn an_error_does_not_tell_what_the_row_holds() {
        for source in ["{{ row.a // 0 }}", "{{ row.a % 0 }}", "{{ row.a + row.b }}", "{{ row.b | int }}", "{{ -row.b }}", "{{ row.b.c.d }}"]
        {
            let error = render(source, &context! { row => context! { a => 424242, b => "secret" } }).expect_err(source);
            assert!(!error.message.contains("424242") && !error.message.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_syntax_error_is_found_without_rendering() {
        assert!(check_syntax("{{ row.stock ").is_err());
        assert!(check_syntax("{% for e in events %}{{ e.key }}{% endfor %}").is_ok());
    }
}
