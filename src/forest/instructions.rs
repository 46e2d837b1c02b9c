//! Which vector instructions score rows.

use std::env;
use std::ffi::OsStr;

use fearless_simd::Level;

use super::ForestError;

/// Names the instructions that score, where not the fastest should.
const VARIABLE: &str = "CRANNOG_SIMD";

/// Vector instructions of this machine. All of them give the same bits.
#[derive(Debug, Clone, Copy)]
pub struct InstructionSet {
    name: &'static str,
    level: Level,
}

impl InstructionSet {
    /// Those that this machine has, the fastest last: `portable`, which the program was built for (SSE2
    /// or NEON, unless its builder asked for more), then on x86-64 `avx2` and `avx512` (of Ice Lake,
    /// Zen 4 and later).
    pub fn available() -> Vec<Self> {
        let portable = Self {
            name: "portable",
            level: Level::baseline(),
        };
        let mut all = vec![portable];
        all.extend(wider());
        all
    }

    /// The one that the environment variable `CRANNOG_SIMD` names, or else the fastest. An error if
    /// this machine has none of that name.
    pub fn chosen() -> Result<Self, ForestError> {
        let name = env::var_os(VARIABLE).unwrap_or_default();
        Self::named(&name)
    }

    /// The one of this name; of no name, the fastest.
    fn named(name: &OsStr) -> Result<Self, ForestError> {
        let mut available = Self::available();
        let found = match name.is_empty() {
            true => available.pop(),
            false => available.iter().find(|set| name == set.name).copied(),
        };
        found.ok_or_else(|| ForestError::InstructionSet {
            value: name.to_owned(),
            available: available.iter().map(|set| set.name).collect(),
        })
    }

    /// As `CRANNOG_SIMD` spells it.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// What `fearless_simd` dispatches on.
    pub(super) fn level(self) -> Level {
        self.level
    }
}

#[cfg(target_arch = "x86_64")]
fn wider() -> impl Iterator<Item = InstructionSet> {
    let level = Level::new();
    let avx2 = level.as_avx2().map(|simd| ("avx2", Level::Avx2(simd)));
    let avx512 = level
        .as_avx512()
        .map(|simd| ("avx512", Level::Avx512(simd)));
    let wider = [avx2, avx512].into_iter().flatten();
    wider.map(|(name, level)| InstructionSet { name, level })
}

#[cfg(not(target_arch = "x86_64"))]
fn wider() -> impl Iterator<Item = InstructionSet> {
    std::iter::empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_chooses_and_no_name_chooses_the_fastest() {
        let available = InstructionSet::available();
        for set in &available {
            let found = InstructionSet::named(OsStr::new(set.name)).unwrap();
            assert_eq!(found.name, set.name);
            assert_eq!(format!("{:?}", found.level), format!("{:?}", set.level));
        }
        let fastest = InstructionSet::named(OsStr::new("")).unwrap();
        assert_eq!(Some(fastest.name), available.last().map(|set| set.name));
        assert!(InstructionSet::named(OsStr::new("AVX2")).is_err());
    }
}
