//! A sample CloudTrail bucket: two accounts, a few regions, some days, and two stolen keys on the last of them.
//!
//! `write` makes `cloudtrail/AWSLogs/…` as AWS delivers it (a file for each account, region and hour, five minutes after that
//! hour, so that the last one of a day lies in the next day's folder) and beside it `cloudtrail_labels.csv` with the ids of the planted
//! events. Equal parameters make equal bytes.

mod cast;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Days, DurationRound, NaiveDate, NaiveTime, TimeDelta, Utc};
use flate2::{Compression, GzBuilder};
use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::{Value, json};

use self::cast::{ACCOUNTS, Call, INTRUSIONS, ROLES, STOLEN_KEY, USERS};
use super::error::DemoError;
use super::params::{DemoParams, InvalidParam};
use super::random::{Purpose, generator};

/// The file by which the demo knows its own bucket; readers skip names that begin with a dot.
const MARK: &str = ".crannog-demo";

/// How large a sample is, and when it ends.
#[derive(Clone, Debug)]
pub struct TrailParams {
    /// Ordinary events.
    pub rows: u64,
    /// Days of events.
    pub days: u32,
    /// The same seed makes the same events.
    pub seed: u64,
    /// The day after the last one.
    pub end: NaiveDate,
}

impl TrailParams {
    fn validate(&self) -> Result<(), InvalidParam> {
        let as_table = DemoParams {
            rows: self.rows,
            days: self.days,
            intrusions: 0,
            ..DemoParams::new(self.end)
        };
        as_table.validate()
    }
}

/// What was written, and where.
#[derive(Clone, Debug)]
pub struct TrailSummary {
    /// Events, with those that are planted.
    pub rows: usize,
    /// Those that are planted.
    pub planted: usize,
    /// Files.
    pub files: usize,
    /// The folder to read.
    pub bucket: PathBuf,
    /// The ids of the planted events.
    pub labels: PathBuf,
}

/// Account, region and hour of delivery: one file.
type Delivery = (&'static str, &'static str, DateTime<Utc>);

/// Writes a sample bucket into a folder, in place of an earlier one.
pub fn write(dir: &Path, params: &TrailParams) -> Result<TrailSummary, DemoError> {
    params.validate()?;
    let bucket = dir.join("cloudtrail");
    let labels = dir.join("cloudtrail_labels.csv");
    clear(&bucket)?;
    let mut sample = Sample::new(params);
    sample.ordinary(params);
    let planted = sample.planted();

    put(&bucket.join(MARK), b"")?;
    for (delivery, events) in &sample.files {
        put(&path(&bucket, delivery), &pack(events))?;
    }
    let lines = planted
        .iter()
        .map(|(id, name)| format!("{id},{name}\n"))
        .collect::<String>();
    put(&labels, format!("eventID,attack\n{lines}").as_bytes())?;
    Ok(TrailSummary {
        rows: sample.files.values().map(Vec::len).sum(),
        planted: planted.len(),
        files: sample.files.len(),
        bucket,
        labels,
    })
}

struct Sample {
    random: Xoshiro256PlusPlus,
    end: NaiveDate,
    /// The events of each file, as JSON.
    files: BTreeMap<Delivery, Vec<String>>,
}

impl Sample {
    fn new(params: &TrailParams) -> Self {
        Self {
            random: generator(params.seed, Purpose::Trail),
            end: params.end,
            files: BTreeMap::new(),
        }
    }

    /// What happens every day: two thirds by users, the rest by roles.
    fn ordinary(&mut self, params: &TrailParams) {
        for _ in 0..params.rows {
            let day = self.random.random_range(1..=params.days);
            let account = self.random.random_range(0..ACCOUNTS.len());
            let second = self.random.random_range(0..3600);
            if self.random.random_range(0..3) == 0 {
                let (role, call) = ROLES[self.random.random_range(0..ROLES.len())];
                let hour = self.random.random_range(0..24);
                let time = self.time(day, hour * 3600 + second);
                let identity = role_session(ACCOUNTS[account], role);
                self.add(
                    account,
                    "eu-west-1",
                    time,
                    &identity,
                    call,
                    ("ecs.amazonaws.com", "ecs.amazonaws.com"),
                );
                continue;
            }
            // The programs are busier than the people.
            let user = match self.random.random_range(0..10) {
                0..6 => self.random.random_range(0..3),
                _ => self.random.random_range(3..USERS.len()),
            };
            let person = &USERS[user];
            let hour = person.hours.0 + self.random.random_range(0..person.hours.1);
            let time = self.time(day, hour * 3600 + second);
            let call = person.calls[self.random.random_range(0..person.calls.len())];
            let address = person.addresses[self.random.random_range(0..2)];
            let identity = iam_user(account, user);
            self.add(
                account,
                person.region,
                time,
                &identity,
                call,
                (address, person.agent),
            );
        }
    }

    /// Stolen keys, a call a minute or so; gives the events' ids and whose key it was.
    fn planted(&mut self) -> Vec<(String, &'static str)> {
        let mut planted = Vec::new();
        for (account, user, region, address, agent, minute) in INTRUSIONS {
            let mut second = minute * 60;
            for call in STOLEN_KEY {
                second += self.random.random_range(20..80);
                let time = self.time(1, second);
                let identity = iam_user(account, user);
                let id = self.add(account, region, time, &identity, *call, (address, agent));
                planted.push((id, USERS[user].name));
            }
        }
        planted
    }

    /// The instant `second` seconds into the day that lies `back` days before the end.
    fn time(&self, back: u32, second: u32) -> DateTime<Utc> {
        let day = self.end - Days::new(back.into());
        day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::seconds(second.into())
    }

    fn add(
        &mut self,
        account: usize,
        region: &'static str,
        time: DateTime<Utc>,
        identity: &Value,
        (service, name, reads): Call,
        (address, agent): (&str, &str),
    ) -> String {
        let id = self.uuid();
        let event = json!({
            "eventVersion": "1.11",
            "userIdentity": identity,
            "eventTime": time.format("%FT%TZ").to_string(),
            "eventSource": service,
            "eventName": name,
            "awsRegion": region,
            "sourceIPAddress": address,
            "userAgent": agent,
            "requestParameters": null,
            "responseElements": null,
            "requestID": self.uuid(),
            "eventID": id,
            "readOnly": reads,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": ACCOUNTS[account],
            "eventCategory": "Management",
        });
        let hour = time.duration_trunc(TimeDelta::hours(1)).unwrap_or(time);
        let delivered = hour + TimeDelta::minutes(65);
        let file = self.files.entry((ACCOUNTS[account], region, delivered));
        file.or_default().push(event.to_string());
        id
    }

    fn uuid(&mut self) -> String {
        let bits: u128 = self.random.random();
        let hex = format!("{bits:032x}");
        format!(
            "{}-{}-4{}-a{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[13..16],
            &hex[17..20],
            &hex[20..]
        )
    }
}

fn iam_user(account: usize, user: usize) -> Value {
    let (account, name) = (ACCOUNTS[account], USERS[user].name);
    json!({
        "type": "IAMUser",
        "principalId": format!("AIDAEXAMPLE{}{user:05}", &account[..4]),
        "arn": format!("arn:aws:iam::{account}:user/{name}"),
        "accountId": account,
        "accessKeyId": format!("AKIAEXAMPLE{}{user:05}", &account[..4]),
        "userName": name,
    })
}

fn role_session(account: &str, role: &str) -> Value {
    json!({
        "type": "AssumedRole",
        "principalId": format!("AROAEXAMPLE:{role}"),
        "arn": format!("arn:aws:sts::{account}:assumed-role/{role}/{role}"),
        "accountId": account,
        "sessionContext": {"sessionIssuer": {
            "type": "Role",
            "arn": format!("arn:aws:iam::{account}:role/{role}"),
            "accountId": account,
            "userName": role,
        }},
    })
}

fn path(bucket: &Path, (account, region, delivered): &Delivery) -> PathBuf {
    let day = delivered.format("%Y/%m/%d");
    let time = delivered.format("%Y%m%dT%H%MZ");
    bucket.join(format!(
        "AWSLogs/{account}/CloudTrail/{region}/{day}/{account}_CloudTrail_{region}_{time}_demo.json.gz"
    ))
}

/// `{"Records": […]}` as gzip, without a time in it.
fn pack(events: &[String]) -> Vec<u8> {
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::default());
    let written = gzip.write_all(format!("{{\"Records\":[{}]}}", events.join(",")).as_bytes());
    written
        .and_then(|()| gzip.finish())
        .expect("memory takes what is written")
}

fn put(path: &Path, content: &[u8]) -> Result<(), DemoError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, content))
        .map_err(|source| at(path, source))
}

/// Deletes an earlier sample; refuses when the folder holds anything else.
fn clear(bucket: &Path) -> Result<(), DemoError> {
    match fs::read_dir(bucket).map(|mut entries| entries.next().is_none()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(at(bucket, source)),
        Ok(true) => Ok(()),
        Ok(false) if bucket.join(MARK).is_file() => {
            fs::remove_dir_all(bucket).map_err(|source| at(bucket, source))
        }
        Ok(false) => Err(DemoError::NotADemo {
            path: bucket.to_owned(),
        }),
    }
}

fn at(path: &Path, source: io::Error) -> DemoError {
    DemoError::Path {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> TrailParams {
        TrailParams {
            rows: 500,
            days: 2,
            seed: 42,
            end: "2026-03-11".parse().unwrap(),
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_events_in_place_of_the_earlier() {
        let dir = tempfile::tempdir().unwrap();
        let first = write(dir.path(), &params()).unwrap();
        let labels = fs::read(&first.labels).unwrap();
        let again = write(dir.path(), &params()).unwrap();
        assert_eq!((first.rows, first.planted), (520, 20));
        assert_eq!((again.rows, again.files), (520, first.files));
        assert_eq!(fs::read(&again.labels).unwrap(), labels);
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        put(&dir.path().join("cloudtrail/AWSLogs/real.json"), b"{}").unwrap();
        let refused = write(dir.path(), &params());
        assert!(matches!(refused, Err(DemoError::NotADemo { .. })));
    }

    #[test]
    fn the_last_hour_of_a_day_is_delivered_on_the_next() {
        let mut sample = Sample::new(&params());
        let time = "2026-03-10T23:59:00Z".parse().unwrap();
        sample.add(0, "eu-west-1", time, &Value::Null, STOLEN_KEY[0], ("", ""));
        let (delivery, _) = sample.files.iter().next().unwrap();
        let path = path(Path::new("b"), delivery);
        assert!(
            path.starts_with("b/AWSLogs/111111111111/CloudTrail/eu-west-1/2026/03/11"),
            "{path:?}"
        );
    }
}
