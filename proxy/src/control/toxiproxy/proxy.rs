//! A proxy: as it is sent, as it is shown.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::reading::{Fields, Place, Unreadable};
use super::refusal::Refusal;
use super::toxic::Toxic;

const STRUCTURE: &str = "Proxy";
const KNOWN: [&str; 6] = ["name", "listen", "upstream", "enabled", "Logger", "toxics"];

/// A proxy as it stands. The order of the fields is that of its JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Proxy {
    pub(super) name: String,
    pub(super) listen: String,
    pub(super) upstream: String,
    pub(super) enabled: bool,
    /// Always an empty object; clients have always been sent it.
    #[serde(rename = "Logger")]
    pub(super) logger: BTreeMap<(), ()>,
    pub(super) toxics: Vec<Toxic>,
}

/// A proxy as it is sent; what is absent is left to the reader.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) listen: Option<String>,
    pub(super) upstream: Option<String>,
    pub(super) enabled: Option<bool>,
    /// Read by `populate` alone.
    pub(super) toxics: Vec<Toxic>,
}

impl Wanted {
    pub(super) fn read(body: &RawValue, strict: bool) -> Result<Self, Unreadable> {
        Ok(Self::read_fields(body, strict)?.0)
    }

    /// The same with its toxics, all of which must be right.
    pub(super) fn read_with_toxics(body: &RawValue, strict: bool) -> Result<Self, Refusal> {
        let (mut wanted, fields) = Self::read_fields(body, strict)?;
        let place = Place { structure: STRUCTURE, field: "toxics", kind: "[]toxics.ToxicWrapper" };
        for (at, toxic) in fields.list(place)?.unwrap_or_default().iter().enumerate() {
            let place = format!("toxic {}", at + 1);
            let toxic = Toxic::read(toxic, strict).map_err(|refusal| refusal.at(&place))?;
            if wanted.toxics.iter().any(|other| other.name == toxic.name) {
                return Err(Refusal::ToxicExists.at(&place));
            }
            wanted.toxics.push(toxic);
        }
        Ok(wanted)
    }

    fn read_fields(body: &RawValue, strict: bool) -> Result<(Self, Fields), Unreadable> {
        let fields = Fields::of(body, "toxiproxy.Proxy")?;
        if strict {
            fields.only(&KNOWN)?;
        }
        let wanted = Self {
            name: fields.text(STRUCTURE, "name")?.unwrap_or_default(),
            listen: fields.text(STRUCTURE, "listen")?,
            upstream: fields.text(STRUCTURE, "upstream")?,
            enabled: fields.flag(STRUCTURE, "enabled")?,
            toxics: Vec::new(),
        };
        Ok((wanted, fields))
    }

    /// What a new proxy cannot be without.
    pub(super) fn is_whole(&self) -> Result<(), Refusal> {
        let missing = |field: &str| Err(Refusal::Missing(field.to_owned()));
        if self.name.is_empty() {
            return missing("name");
        }
        if self.upstream.as_ref().is_none_or(String::is_empty) {
            return missing("upstream");
        }
        Ok(())
    }

    pub(super) fn upstream(&self) -> &str {
        self.upstream.as_deref().unwrap_or_default()
    }
}
