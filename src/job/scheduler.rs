//! Where the scheduler of a cluster is.

use std::str::FromStr;

/// The scheduler of a cluster: `df://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduler {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl FromStr for Scheduler {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no scheduler: write df://HOST:PORT");
        let url = url::Url::parse(text).map_err(|_| wrong())?;
        match (url.scheme(), url.host_str(), url.port()) {
            ("df", Some(host), Some(port)) if url.path().trim_matches('/').is_empty() => Ok(Self {
                host: host.to_owned(),
                port,
            }),
            _ => Err(wrong()),
        }
    }
}

impl std::fmt::Display for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduler_is_named_by_its_host_and_port() {
        let scheduler: Scheduler = "df://scheduler:50050".parse().unwrap();
        assert_eq!(scheduler.to_string(), "scheduler:50050");
        for wrong in [
            "scheduler:50050",
            "df://scheduler",
            "http://a:1",
            "df://a:1/b",
            "",
        ] {
            let error = wrong.parse::<Scheduler>().unwrap_err();
            assert_eq!(
                error,
                format!("`{wrong}` is no scheduler: write df://HOST:PORT")
            );
        }
    }
}
