//! The token that opens a server: from the environment or from a file that nobody else can read.

use std::fmt;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// The variable that holds it.
const VARIABLE: &str = "FIREDRILL_TOKEN";
/// No token is longer.
const TOKEN_MAX_BYTES: u64 = 4 * 1024;

/// A token, or where one was looked for. Never printed.
#[derive(Clone)]
pub(super) struct Token {
    value: Option<String>,
    /// Where it comes from, or where it would have been.
    pub(super) from: String,
    /// The file that it belongs into.
    pub(super) file: PathBuf,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("from", &self.from).finish_non_exhaustive()
    }
}

impl Token {
    /// The token of the file that was named, else of the environment, else of the usual file.
    pub(super) fn find(named: Option<&Path>, at_home: &Path) -> anyhow::Result<Self> {
        if let Some(path) = named {
            let value = read(path)?
                .with_context(|| format!("there is no token file `{}`; look at the path", path.display()))?;
            return Ok(Self { value: Some(value), from: path.display().to_string(), file: path.to_owned() });
        }
        let file = at_home.to_owned();
        if let Some(value) = std::env::var(VARIABLE).ok().filter(|value| !value.trim().is_empty()) {
            return Ok(Self {
                value: Some(fit(&value, &format!("${VARIABLE}"))?),
                from: format!("${VARIABLE}"),
                file,
            });
        }
        Ok(Self { value: read(at_home)?, from: at_home.display().to_string(), file })
    }

    /// The header that carries it; absent: there is none.
    pub(super) fn header(&self) -> Option<String> {
        self.value.as_ref().map(|value| format!("Bearer {value}"))
    }
}

/// The token in a file; `None`: there is no such file.
fn read(path: &Path) -> anyhow::Result<Option<String>> {
    let cannot = || format!("cannot read the token file `{}`", path.display());
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(cannot),
    };
    let about = file.metadata().with_context(cannot)?;
    let mode = about.permissions().mode() & 0o777;
    if about.is_file() && mode & 0o077 != 0 {
        bail!(
            "others can read the token file `{0}` (mode {mode:04o}), so it is not used; `chmod 600 {0}`, and if somebody \
             else had access to it, let the server make a new one",
            path.display()
        );
    }
    let mut text = String::new();
    file.take(TOKEN_MAX_BYTES + 1).read_to_string(&mut text).with_context(cannot)?;
    fit(&text, &format!("the token file `{}`", path.display())).map(Some)
}

fn fit(text: &str, place: &str) -> anyhow::Result<String> {
    let token = text.trim();
    if token.is_empty() {
        bail!("{place} is empty; it holds the token that `firedrill serve` printed at its first start");
    }
    if token.len() as u64 > TOKEN_MAX_BYTES || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("{place} holds no token; a token is one word (`fd_…`), as `firedrill serve` printed it");
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(dir: &Path, text: &str, mode: u32) -> PathBuf {
        let path = dir.join(format!("token-{mode:o}-{}", text.len()));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_token_file_is_read_only_when_nobody_else_can() {
        let dir = tempfile::tempdir().unwrap();
        let good = file(dir.path(), "fd_abc\n", 0o600);
        let token = Token::find(Some(&good), dir.path()).unwrap();
        assert_eq!(token.header().as_deref(), Some("Bearer fd_abc"));
        assert!(!format!("{token:?}").contains("fd_abc"));
        for mode in [0o644, 0o640, 0o604] {
            let refused =
                Token::find(Some(&file(dir.path(), "fd_abc", mode)), dir.path()).unwrap_err().to_string();
            assert!(
                refused.contains(&format!("mode 0{mode:o}")) && refused.contains("chmod 600"),
                "{refused}"
            );
        }
    }

    #[test]
    fn what_is_no_token_is_refused_with_the_place() {
        let dir = tempfile::tempdir().unwrap();
        for (text, says) in [("", "is empty"), (" \n", "is empty"), ("two words", "holds no token")] {
            let path = file(dir.path(), text, 0o600);
            let refused = Token::find(Some(&path), dir.path()).unwrap_err().to_string();
            assert!(refused.contains(says) && refused.contains("firedrill serve"), "{refused}");
        }
        let refused = Token::find(Some(&dir.path().join("none")), dir.path()).unwrap_err().to_string();
        assert!(refused.contains("there is no token file"), "{refused}");
    }
}
