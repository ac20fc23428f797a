//! Where names lead: a playbook, a service or an environment is another file, which only the edge can read.

use crate::text::Source;

/// Finds a file by the kind of thing it holds and its name.
pub trait Catalog {
    /// The file of `name` among `folder`, for example `staging` among `environments`; absent: no such file.
    fn read(&self, folder: &str, name: &str) -> Option<Source>;

    /// A file that is named by its path, for example `holidays/dk.ics`; absent: no such file. The path is relative
    /// and does not lead upwards.
    fn file(&self, _path: &str) -> Option<Source> {
        None
    }
}

/// A catalog that holds nothing, for a scenario that names only its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCatalog;

impl Catalog for NoCatalog {
    fn read(&self, _: &str, _: &str) -> Option<Source> {
        None
    }
}
