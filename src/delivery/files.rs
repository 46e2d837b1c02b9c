//! Receivers that are files: one for each chunk, named for it, so that writing it again changes nothing.

use std::io::Write;

use super::answer::Answer;
use super::chunk::{Chunk, Form, unpacked};
use super::error::DeliveryError;
use crate::folder::Folder;
use crate::job::DeltaTarget;

/// A folder of files of one kind.
#[derive(Debug)]
pub(super) struct Files {
    folder: Folder,
    pub form: Form,
}

impl Files {
    pub fn open(target: &DeltaTarget, form: Form) -> Result<Self, DeliveryError> {
        let folder = Folder::open(&target.location, &target.options);
        Ok(Self {
            folder: folder?,
            form,
        })
    }

    /// Writes a chunk, whole or not at all.
    pub async fn put(&self, chunk: &Chunk) -> Answer {
        let (body, extension) = match self.form {
            Form::Parquet => (Ok(chunk.body.clone()), "parquet"),
            _ => (unpacked(&chunk.body), "ndjson"),
        };
        let name = format!("{}.{extension}", chunk.id);
        let put = match body {
            Ok(body) => self.folder.put(&name, body).await,
            Err(error) => return taken(Err(error.to_string())),
        };
        taken(put.map_err(|error| crate::error::causes(&error).join(": ")))
    }
}

/// Prints a chunk. Whoever reads may be slow, and holds nobody else up.
pub(super) async fn print(chunk: &Chunk) -> Answer {
    let body = chunk.body.clone();
    let printed = tokio::task::spawn_blocking(move || {
        let lines = unpacked(&body)?;
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(&lines)?;
        stdout.flush()
    });
    taken(match printed.await {
        Ok(printed) => printed.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    })
}

fn taken(put: Result<(), String>) -> Answer {
    match put {
        Ok(()) => Answer::Taken,
        Err(why) => Answer::refused(why),
    }
}
