//! The kinds of toxics and their attributes.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::reading::{Fields, Place, Unreadable};

/// What a toxic does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Noop,
    Latency,
    Bandwidth,
    SlowClose,
    Timeout,
    ResetPeer,
    Slicer,
    LimitData,
}

impl Kind {
    pub(super) const ALL: [Self; 8] = [
        Self::Noop,
        Self::Latency,
        Self::Bandwidth,
        Self::SlowClose,
        Self::Timeout,
        Self::ResetPeer,
        Self::Slicer,
        Self::LimitData,
    ];

    /// The kind of that name; case matters.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Noop => "noop",
            Self::Latency => "latency",
            Self::Bandwidth => "bandwidth",
            Self::SlowClose => "slow_close",
            Self::Timeout => "timeout",
            Self::ResetPeer => "reset_peer",
            Self::Slicer => "slicer",
            Self::LimitData => "limit_data",
        }
    }

    /// The attributes, in the order in which they are shown. All are whole numbers that are zero unless given.
    const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Noop => &[],
            Self::Latency => &["latency", "jitter"],
            Self::Bandwidth => &["rate"],
            Self::SlowClose => &["delay"],
            Self::Timeout | Self::ResetPeer => &["timeout"],
            Self::Slicer => &["average_size", "size_variation", "delay"],
            Self::LimitData => &["bytes"],
        }
    }

    /// The name and the type that sentences about misfits use.
    const fn structure(self) -> (&'static str, &'static str) {
        match self {
            Self::Noop => ("NoopToxic", "int64"),
            Self::Latency => ("LatencyToxic", "int64"),
            Self::Bandwidth => ("BandwidthToxic", "int64"),
            Self::SlowClose => ("SlowCloseToxic", "int64"),
            Self::Timeout => ("TimeoutToxic", "int64"),
            Self::ResetPeer => ("ResetToxic", "int64"),
            Self::Slicer => ("SlicerToxic", "int"),
            Self::LimitData => ("LimitDataToxic", "int64"),
        }
    }
}

/// The values of a kind's attributes, in the order of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) kind: Kind,
    pub(super) values: [i64; 3],
}

impl Attributes {
    pub(super) const fn new(kind: Kind, values: [i64; 3]) -> Self {
        Self { kind, values }
    }

    /// All of them zero.
    pub(super) const fn zero(kind: Kind) -> Self {
        Self::new(kind, [0; 3])
    }

    /// What the attributes are called.
    pub(super) const fn keys(&self) -> &'static [&'static str] {
        self.kind.keys()
    }

    /// These, with those that are given in their place. One that does not fit refuses all.
    pub(super) fn with(mut self, given: &Fields) -> Result<Self, Unreadable> {
        let (name, kind) = self.kind.structure();
        let structure = format!("{name}.attributes");
        for (value, field) in self.values.iter_mut().zip(self.kind.keys()) {
            if let Some(given) = given.whole(Place { structure: &structure, field, kind })? {
                *value = given;
            }
        }
        Ok(self)
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.keys().len()))?;
        for (key, value) in self.keys().iter().zip(self.values) {
            map.serialize_entry(key, &value)?;
        }
        map.end()
    }
}
