//! `${NAME}` and `${file:PATH}` in the strings of the settings. `$${` stands for `${` itself.
//!
//! What is put in is never looked at again: a password that holds `${` stays as it is.

use super::Environment;
use super::node::{Content, Node, Place};
use super::reader::Report;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A secret file that is larger than this is not a secret.
const FILE_SIZE_MAX: u64 = 64 * 1024;

/// Puts values into every string below `node`. `setting` is its name, such as `sources.erp.url`.
pub(super) fn expand(node: &mut Node, setting: &str, environment: &Environment, file_folder: &Path, report: &mut Report<'_>) {
    let folder = match node.place {
        Place::File(_) => file_folder,
        Place::Variable(_) => environment.folder.as_path(),
    };
    let replaced = match &mut node.content {
        Content::Text(text, _) if text.contains("${") => substitute(text, environment, folder),
        Content::Array(items) => {
            items.iter_mut().for_each(|item| expand(item, setting, environment, file_folder, report));
            return;
        }
        Content::Table(table) => {
            for entry in &mut table.entries {
                let name = if setting.is_empty() { entry.name.clone() } else { format!("{setting}.{}", entry.name) };
                expand(&mut entry.node, &name, environment, file_folder, report);
            }
            return;
        }
        _ => return,
    };
    match replaced {
        Ok(text) => node.content = Content::Text(text, true),
        Err(problem) => {
            report.inside(node, problem.span, format!("`{setting}` {}", problem.message), Some(problem.hint));
            report.tell_no_more_of(&node.place);
        }
    }
}

struct Problem {
    span: Range<usize>,
    message: String,
    hint: String,
}

fn substitute(text: &str, environment: &Environment, folder: &Path) -> Result<String, Problem> {
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = text[at..].find("${").map(|offset| at + offset) {
        if text[at..found].ends_with('$') {
            result.push_str(&text[at..found - 1]);
            result.push_str("${");
            at = found + 2;
            continue;
        }
        result.push_str(&text[at..found]);
        let Some(end) = text[found..].find('}').map(|offset| found + offset) else {
            let message = "has a `${` without its `}`".to_owned();
            return Err(Problem { span: found..found + 2, message, hint: "`$${` stands for `${` itself".to_owned() });
        };
        let value = look_up(&text[found + 2..end], environment, folder);
        result.push_str(&value.map_err(|(message, hint)| Problem { span: found..end + 1, message, hint })?);
        at = end + 1;
    }
    result.push_str(&text[at..]);
    Ok(result)
}

fn look_up(name: &str, environment: &Environment, folder: &Path) -> Result<String, (String, String)> {
    if let Some(path) = name.strip_prefix("file:") {
        return read_secret(&folder.join(path)).map_err(|reason| {
            (format!("needs the file `{path}`: {reason}"), "a relative path is looked up beside the settings file".to_owned())
        });
    }
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        let hint = "write ${NAME} or ${file:PATH}; `$${` stands for `${` itself".to_owned();
        return Err(("has a `${…}` that names no environment variable".to_owned(), hint));
    }
    environment.variables.get(name).cloned().ok_or_else(|| {
        (format!("needs the environment variable `{name}`, which is not set"), format!("set it for the service: export {name}=…"))
    })
}

fn read_secret(path: &PathBuf) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|error| super::describe_io(&error))?.len();
    if size > FILE_SIZE_MAX {
        return Err(format!("it is larger than {FILE_SIZE_MAX} bytes"));
    }
    let bytes = std::fs::read(path).map_err(|error| super::describe_io(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}
