//! SQL over one finding, in place of that of the findings: what `crannog explain` shows.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::prelude::SessionContext;

use super::{Pipeline, bare, clash, columns};
use crate::error::Result;
use crate::feedback::Feedback;
use crate::job::{FINDING, Interval, Job, SCORED, SqlFile};
use crate::judgement;
use crate::judgement::Judgement;
use crate::misfit::misfit;
use crate::model::LoadedModel;
use crate::progress::Progress;
use crate::scoring::Scored;
use crate::source::OpenSource;

impl<'a> Pipeline<'a> {
    /// Plans the SQL before the model, and that over one finding, which is the job's `findings` here.
    ///
    /// # Errors
    /// As [`Pipeline::plan`].
    pub async fn plan_explanation(
        ctx: &SessionContext,
        job: &'a Job,
        interval: &Interval,
        sources: Vec<OpenSource>,
        model: &'a LoadedModel,
        feedback: Feedback,
    ) -> Result<Self> {
        let mut pipeline = Self::new(ctx, job, interval, sources, Some(model));
        let mut look = |_: &SqlFile, _, _: &_| ();
        let features = pipeline
            .plan_all(&job.features.sql, true, &mut look)
            .await?;
        columns::check_features(job, &features)?;
        columns::check_words(job, &features)?;
        feedback.check(job, &features)?;
        pipeline.feedback = feedback;
        let scored = Scored::schema(&features).map_err(|name| clash(job.last_step(), &name))?;
        pipeline.register(SCORED, &scored, &[])?;
        pipeline.plan_explaining(&scored, &job.findings).await?;
        let steps = job.sql_files().map(|(_, file)| file.name.as_str());
        for name in steps.chain([SCORED]) {
            pipeline.deregister(name)?;
        }
        Ok(pipeline)
    }

    /// Plans SQL over one finding, a row of `scored`, which is registered.
    pub(super) async fn plan_explaining(
        &mut self,
        scored: &SchemaRef,
        files: &[SqlFile],
    ) -> Result<()> {
        self.register(FINDING, scored, &[])?;
        judgement::register(&self.ctx, &self.judgement);
        let planned = self.plan_views(files).await;
        judgement::deregister(&self.ctx, &self.judgement);
        self.deregister(FINDING).and(planned)
    }

    /// Plans files as views: names and types fit, and no run hangs on how the engine would go about it.
    async fn plan_views(&self, files: &[SqlFile]) -> Result<()> {
        for file in files {
            let rows = self.query(file).await?.into_view();
            let registered = self.ctx.register_table(bare(&file.name), rows);
            registered.map_err(|error| misfit(&self.ctx, &file.path, &error))?;
        }
        Ok(())
    }

    /// Runs the SQL over one finding, a row of `scored`: the rows of each file.
    pub async fn explanation(
        &mut self,
        scored: Scored,
        finding: RecordBatch,
        judgement: Judgement,
        progress: &mut Progress,
    ) -> Result<Vec<Vec<RecordBatch>>> {
        self.register(FINDING, &scored.schema, &[finding])?;
        self.register_judged(&scored, judgement)?;
        drop(scored);
        let mut tables = Vec::new();
        for file in &self.job.findings {
            let rows = self.query(file).await?;
            let schema = Arc::clone(rows.schema().inner());
            let rows = self.collect(&file.name, file, rows, progress).await?;
            let rows = rows.concat();
            self.register(&file.name, &schema, &rows)?;
            tables.push(rows);
        }
        Ok(tables)
    }
}
