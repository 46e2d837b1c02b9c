//! Where models are: a folder beside the table of runs, with a file for each run.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};

use super::{MOST_BYTES, ModelError, SavedModel};
use crate::error::{Error, Result};
use crate::folder::Folder;
use crate::job::Job;
use crate::run_id::OlderModel;

/// The end of a file's name.
const EXTENSION: &str = ".json.gz";

/// The models of a job's runs.
#[derive(Debug)]
pub struct Models {
    shown: String,
    folder: Folder,
}

/// A model that was loaded, and what tells it from others.
#[derive(Clone, Debug)]
pub struct LoadedModel {
    /// Where it was, as a person may see it.
    pub location: String,
    /// The model.
    pub model: SavedModel,
    digest: String,
}

impl LoadedModel {
    /// What a run says of it.
    pub fn identity(&self) -> OlderModel {
        OlderModel {
            run: self.model.run.id.clone(),
            digest: self.digest.clone(),
        }
    }

    /// That it does not fit, as an error that names it.
    pub fn unfit(&self, error: ModelError) -> Error {
        blame(&self.location, error)
    }

    fn read(file: &[u8], location: String) -> Result<Self> {
        let model = SavedModel::from_bytes(file);
        Ok(Self {
            model: model.map_err(|error| blame(&location, error))?,
            digest: crate::hex(&Sha256::digest(file)),
            location,
        })
    }

    /// The model in a file, wherever it came from.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let file = read_file(path).map_err(|error| blame(&shown, error))?;
        Self::read(&file, shown)
    }
}

impl Models {
    /// Where the job's models are, or shall be.
    pub fn open(job: &Job) -> Result<Self> {
        let shown = job.model.location.to_string();
        let folder = Folder::open(&job.model.location, &job.model.options);
        let folder = folder.map_err(|error| blame(&shown, error.into()))?;
        Ok(Self { shown, folder })
    }

    /// Saves the model of a run, whole or not at all; an earlier one of the same run is replaced.
    pub async fn save(&self, model: &SavedModel) -> Result<()> {
        let name = format!("{}{EXTENSION}", model.run.id);
        let saved = async {
            let file = model.to_bytes()?;
            Ok(self.folder.put(&name, file).await?)
        };
        saved
            .await
            .map_err(|error| blame(&self.shown_file(&name), error))
    }

    /// The model of the run with this id.
    pub async fn load(&self, run: &str) -> Result<LoadedModel> {
        let name = format!("{run}{EXTENSION}");
        let shown = self.shown_file(&name);
        let file = match &self.folder {
            Folder::Here(folder) => read_file(&folder.join(&name)),
            Folder::Store(store) => read_object(store.as_ref(), &name).await,
        };
        let file = file.map_err(|error| blame(&shown, error))?;
        let loaded = LoadedModel::read(&file, shown)?;
        match loaded.model.run.id == run {
            true => Ok(loaded),
            false => Err(loaded.unfit(ModelError::OtherRun {
                run: loaded.model.run.id.clone(),
            })),
        }
    }

    /// Why a run's model does not do, as an error that names it.
    pub fn unfit(&self, run: &str, error: ModelError) -> Error {
        blame(&self.shown_file(&format!("{run}{EXTENSION}")), error)
    }

    fn shown_file(&self, name: &str) -> String {
        format!("{}/{name}", self.shown.trim_end_matches('/'))
    }
}

/// Whether a word of the command line names a file, and not a run.
pub fn is_file(name: &str) -> bool {
    name.ends_with(EXTENSION) || name.contains(std::path::is_separator)
}

fn read_file(path: &Path) -> Result<Vec<u8>, ModelError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ModelError::NotThere,
        _ => ModelError::File(error),
    })?;
    if fs::metadata(path).is_ok_and(|there| there.is_dir()) {
        return Err(ModelError::NoModel);
    }
    let mut bytes = Vec::new();
    let read = file.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(ModelError::File)?;
    check_size(bytes.len() as u64)?;
    Ok(bytes)
}

async fn read_object(store: &dyn ObjectStore, name: &str) -> Result<Vec<u8>, ModelError> {
    let found = store.get(&StorePath::from(name)).await;
    let found = found.map_err(|error| match error {
        object_store::Error::NotFound { .. } => ModelError::NotThere,
        error => ModelError::Store(error),
    })?;
    check_size(found.meta.size)?;
    let bytes = found.bytes().await.map_err(ModelError::Store)?;
    Ok(bytes.into())
}

/// No file is larger than what it unpacks to may be.
fn check_size(bytes: u64) -> Result<(), ModelError> {
    match bytes > MOST_BYTES {
        true => Err(ModelError::TooLarge { most: MOST_BYTES }),
        false => Ok(()),
    }
}

fn blame(location: &str, error: ModelError) -> Error {
    match error {
        ModelError::Job(error) => Error::Job(error),
        error => Error::Model {
            location: location.to_owned(),
            source: Box::new(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::forest::{FeatureMatrix, IsolationForest, IsolationForestParams};
    use crate::model::ModelRun;

    #[test]
    fn a_path_or_a_file_s_name_is_told_from_an_id() {
        assert!(is_file("models/3f2a.json.gz") && is_file("3f2a.json.gz") && is_file("./3f2a"));
        assert!(!is_file("3f2a9c01"));
    }

    #[tokio::test]
    async fn an_object_store_keeps_a_model_and_says_so_where_there_is_none() {
        let models = Models {
            shown: "s3://bucket/models".to_owned(),
            folder: Folder::Store(Arc::new(object_store::memory::InMemory::new())),
        };
        let model = model();
        models.save(&model).await.unwrap();
        let loaded = models.load("3f2a").await.unwrap();
        assert_eq!(loaded.model.forest.parts(), model.forest.parts());
        assert_eq!(loaded.location, "s3://bucket/models/3f2a.json.gz");
        assert_eq!(loaded.identity().run, "3f2a");
        let error = models.load("9c01").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "model `s3://bucket/models/9c01.json.gz`: no model is there"
        );
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_yet_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let models = Models {
            shown: "models".to_owned(),
            folder: Folder::Here(folder.path().join("out/models")),
        };
        models.save(&model()).await.unwrap();
        models.save(&model()).await.unwrap();
        assert_eq!(models.load("3f2a").await.unwrap().model.run, model().run);
    }

    fn model() -> SavedModel {
        let names = vec!["x".to_owned()];
        let x = FeatureMatrix::try_new(names, vec![vec![1.0, 2.0, 9.0]]).unwrap();
        let now = "2026-03-11T00:00:00Z".parse().unwrap();
        SavedModel {
            run: ModelRun {
                id: "3f2a".to_owned(),
                job: "a job".to_owned(),
                job_digest: String::new(),
                as_of: now,
                train_start: now,
                train_end: now,
                sources: Vec::new(),
                steps: BTreeMap::new(),
                parameters: BTreeMap::new(),
                crannog: String::new(),
            },
            forest: IsolationForest::fit(&IsolationForestParams::default(), &x).unwrap(),
            scales: None,
            training_scores: None,
            typical: None,
            dictionaries: Vec::new(),
        }
    }

    #[test]
    fn a_folder_is_no_model() {
        let folder = tempfile::tempdir().unwrap();
        let error = LoadedModel::open(folder.path()).unwrap_err();
        assert!(
            error.to_string().ends_with("it is not a model of crannog"),
            "{error}"
        );
    }
}
