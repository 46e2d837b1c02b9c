//! The files of a trail in a bucket or folder: which there are, and on which day each was delivered.
//!
//! CloudTrail delivers to `…/AWSLogs/[ORGANISATION/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/`. Below a region the names are in
//! the order of time, so that a listing can start at a day; a year of an organisation's files is never listed for the sake
//! of one day. What lies beside it (`CloudTrail-Digest`, `CloudTrail-Insight`, `Config` and other services' logs) is not
//! looked into.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

/// Listings that are asked for at the same time.
const LISTINGS: usize = 32;

const ENDINGS: [&str; 3] = [".json", ".jsonl", ".ndjson"];

const LOGS: &str = "AWSLogs";
const TRAIL: &str = "CloudTrail";

/// What is beside the trail, by name of folder; within file names it stands between `_`.
const OTHERS: [&str; 2] = ["CloudTrail-Digest", "CloudTrail-Insight"];

/// A file, and the day of its delivery where its path tells.
#[derive(Clone, Debug)]
pub(super) struct TrailFile {
    pub(super) meta: ObjectMeta,
    pub(super) day: Option<NaiveDate>,
}

impl TrailFile {
    /// The path without its first `depth` parts.
    pub(super) fn name(&self, depth: usize) -> String {
        let parts = self.meta.location.parts().skip(depth);
        let parts: Vec<_> = parts.map(|part| part.as_ref().to_owned()).collect();
        parts.join("/")
    }
}

/// Where a trail's files are.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Folders of regions, or inside of one: their files are in the order of their days.
    regions: Vec<Path>,
    /// Files anywhere else.
    others: Vec<TrailFile>,
}

impl Bucket {
    /// Looks for the regions below `folder`, and for files that lie elsewhere.
    pub(super) async fn open(
        store: Arc<dyn ObjectStore>,
        folder: &Path,
    ) -> Result<Self, object_store::Error> {
        let mut bucket = Self {
            store,
            regions: Vec::new(),
            others: Vec::new(),
        };
        let mut folders = vec![folder.clone()];
        while !folders.is_empty() {
            let (regions, inside): (Vec<_>, Vec<_>) = folders.into_iter().partition(is_in_region);
            bucket.regions.extend(regions);
            let store = &bucket.store;
            let listings = stream::iter(inside)
                .map(|folder| async move { store.list_with_delimiter(Some(&folder)).await })
                .buffered(LISTINGS);
            let listings: Vec<_> = listings.try_collect().await?;
            folders = Vec::new();
            for listing in listings {
                let files = listing.objects.into_iter().filter_map(trail_file);
                bucket.others.extend(files);
                folders.extend(listing.common_prefixes.into_iter().filter(is_of_trail));
            }
        }
        Ok(bucket)
    }

    /// One file, whatever its name.
    pub(super) fn of_file(store: Arc<dyn ObjectStore>, meta: ObjectMeta) -> Self {
        let day = day(&meta.location);
        Self {
            store,
            regions: Vec::new(),
            others: vec![TrailFile { meta, day }],
        }
    }

    /// The files delivered on this day or later, and those of which that is not known, in the order of their paths.
    pub(super) async fn since(
        &self,
        first: Option<NaiveDate>,
    ) -> Result<Vec<TrailFile>, object_store::Error> {
        let listings: Vec<_> = self
            .regions
            .iter()
            .map(|region| self.list(region, first))
            .collect();
        let listings = stream::iter(listings).buffered(LISTINGS);
        let mut files: Vec<_> = listings.try_collect::<Vec<_>>().await?.concat();
        files.extend(self.others.iter().cloned());
        files.retain(|file| first.is_none_or(|first| file.day.is_none_or(|day| day >= first)));
        files.sort_by(|a, b| a.meta.location.cmp(&b.meta.location));
        Ok(files)
    }

    async fn list(
        &self,
        folder: &Path,
        first: Option<NaiveDate>,
    ) -> Result<Vec<TrailFile>, object_store::Error> {
        let offset = first.and_then(|first| {
            let parts: Vec<_> = folder.parts().collect();
            let region = region_depth(folder)?;
            let day = format!(
                "{:04}/{:02}/{:02}",
                first.year(),
                first.month(),
                first.day()
            );
            let region: Path = parts.into_iter().take(region).collect();
            Path::parse(format!("{region}/{day}")).ok()
        });
        let files = match &offset {
            Some(offset) => self.store.list_with_offset(Some(folder), offset),
            None => self.store.list(Some(folder)),
        };
        let files = files.try_filter_map(|meta| async { Ok(trail_file(meta)) });
        files.try_collect().await
    }
}

/// How many parts of the path lead to the folder of its region, that one included.
fn region_depth(path: &Path) -> Option<usize> {
    let parts: Vec<_> = path.parts().collect();
    let logs = parts.iter().rposition(|part| part.as_ref() == LOGS)?;
    let in_organisation = parts.get(logs + 1)?.as_ref().starts_with("o-");
    let trail = logs + if in_organisation { 3 } else { 2 };
    let is_trail = parts.get(trail)?.as_ref() == TRAIL;
    (is_trail && parts.len() > trail + 1).then_some(trail + 2)
}

fn is_in_region(folder: &Path) -> bool {
    region_depth(folder).is_some()
}

/// Whether a folder may lead to files of a trail.
fn is_of_trail(folder: &Path) -> bool {
    let parts: Vec<_> = folder.parts().collect();
    let name = parts.last().map_or("", AsRef::as_ref);
    if name.starts_with('.') || OTHERS.contains(&name) {
        return false;
    }
    let logs = parts.iter().rposition(|part| part.as_ref() == LOGS);
    match logs.map(|logs| &parts[logs + 1..]) {
        // An organisation's logs have its id before the account.
        Some([organisation, _, service, ..]) if organisation.as_ref().starts_with("o-") => {
            service.as_ref() == TRAIL
        }
        Some([organisation, _]) if organisation.as_ref().starts_with("o-") => true,
        Some([_, service, ..]) => service.as_ref() == TRAIL,
        _ => true,
    }
}

/// The file, if it is one of a trail by its name.
fn trail_file(meta: ObjectMeta) -> Option<TrailFile> {
    let name = meta.location.filename().unwrap_or_default();
    let is_other = OTHERS
        .iter()
        .any(|other| name.contains(&format!("_{other}_")));
    if name.starts_with('.') || is_other || !is_json(name) {
        return None;
    }
    let day = day(&meta.location);
    Some(TrailFile { meta, day })
}

/// Whether a path or URL ends as a file of a trail does.
pub(super) fn is_json(location: &str) -> bool {
    let unpacked = location.strip_suffix(".gz").unwrap_or(location);
    ENDINGS.iter().any(|ending| unpacked.ends_with(ending))
}

/// The day in `CloudTrail/REGION/YYYY/MM/DD/file`.
fn day(path: &Path) -> Option<NaiveDate> {
    let parts: Vec<_> = path.parts().collect();
    let [trail, _, year, month, day, _] = parts.last_chunk()?;
    if trail.as_ref() != TRAIL {
        return None;
    }
    NaiveDate::from_ymd_opt(
        year.as_ref().parse().ok()?,
        month.as_ref().parse().ok()?,
        day.as_ref().parse().ok()?,
    )
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;

    async fn bucket(files: &[&str]) -> Bucket {
        let store = InMemory::new();
        for file in files {
            store.put(&Path::from(*file), "{}".into()).await.unwrap();
        }
        Bucket::open(Arc::new(store), &Path::default())
            .await
            .unwrap()
    }

    async fn since(bucket: &Bucket, day: &str) -> Vec<String> {
        let files = bucket.since(day.parse().ok()).await.unwrap();
        files
            .into_iter()
            .map(|file| file.meta.location.to_string())
            .collect()
    }

    #[tokio::test]
    async fn only_the_trail_is_looked_into() {
        let trail = [
            "logs/AWSLogs/111111111111/CloudTrail/eu-west-1/2026/11/20/a.json.gz",
            "logs/AWSLogs/o-abc/222222222222/CloudTrail/us-east-1/2026/11/20/b.json.gz",
            "loose/c.ndjson",
        ];
        let others = [
            "logs/AWSLogs/111111111111/CloudTrail-Digest/eu-west-1/2026/11/20/d.json.gz",
            "logs/AWSLogs/111111111111/CloudTrail-Insight/eu-west-1/2026/11/20/e.json.gz",
            "logs/AWSLogs/111111111111/Config/eu-west-1/2026/11/20/ConfigSnapshot/f.json.gz",
            "logs/AWSLogs/o-abc/222222222222/elasticloadbalancing/us-east-1/g.json.gz",
            "loose/111111111111_CloudTrail-Digest_eu-west-1_x.json.gz",
            "loose/.c.ndjson",
            "loose/readme.txt",
        ];
        let bucket = bucket(&[trail.as_slice(), &others].concat()).await;
        assert_eq!(
            since(&bucket, "").await,
            [
                "logs/AWSLogs/111111111111/CloudTrail/eu-west-1/2026/11/20/a.json.gz",
                "logs/AWSLogs/o-abc/222222222222/CloudTrail/us-east-1/2026/11/20/b.json.gz",
                "loose/c.ndjson"
            ]
        );
    }

    #[tokio::test]
    async fn a_folder_above_may_be_called_as_the_trail() {
        let files = [
            "CloudTrail/AWSLogs/1/CloudTrail/eu-west-1/2026/01/02/a.json.gz",
            "CloudTrail/dump/b.json.gz",
        ];
        assert_eq!(since(&bucket(&files).await, "2026-01-02").await, files);
    }

    #[tokio::test]
    async fn a_listing_starts_at_its_day() {
        let file = |day: &str| format!("AWSLogs/1/CloudTrail/eu-west-1/{day}/a.json.gz");
        let files = ["2025/12/31", "2026/01/01", "2026/01/02"].map(file);
        let bucket = bucket(&[&files[0], &files[1], &files[2], "loose.json"]).await;
        let expected = [files[1].as_str(), &files[2], "loose.json"];
        assert_eq!(since(&bucket, "2026-01-01").await, expected);
    }

    #[tokio::test]
    async fn a_trail_is_known_from_any_folder_of_it() {
        let store = InMemory::new();
        let file = "AWSLogs/1/CloudTrail/eu-west-1/2026/01/02/a.json.gz";
        store.put(&Path::from(file), "{}".into()).await.unwrap();
        let store: Arc<dyn ObjectStore> = Arc::new(store);
        for folder in [
            "",
            "AWSLogs",
            "AWSLogs/1",
            "AWSLogs/1/CloudTrail",
            "AWSLogs/1/CloudTrail/eu-west-1/2026",
        ] {
            let bucket = Bucket::open(Arc::clone(&store), &Path::from(folder))
                .await
                .unwrap();
            assert_eq!(since(&bucket, "2026-01-02").await, [file], "{folder}");
            assert!(since(&bucket, "2026-01-03").await.is_empty(), "{folder}");
        }
    }
}
