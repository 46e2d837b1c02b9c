//! The outbox: a Delta table that says of each chunk, for each receiver, what became of it.
//!
//! Rows are added. A chunk is there as `pending`, with its body, before it is sent; what follows (`failed`, and at last
//! `delivered`, `split` or `discarded`) is another row of it, and the earlier ones may go then. Up to which version of the table of findings a receiver was
//! thought of is said by an application transaction of the commit that put its chunks there: both are there, or neither. Each
//! such commit is a look, and its number is higher than that of the look before: what is said later of a finding.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use arrow::json::LineDelimitedWriter;
use chrono::{DateTime, Utc};
use datafusion::logical_expr::{ident, lit};
use datafusion::prelude::{DataFrame, SessionContext};
use deltalake::DeltaTable;
use deltalake::kernel::StructType;
use deltalake::kernel::Transaction;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::protocol::SaveMode;
use tokio::sync::Mutex;

use super::entry::{self, Entry, Noted, State, Waiting};
use super::error::DeliveryError;
use super::findings::Since;
use crate::fault;
use crate::job::Job;
use crate::put_if_absent;
use crate::session;
use crate::sinks::{
    Made, SinkError, commit_once, create, lost_a_race, open_table, write_session, writer_properties,
};
use crate::strict::cast;

/// In whose name it is said up to where a receiver was thought of.
const MARK: &str = "crannog.outbox";

/// What the table says that it is.
pub(crate) fn table_name(job: &Job) -> String {
    format!("{MARK} {}", job.name)
}

/// The rows of a version.
type Read = (u64, Arc<Vec<Noted>>);

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commit {
    Done,
    /// Another run was quicker: what was to be noted may be noted already.
    Lost,
}

/// The outbox of a job, there or to be made.
#[derive(Clone)]
pub(super) struct Outbox {
    ctx: SessionContext,
    table: DeltaTable,
    /// What was read of it last, and of which version that is.
    read: Arc<Mutex<Option<Read>>>,
    name: String,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

impl Outbox {
    pub async fn open(job: &Job) -> Result<Self, DeliveryError> {
        let outbox = Self {
            ctx: session::connect(job)?,
            read: Arc::default(),
            table: open_table(&job.outbox.table).await?,
            name: table_name(job),
        };
        if outbox.table.version().is_some() {
            outbox.check_is_ours()?;
        }
        Ok(outbox)
    }

    pub async fn prove(&self) -> Result<(), DeliveryError> {
        let proven = put_if_absent::prove(&self.table).await;
        Ok(proven.map_err(SinkError::from)?)
    }

    /// The engine that reads it, within the job's limits.
    pub fn ctx(&self) -> &SessionContext {
        &self.ctx
    }

    pub fn table(&self) -> &DeltaTable {
        &self.table
    }

    pub async fn reload(&mut self) -> Result<(), DeliveryError> {
        if self.table.verify_deltatable_existence().await? {
            self.table.load().await?;
            self.check_is_ours()?;
        }
        Ok(())
    }

    fn check_is_ours(&self) -> Result<(), DeliveryError> {
        match self.table.snapshot()?.metadata().name() {
            Some(name) if name == self.name => Ok(()),
            _ => Err(DeliveryError::OtherTable),
        }
    }

    /// From where on the table of findings is to be looked at for a receiver; `None`: the receiver is new.
    pub async fn since(
        &self,
        sink: &str,
        table: Option<&str>,
    ) -> Result<Option<Since>, DeliveryError> {
        let Some(begun) = self.marked(&format!("{MARK}/{sink}")).await? else {
            return Ok(None);
        };
        let version = match table {
            Some(table) => self.marked(&format!("{MARK}/{sink}/{table}")).await?,
            None => None,
        };
        Ok(Some(match version {
            None => Since::Beginning,
            Some(version) => Since::Version {
                version,
                begun: DateTime::from_timestamp_micros(begun).unwrap_or_default(),
            },
        }))
    }

    async fn marked(&self, mark: &str) -> Result<Option<i64>, DeliveryError> {
        if self.table.version().is_none() {
            return Ok(None);
        }
        let log = self.table.log_store();
        let version = self.table.snapshot()?;
        Ok(version.transaction_version(log.as_ref(), mark).await?)
    }

    /// The number of the next look.
    pub async fn next_look(&mut self) -> Result<i64, DeliveryError> {
        self.make().await?;
        let version = self.table.version().unwrap_or_default();
        Ok(i64::try_from(version).unwrap_or(i64::MAX).saturating_add(1))
    }

    /// Notes of receivers that are new that they are, and of which version of the table of findings they are sent nothing.
    pub async fn note_new(
        &mut self,
        sinks: &[&str],
        seen: Option<(&str, i64)>,
    ) -> Result<Commit, DeliveryError> {
        self.make().await?;
        let now = Utc::now().timestamp_micros();
        let new = sinks.iter();
        let new = new.map(|sink| Transaction::new(format!("{MARK}/{sink}"), now));
        let seen = seen
            .iter()
            .flat_map(|(table, version)| marks(sinks, table, *version));
        self.look(new.chain(seen).collect(), &[]).await
    }

    /// Notes that receivers were thought of up to a version of the table of findings, with what is to be sent to them.
    pub async fn note_seen(
        &mut self,
        sinks: &[&str],
        table: &str,
        version: i64,
        entries: &[Entry],
    ) -> Result<Commit, DeliveryError> {
        self.look(marks(sinks, table, version).collect(), entries)
            .await
    }

    async fn look(
        &mut self,
        marks: Vec<Transaction>,
        entries: &[Entry],
    ) -> Result<Commit, DeliveryError> {
        // Another look for the same receiver conflicts by its mark; what is noted of chunks meanwhile does not.
        let commit = CommitProperties::default().with_application_transactions(marks);
        let write = self.table.clone().write([entry::batch(entries)?]);
        let write = write
            .with_save_mode(SaveMode::Append)
            .with_writer_properties(writer_properties())
            .with_commit_properties(commit);
        fault::point("before the outbox's commit");
        match write.await {
            Ok(table) => self.table = table,
            Err(error) if lost_a_race(&error) => return Ok(Commit::Lost),
            Err(error) => return Err(error.into()),
        }
        fault::point("after the outbox's commit");
        Ok(Commit::Done)
    }

    /// Notes what became of chunks.
    pub async fn note(&mut self, entries: &[Entry]) -> Result<(), DeliveryError> {
        let rows = entry::batch(entries)?;
        let committed = commit_once(&mut self.table, |table, id| {
            let commit = CommitProperties::default().with_metadata([id.metadata()]);
            table
                .write([rows.clone()])
                .with_save_mode(SaveMode::Append)
                .with_writer_properties(writer_properties())
                .with_commit_properties(commit)
                .into_future()
        });
        committed.await?;
        Ok(())
    }

    async fn make(&mut self) -> Result<(), DeliveryError> {
        if self.table.version().is_some() {
            return Ok(());
        }
        let columns: StructType = entry::schema().as_ref().try_into_kernel()?;
        let new = self.table.clone().create();
        let new = new
            .with_columns(columns.fields().cloned())
            .with_table_name(self.name.clone());
        if create(&mut self.table, new).await? == Made::ByAnother {
            self.check_is_ours()?;
        }
        Ok(())
    }

    /// The chunks that wait, in the order in which they are to be sent.
    pub async fn waiting(&self) -> Result<Vec<Waiting>, DeliveryError> {
        let noted = self.noted().await?;
        let key = |row: &Noted| (row.sink.clone(), row.chunk.clone());
        let ended = noted.iter().filter(|row| row.state.is_final());
        let ended: BTreeSet<_> = ended.map(key).collect();
        let mut waiting: BTreeMap<_, Waiting> = BTreeMap::new();
        for row in noted.iter() {
            let key = key(row);
            if ended.contains(&key) {
                continue;
            }
            let failed = waiting.entry(key).or_insert_with(|| Waiting::new(row));
            if row.state == State::Failed {
                failed.failures += 1;
                failed.error.clone_from(&row.error);
            }
        }
        let mut waiting: Vec<_> = waiting.into_values().collect();
        waiting.sort_by(|a, b| (a.look, &a.chunk).cmp(&(b.look, &b.chunk)));
        Ok(waiting)
    }

    /// What was last put there of each finding, for each receiver.
    pub async fn known(&self) -> Result<HashMap<String, HashMap<String, String>>, DeliveryError> {
        let mut known: HashMap<String, HashMap<String, String>> = HashMap::new();
        for row in self.noted().await?.iter() {
            let of_sink = known.entry(row.sink.clone()).or_default();
            let sent = row.findings.iter().cloned();
            of_sink.extend(sent.map(|sent| (sent.finding_id, sent.content)));
        }
        Ok(known)
    }

    /// The bodies of some chunks that wait, by the chunks' ids, which are those of one sink's alone.
    pub async fn bodies(
        &self,
        waiting: &[&Waiting],
    ) -> Result<HashMap<String, Vec<u8>>, DeliveryError> {
        let chunks = waiting.iter().map(|waiting| lit(waiting.chunk.clone()));
        let rows = self.rows().await?;
        let rows = rows
            .filter(ident("state").eq(lit(State::Pending.word())))?
            .filter(ident("chunk").in_list(chunks.collect(), false))?
            .select(["chunk", "body"].map(ident))?;
        let mut bodies = HashMap::new();
        for batch in rows.collect().await? {
            let chunks = cast(batch.column(0), &DataType::Utf8)?;
            let body = cast(batch.column(1), &DataType::Binary)?;
            let rows = chunks
                .as_string::<i32>()
                .iter()
                .zip(body.as_binary::<i32>());
            for (chunk, body) in rows {
                if let (Some(chunk), Some(body)) = (chunk, body) {
                    bodies.insert(chunk.to_owned(), body.to_owned());
                }
            }
        }
        Ok(bodies)
    }

    /// Removes what is not needed any more of chunks that ended before a time: that they were to be sent, and their bodies.
    pub async fn prune(&mut self, before: DateTime<Utc>) -> Result<(), DeliveryError> {
        let noted = self.noted().await?;
        let ended: BTreeSet<_> = noted
            .iter()
            .filter(|row| row.state.is_final() && row.at < before)
            .map(|row| row.chunk.as_str())
            .collect();
        let open = noted.iter().filter(|row| !row.state.is_final());
        let old: BTreeSet<_> = open
            .map(|row| row.chunk.as_str())
            .filter(|chunk| ended.contains(chunk))
            .collect();
        if old.is_empty() {
            return Ok(());
        }
        let open = [State::Pending, State::Failed].map(|state| lit(state.word()));
        let of_old = ident("chunk").in_list(old.into_iter().map(lit).collect(), false);
        let delete = self.table.clone().delete();
        let deleted = delete
            .with_predicate(ident("state").in_list(open.to_vec(), false).and(of_old))
            .with_session_state(write_session())
            .with_writer_properties(writer_properties())
            .await;
        match deleted {
            Ok((table, _)) => self.table = table,
            Err(error) if lost_a_race(&error) => {} // the next one does it
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// All rows, the oldest first; of one version of the table they are read once.
    async fn noted(&self) -> Result<Arc<Vec<Noted>>, DeliveryError> {
        let Some(version) = self.table.version() else {
            return Ok(Arc::default());
        };
        let mut read = self.read.lock().await;
        if let Some((of, rows)) = read.as_ref()
            && *of == version
        {
            return Ok(Arc::clone(rows));
        }
        let rows = Arc::new(self.read_all().await?);
        *read = Some((version, Arc::clone(&rows)));
        Ok(rows)
    }

    async fn read_all(&self) -> Result<Vec<Noted>, DeliveryError> {
        let columns = entry::schema();
        let columns = columns.fields().iter().map(|field| ident(field.name()));
        let rows = self.rows().await?.select(columns.collect::<Vec<_>>())?;
        let rows = rows.drop_columns(&["body"])?;
        let mut noted = Vec::new();
        for batch in rows.collect().await? {
            let mut lines = LineDelimitedWriter::new(Vec::new());
            lines.write(&batch)?;
            lines.finish()?;
            let lines = lines.into_inner();
            let lines = lines.split(|byte| *byte == b'\n');
            for line in lines.filter(|line| !line.is_empty()) {
                let row = serde_json::from_slice(line).map_err(|error| DeliveryError::Damaged {
                    what: format!("a row that is not its own: {error}"),
                })?;
                noted.push(row);
            }
        }
        noted.sort_by_key(|row: &Noted| (row.look, row.state != State::Pending, row.at));
        Ok(noted)
    }

    async fn rows(&self) -> Result<DataFrame, DeliveryError> {
        self.table.update_datafusion_session(&self.ctx.state())?;
        Ok(self.ctx.read_table(self.table.table_provider().await?)?)
    }
}

fn marks(sinks: &[&str], table: &str, version: i64) -> impl Iterator<Item = Transaction> {
    let marks = sinks.iter();
    marks.map(move |sink| Transaction::new(format!("{MARK}/{sink}/{table}"), version))
}
