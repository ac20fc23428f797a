//! `firedrill gameday add`: checks a game day with all that it refers to here, where its files are, and hands it in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::On;
use crate::cli::Exit;
use crate::cli::catalog::FileCatalog;
use crate::cli::files::{self, Tally, stderr_style};
use crate::cli::kept;
use crate::cli::running::block_on;
use crate::cli::say::say;
use crate::coordinator::office::{Added, Bundle, BundleFile, FileProblem};
use crate::gameday;
use crate::scenario::{Catalog, Context};
use crate::text::{Problems, Source, render};

/// No game day refers to more files.
const FILES_MAX: usize = 256;

/// Check a game day with all that it refers to, and hand it in as a draft
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The game day's file
    file: PathBuf,
    /// A folder with more services, playbooks, environments and scenarios; may be given several times
    #[arg(long, value_name = "DIR")]
    catalog: Vec<PathBuf>,
    /// Only check it, here and there; nothing is kept
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    on: On,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let Some(bundle) = read(&args.file, &args.catalog)? else { return Ok(Exit::Refused) };
    block_on(async {
        let server = args.on.access.open()?;
        let path = if args.dry_run { "/v1/gamedays?dry_run=true" } else { "/v1/gamedays" };
        let added: Added = server.post(path, &bundle).await?;
        if args.on.json {
            say(&serde_json::to_string_pretty(&added)?);
        } else {
            say(told(&added, args.dry_run, &bundle).trim_end());
        }
        Ok(Exit::Passed)
    })
}

/// The game day with all that it refers to; what is wrong with it goes to standard error. `None`: it is unusable.
fn read(path: &Path, more: &[PathBuf]) -> anyhow::Result<Option<Bundle>> {
    let (source, problems) = files::open(path);
    let Some(main) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
        bail!("`{}` names no file", path.display())
    };
    let text = source.text.clone();
    let catalog = Recorder { files: FileCatalog::beside(path, more), taken: RefCell::default() };
    let (all, is_usable) = if problems.is_empty() {
        let none = BTreeMap::new();
        let checked = gameday::check(
            source,
            &Context { catalog: &catalog, sets: &none, process_env: &none, inputs: &none, environment: None },
        );
        (checked.files, checked.value.is_some())
    } else {
        (vec![(source, problems)], false)
    };
    if !show(all) || !is_usable {
        return Ok(None);
    }
    let mut files = vec![BundleFile { path: main.clone(), text }];
    files.extend(catalog.taken.into_inner().into_iter().map(|(path, text)| BundleFile { path, text }));
    if files.len() > FILES_MAX {
        bail!("{main} refers to {} files, and a game day has at most {FILES_MAX}", files.len());
    }
    Ok(Some(Bundle { main, files }))
}

/// Prints what is wrong; says whether none of it is an error.
fn show(all: Vec<(Source, Problems)>) -> bool {
    let mut tally = Tally::default();
    for (source, mut problems) in all {
        // The server has variables of its own; it says what is missing there.
        problems.soften("unknown-variable");
        let problems = problems.into_sorted();
        tally.add(&problems, true);
        eprint!("{}", render(&problems, &source, stderr_style()));
    }
    if tally.errors + tally.warnings > 0 {
        eprintln!("{tally}");
    }
    tally.errors == 0
}

/// A catalog that keeps what was read through it, under the name that it was asked for by.
struct Recorder {
    files: FileCatalog,
    taken: RefCell<BTreeMap<String, String>>,
}

impl Catalog for Recorder {
    fn read(&self, folder: &str, name: &str) -> Option<Source> {
        let source = self.files.read(folder, name)?;
        let ending = if Path::new(name).extension().is_some() { "" } else { ".yaml" };
        self.taken.borrow_mut().insert(format!("{folder}/{name}{ending}"), source.text.clone());
        Some(source)
    }

    fn file(&self, path: &str) -> Option<Source> {
        let source = self.files.file(path)?;
        self.taken.borrow_mut().insert(path.to_owned(), source.text.clone());
        Some(source)
    }
}

/// What became of it, in words.
fn told(added: &Added, dry_run: bool, bundle: &Bundle) -> String {
    let mut lines = Vec::new();
    let files = bundle.files.len();
    lines.push(if dry_run {
        format!("{} would be added: {} runs, {files} files", added.id, added.runs.len())
    } else {
        format!("{} is added as a draft: {} runs, {files} files", added.id, added.runs.len())
    });
    match added.due {
        Some(due) => lines.push(format!("due {}", kept::when(due))),
        None => lines.push("due when somebody starts it".to_owned()),
    }
    lines.extend(added.not_acted_on.iter().map(|what| format!("not acted on: {what}")));
    lines.extend(added.warnings.iter().map(warning));
    if !dry_run {
        lines.push(format!("next: firedrill gameday approve {}", added.id));
    }
    lines.join("\n")
}

fn warning(problem: &FileProblem) -> String {
    format!("{}:{}:{}: warning: {}", problem.file, problem.line, problem.column, problem.message)
}
