//! Finds the files that other files name: beside them, in the usual folders, and in `--catalog DIR`.

use std::path::{Path, PathBuf};

use crate::scenario::Catalog;
use crate::text::{Problems, Source, kind_of};

/// The folders of this file system.
#[derive(Clone, Debug)]
pub struct FileCatalog {
    /// Looked into in this order, each itself and its folder for the kind.
    places: Vec<PathBuf>,
}

impl FileCatalog {
    /// For the names in `file`: its own folder, the one above (a file often lies in `scenarios/`), the working
    /// directory, then what `--catalog` named.
    pub fn beside(file: &Path, more: &[PathBuf]) -> Self {
        let folder = file.parent().unwrap_or(Path::new(""));
        // By name where it has one, so that what was found reads as people would write it.
        let above = match (folder.file_name(), folder.parent()) {
            (Some(_), Some(above)) => above.to_owned(),
            _ => folder.join(".."),
        };
        let mut places = vec![folder.to_owned(), above, PathBuf::new()];
        places.extend(more.iter().cloned());
        Self { places }
    }

    fn candidates(&self, folder: &str, name: &str) -> impl Iterator<Item = PathBuf> {
        let files = [format!("{name}.yaml"), format!("{name}.yml")];
        self.places.iter().enumerate().flat_map(move |(n, place)| {
            // In the folder above and in the working directory only the usual folders count, not what else lies there.
            let plain = if n == 1 || n == 2 { None } else { Some(place.clone()) };
            let folders = plain.into_iter().chain([place.join(folder)]);
            let files = files.clone();
            folders.flat_map(move |folder| files.clone().into_iter().map(move |file| folder.join(file)))
        })
    }
}

/// The `kind:` of the files of a folder.
fn kind(folder: &str) -> &'static str {
    match folder {
        "environments" => "Environment",
        "playbooks" => "Playbook",
        "services" => "Service",
        _ => "Scenario",
    }
}

impl Catalog for FileCatalog {
    fn file(&self, path: &str) -> Option<Source> {
        self.places.iter().find_map(|place| Source::open(&place.join(path)).ok())
    }

    fn read(&self, folder: &str, name: &str) -> Option<Source> {
        self.candidates(folder, name).find_map(|path| {
            let source = Source::open(&path).ok()?;
            // A scenario and its playbook may share a name and a folder; the kind tells them apart. A file whose kind
            // cannot be read is the one that was meant: its reader says what is wrong with it.
            let found = kind_of(&source, &mut Problems::new());
            found.is_none_or(|(found, _)| found == kind(folder)).then_some(source)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_files_of_the_right_kind_nearest_first() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("repo/scenarios/shop.yaml", "firedrill: v1\nkind: Scenario\nname: shop\n");
        write("repo/environments/shop.yaml", "firedrill: v1\nkind: Environment\nname: shop\n");
        write("more/far.yml", "firedrill: v1\nkind: Environment\nname: far\n");
        let catalog =
            FileCatalog::beside(&dir.path().join("repo/scenarios/shop.yaml"), &[dir.path().join("more")]);
        let found = catalog.read("environments", "shop").unwrap();
        assert!(found.path.ends_with("environments/shop.yaml"), "{}", found.path);
        assert!(found.text.contains("kind: Environment"));
        assert!(catalog.read("environments", "far").is_some());
        assert!(catalog.read("playbooks", "far").is_none(), "another kind");
        assert!(catalog.read("environments", "absent").is_none());
    }
}
