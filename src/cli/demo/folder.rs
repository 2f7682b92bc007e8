//! The demo's folder: settings and watchers as a user would have them, so that every other command works on it too.

use crate::cli::Failed;
use anyhow::Context;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Files of the repository's folder of watchers, with their text.
macro_rules! shipped {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("../../../watchers/", $name)))),+] };
}

/// The shipped watchers with their tests, and the queries that stand in files of their own.
pub(super) const SHIPPED: &[(&str, &str)] = shipped![
    "deep_discount.test.toml",
    "deep_discount.toml",
    "empty_order.test.toml",
    "empty_order.toml",
    "first_order.test.toml",
    "first_order.toml",
    "idle_salesperson.test.toml",
    "idle_salesperson.toml",
    "incomplete_product.sql",
    "incomplete_product.test.toml",
    "incomplete_product.toml",
    "large_order.test.toml",
    "large_order.toml",
    "late_order.test.toml",
    "late_order.toml",
    "low_stock.test.toml",
    "low_stock.toml",
    "no_orders.test.toml",
    "no_orders.toml",
    "open_orders.test.toml",
    "open_orders.toml",
    "out_of_stock.test.toml",
    "out_of_stock.toml",
    "price_change.test.toml",
    "price_change.toml",
    "sales_report.test.toml",
    "sales_report.toml",
    "wrong_price.test.toml",
    "wrong_price.toml",
];

/// The settings file.
pub(super) struct SettingsFile {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// A folder of the demo's own. A temporary one is gone when this is dropped.
pub(super) struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Folder {
    /// Makes the named folder, or a temporary one. One with something in it is refused: it is not ours to change.
    pub(super) fn create(named: Option<&Path>) -> Result<Folder, Failed> {
        let path = match named {
            Some(path) => std::path::absolute(path).with_context(|| format!("finding the folder {}", path.display()))?,
            None => std::env::temp_dir().join(format!("rowbell-demo-{}", &uuid::Uuid::new_v4().simple().to_string()[..8])),
        };
        std::fs::create_dir_all(&path).with_context(|| format!("creating the folder {}", path.display()))?;
        let mut entries = std::fs::read_dir(&path).with_context(|| format!("reading the folder {}", path.display()))?;
        if entries.next().is_some() {
            return Err(Failed::Invalid(format!("error: the folder {} is not empty; name a new one for the demo", path.display())));
        }
        Ok(Folder { path, kept: named.is_some() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it stays.
    pub(super) fn kept(&self) -> bool {
        self.kept
    }

    /// Writes `rowbell.toml`, and the shipped watchers unless others were named.
    pub(super) fn write_settings(
        &self,
        receivers: &str,
        language: &str,
        web: SocketAddr,
        watchers: Option<&Path>,
    ) -> Result<SettingsFile, Failed> {
        let watchers = match watchers {
            Some(folder) => std::path::absolute(folder).with_context(|| format!("finding the folder {}", folder.display()))?,
            None => self.write_watchers()?,
        };
        let path = self.path.join("rowbell.toml");
        let text = self.settings(receivers, language, web, &watchers);
        std::fs::write(&path, &text).with_context(|| format!("writing {}", path.display()))?;
        Ok(SettingsFile { path, text })
    }

    fn write_watchers(&self) -> Result<PathBuf, Failed> {
        let folder = self.path.join("watchers");
        std::fs::create_dir(&folder).with_context(|| format!("creating the folder {}", folder.display()))?;
        for (name, text) in SHIPPED {
            std::fs::write(folder.join(name), text).with_context(|| format!("writing the watcher {name}"))?;
        }
        Ok(folder)
    }

    fn settings(&self, receivers: &str, language: &str, web: SocketAddr, watchers: &Path) -> String {
        format!(
            "# Settings of `rowbell demo`.\nlanguage = {}\npublic_url = {}\nwatchers = {}\n\n[store]\nurl = {}\n\n[sources.shop]\nurl = {}\n\n[web]\nlisten = {}\n{receivers}",
            quoted(language),
            quoted(&format!("http://{web}")),
            quoted(&watchers.to_string_lossy()),
            quoted(&sqlite_url(&self.path.join("rowbell.db"))),
            quoted(&sqlite_url(&self.path.join("shop.db"))),
            quoted(&web.to_string()),
        )
    }

    /// Removes a temporary folder; one that was asked for stays.
    pub(super) fn remove(mut self) -> Result<(), Failed> {
        if !self.kept {
            self.kept = true;
            std::fs::remove_dir_all(&self.path).with_context(|| format!("removing the folder {}", self.path.display()))?;
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept && std::fs::remove_dir_all(&self.path).is_err() {
            tracing::warn!("the demo's folder {} could not be removed", self.path.display());
        }
    }
}

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// The URL of a file whose name may hold what a URL must not.
fn sqlite_url(path: &Path) -> String {
    let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    format!("sqlite://{path}")
}
