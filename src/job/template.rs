//! Text with `${env:NAME}` in it: resolved late, when it is used, and never printed resolved.

use serde::{Deserialize, Deserializer};

/// A text that may refer to the environment. `Debug` and `Display` show it as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// The text as written, references and all.
    pub fn as_written(&self) -> &str {
        &self.0
    }

    /// Whether the text refers to the environment, so that its value is not to be shown.
    pub fn is_secret(&self) -> bool {
        self.0.contains("${env:")
    }

    /// The text with each reference replaced by what `lookup` has for it; `Err` holds the name that it has not.
    pub fn resolve(&self, lookup: impl Fn(&str) -> Option<String>) -> Result<String, String> {
        let mut resolved = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, reference)) = rest.split_once("${env:") {
            let (name, after) = reference.split_once('}').ok_or_else(|| reference.to_owned())?;
            resolved.push_str(before);
            resolved.push_str(&lookup(name).ok_or_else(|| name.to_owned())?);
            rest = after;
        }
        Ok(resolved + rest)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Some((_, tail)) = text.split_once("${") {
            let good = tail.starts_with("env:") && tail.contains('}');
            if !good {
                return Err(serde::de::Error::custom("a reference is written `${env:NAME}`"));
            }
        }
        Ok(Self(text))
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_where_they_stand() {
        let template = Template("s3://${env:BUCKET}/events/${env:YEAR}".to_owned());
        let lookup = |name: &str| Some(if name == "BUCKET" { "lake" } else { "2026" }.to_owned());
        assert_eq!(template.resolve(lookup), Ok("s3://lake/events/2026".to_owned()));
        assert_eq!(template.resolve(|_| None), Err("BUCKET".to_owned()));
    }

    #[test]
    fn the_resolved_text_is_never_shown() {
        let template = Template("${env:SECRET}".to_owned());
        assert_eq!(format!("{template} {template:?}"), "${env:SECRET} Template(\"${env:SECRET}\")");
        assert!(template.is_secret());
    }
}
