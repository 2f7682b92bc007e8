//! Settings and watcher files: what good ones mean, and how each fault of wrong ones reads.

mod good;
