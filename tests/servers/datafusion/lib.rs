//! DataFusion behind ADBC, for tests: SQL and Substrait in, batches streamed out, errors as errors.
//! A session of its own in memory per connection. The published crate adbc_datafusion ends in a
//! panic at its first error, cannot cancel or bind, and collects a result before it gives any.
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use adbc_core::error::{Error, Result, Status};
use adbc_core::options::*;
use adbc_core::{constants, Connection, Database, Driver, Optionable, PartitionedResult, Statement};
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use datafusion::arrow::compute::cast;
use datafusion::common::{ParamValues, ScalarValue, TableReference};
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::*;
use datafusion_substrait::logical_plan::consumer::from_substrait_plan;
use datafusion_substrait::substrait::proto::Plan;
use futures::StreamExt;
use prost::Message;
use tokio::sync::Notify;

type Reader = Box<dyn RecordBatchReader + Send>;

fn failed(error: DataFusionError) -> Error {
    let status = match error.find_root() {
        DataFusionError::NotImplemented(_) => Status::NotImplemented,
        DataFusionError::ResourcesExhausted(_) => Status::IO,
        DataFusionError::ArrowError(..) | DataFusionError::Execution(_) => Status::InvalidData,
        _ => Status::InvalidArguments,
    };
    Error::with_message_and_status(error.strip_backtrace(), status)
}

fn lacks<T>(what: &str) -> Result<T> {
    Err(Error::with_message_and_status(format!("{what} is not there"), Status::NotImplemented))
}

fn no_option<T>() -> Result<T> {
    Err(Error::with_message_and_status("no such option", Status::NotFound))
}

/// Options are taken by `set`; none is told.
macro_rules! options {
    ($holder:ty, $option:ty, $set:expr) => {
        impl Optionable for $holder {
            type Option = $option;
            fn set_option(&mut self, key: $option, value: OptionValue) -> Result<()> {
                let OptionValue::String(text) = value else { return no_option() };
                let set: fn(&mut $holder, &str, String) -> Result<()> = $set;
                set(self, key.as_ref(), text)
            }
            fn get_option_string(&self, _: $option) -> Result<String> {
                no_option()
            }
            fn get_option_bytes(&self, _: $option) -> Result<Vec<u8>> {
                no_option()
            }
            fn get_option_int(&self, _: $option) -> Result<i64> {
                no_option()
            }
            fn get_option_double(&self, _: $option) -> Result<f64> {
                no_option()
            }
        }
    };
}

// ---- driver, database -------------------------------------------------------------------------

#[derive(Default)]
pub struct DataFusionDriver;
impl Driver for DataFusionDriver {
    type DatabaseType = DataFusionDatabase;
    fn new_database(&mut self) -> Result<DataFusionDatabase> {
        Ok(DataFusionDatabase { settings: vec![] })
    }
    fn new_database_with_opts(
        &mut self,
        opts: impl IntoIterator<Item = (OptionDatabase, OptionValue)>,
    ) -> Result<DataFusionDatabase> {
        let mut database = self.new_database()?;
        opts.into_iter().try_for_each(|(key, value)| database.set_option(key, value))?;
        Ok(database)
    }
}

/// Its options are DataFusion's own settings: datafusion.execution.target_partitions and so on.
pub struct DataFusionDatabase {
    settings: Vec<(String, String)>,
}
options!(DataFusionDatabase, OptionDatabase, |database, key, text| {
    if !key.starts_with("datafusion.") {
        return no_option();
    }
    database.settings.push((key.to_string(), text));
    Ok(())
});
impl Database for DataFusionDatabase {
    type ConnectionType = DataFusionConnection;
    fn new_connection(&self) -> Result<DataFusionConnection> {
        let mut config = SessionConfig::new().with_information_schema(true);
        for (key, text) in &self.settings {
            config.options_mut().set(key, text).map_err(failed)?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
            Error::with_message_and_status(error.to_string(), Status::Internal)
        })?;
        Ok(DataFusionConnection {
            runtime: Arc::new(runtime),
            context: SessionContext::new_with_config(config),
            running: Arc::new(Cancel::default()),
        })
    }
    fn new_connection_with_opts(
        &self,
        opts: impl IntoIterator<Item = (OptionConnection, OptionValue)>,
    ) -> Result<DataFusionConnection> {
        let mut connection = self.new_connection()?;
        opts.into_iter().try_for_each(|(key, value)| connection.set_option(key, value))?;
        Ok(connection)
    }
}

// ---- cancelling -------------------------------------------------------------------------------

/// Raised from another thread while a statement of the connection runs.
#[derive(Default)]
struct Cancel {
    raised: AtomicBool,
    wake: Notify,
}
impl Cancel {
    fn raise(&self) {
        self.raised.store(true, Ordering::SeqCst);
        self.wake.notify_waiters();
    }
    async fn unless<T>(&self, work: impl std::future::Future<Output = T>) -> std::result::Result<T, ()> {
        let woken = self.wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        if self.raised.load(Ordering::SeqCst) {
            return Err(());
        }
        tokio::select! {
            done = work => Ok(done),
            _ = woken => Err(()),
        }
    }
}

fn cancelled() -> Error {
    Error::with_message_and_status("the statement was cancelled", Status::Cancelled)
}

// ---- connection -------------------------------------------------------------------------------

pub struct DataFusionConnection {
    runtime: Arc<tokio::runtime::Runtime>,
    context: SessionContext,
    running: Arc<Cancel>,
}
options!(DataFusionConnection, OptionConnection, |_, _, _| no_option());
impl Connection for DataFusionConnection {
    type StatementType = DataFusionStatement;
    fn new_statement(&mut self) -> Result<DataFusionStatement> {
        self.running = Arc::new(Cancel::default());
        Ok(DataFusionStatement {
            runtime: self.runtime.clone(),
            context: self.context.clone(),
            cancel: self.running.clone(),
            sql: None,
            plan: None,
            values: None,
            rows: None,
            target: (None, None),
        })
    }
    fn cancel(&mut self) -> Result<()> {
        self.running.raise();
        Ok(())
    }
    fn get_info(&self, _: Option<HashSet<InfoCode>>) -> Result<Reader> {
        lacks("information on the driver")
    }
    fn get_objects(
        &self,
        _: ObjectDepth,
        _: Option<&str>,
        _: Option<&str>,
        _: Option<&str>,
        _: Option<Vec<&str>>,
        _: Option<&str>,
    ) -> Result<Reader> {
        lacks("a list of objects")
    }
    fn get_table_schema(&self, _: Option<&str>, _: Option<&str>, _: &str) -> Result<Schema> {
        lacks("a table's schema")
    }
    fn get_table_types(&self) -> Result<Reader> {
        lacks("a list of types of tables")
    }
    fn get_statistic_names(&self) -> Result<Reader> {
        lacks("statistics")
    }
    fn get_statistics(&self, _: Option<&str>, _: Option<&str>, _: Option<&str>, _: bool) -> Result<Reader> {
        lacks("statistics")
    }
    fn commit(&mut self) -> Result<()> {
        lacks("a transaction")
    }
    fn rollback(&mut self) -> Result<()> {
        lacks("a transaction")
    }
    fn read_partition(&self, _: impl AsRef<[u8]>) -> Result<Reader> {
        lacks("a partition")
    }
}

// ---- statement --------------------------------------------------------------------------------

pub struct DataFusionStatement {
    runtime: Arc<tokio::runtime::Runtime>,
    context: SessionContext,
    cancel: Arc<Cancel>,
    sql: Option<String>,
    plan: Option<Plan>,
    values: Option<RecordBatch>,
    rows: Option<Reader>,
    target: (Option<String>, Option<String>), // schema, table to append to
}
options!(DataFusionStatement, OptionStatement, |statement, key, text| {
    match key {
        constants::ADBC_INGEST_OPTION_TARGET_TABLE => statement.target.1 = Some(text),
        constants::ADBC_INGEST_OPTION_TARGET_DB_SCHEMA => statement.target.0 = Some(text),
        constants::ADBC_INGEST_OPTION_MODE if text == constants::ADBC_INGEST_OPTION_MODE_APPEND => {}
        _ => return no_option(),
    }
    Ok(())
});

impl DataFusionStatement {
    async fn frame(&self) -> datafusion::error::Result<DataFrame> {
        let plan = match (&self.sql, &self.plan) {
            (Some(sql), _) => self.context.state().create_logical_plan(sql).await?,
            (None, Some(plan)) => from_substrait_plan(&self.context.state(), plan).await?,
            (None, None) => return Err(DataFusionError::Plan("the statement has no query".into())),
        };
        let plan = match &self.values {
            None => plan,
            Some(row) => {
                let values = (0..row.num_columns())
                    .map(|column| ScalarValue::try_from_array(row.column(column), 0).map(Into::into))
                    .collect::<datafusion::error::Result<Vec<_>>>()?;
                plan.with_param_values(ParamValues::List(values))?
            }
        };
        self.context.execute_logical_plan(plan).await
    }

    /// The rows bound as a stream, with the table's own types, at once.
    async fn append(&self, rows: Reader, table: &str) -> datafusion::error::Result<()> {
        let name = match &self.target.0 {
            Some(schema) => TableReference::partial(schema.as_str(), table),
            None => TableReference::bare(table),
        };
        let schema = self.context.table_provider(name.clone()).await?.schema();
        let mut batches = vec![];
        for batch in rows {
            let batch = batch?;
            if batch.num_columns() != schema.fields().len() {
                return Err(DataFusionError::Plan("another number of columns than the table has".into()));
            }
            let columns = batch.columns().iter().zip(schema.fields());
            let columns = columns.map(|(column, field)| cast(column, field.data_type()));
            let columns = columns.collect::<std::result::Result<Vec<_>, ArrowError>>()?;
            batches.push(RecordBatch::try_new(schema.clone(), columns)?);
        }
        let frame = self.context.read_batches(batches)?;
        frame.write_table(&name.to_quoted_string(), DataFrameWriteOptions::new()).await?;
        Ok(())
    }
}

impl Statement for DataFusionStatement {
    fn bind(&mut self, batch: RecordBatch) -> Result<()> {
        self.values = Some(batch);
        Ok(())
    }
    fn bind_stream(&mut self, reader: Reader) -> Result<()> {
        self.rows = Some(reader);
        Ok(())
    }
    fn execute(&mut self) -> Result<Reader> {
        let stream = self.runtime.block_on(self.cancel.unless(async {
            self.frame().await?.execute_stream().await
        }));
        let stream = stream.map_err(|()| cancelled())?.map_err(failed)?;
        Ok(Box::new(Rows {
            runtime: self.runtime.clone(),
            cancel: self.cancel.clone(),
            schema: stream.schema(),
            stream: Some(stream),
        }))
    }
    fn execute_update(&mut self) -> Result<Option<i64>> {
        let rows = self.rows.take();
        let done = self.runtime.block_on(self.cancel.unless(async {
            match (rows, &self.target.1) {
                (Some(rows), Some(table)) => self.append(rows, table).await,
                _ => {
                    let mut stream = self.frame().await?.execute_stream().await?;
                    while let Some(batch) = stream.next().await {
                        batch?;
                    }
                    Ok(())
                }
            }
        }));
        done.map_err(|()| cancelled())?.map_err(failed)?;
        Ok(None)
    }
    fn execute_schema(&mut self) -> Result<Schema> {
        let frame = self.runtime.block_on(self.frame()).map_err(failed)?;
        Ok(frame.schema().as_arrow().clone())
    }
    fn execute_partitions(&mut self) -> Result<PartitionedResult> {
        lacks("a result in partitions")
    }
    fn get_parameter_schema(&self) -> Result<Schema> {
        lacks("the parameters' schema")
    }
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }
    fn set_sql_query(&mut self, query: impl AsRef<str>) -> Result<()> {
        self.sql = Some(query.as_ref().to_string());
        Ok(())
    }
    fn set_substrait_plan(&mut self, plan: impl AsRef<[u8]>) -> Result<()> {
        let plan = Plan::decode(plan.as_ref()).map_err(|error| {
            Error::with_message_and_status(error.to_string(), Status::InvalidArguments)
        })?;
        self.plan = Some(plan);
        Ok(())
    }
    fn cancel(&mut self) -> Result<()> {
        self.cancel.raise();
        Ok(())
    }
}

// ---- rows -------------------------------------------------------------------------------------

struct Rows {
    runtime: Arc<tokio::runtime::Runtime>,
    cancel: Arc<Cancel>,
    schema: SchemaRef,
    stream: Option<SendableRecordBatchStream>,
}
impl Iterator for Rows {
    type Item = std::result::Result<RecordBatch, ArrowError>;
    fn next(&mut self) -> Option<Self::Item> {
        let stream = self.stream.as_mut()?;
        let turn = || self.runtime.block_on(self.cancel.unless(stream.next()));
        // A panic of DataFusion's must not leave through C.
        let Ok(next) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(turn)) else {
            self.stream = None;
            return Some(Err(ArrowError::ComputeError("Internal error: DataFusion panicked".into())));
        };
        match next {
            Ok(Some(Ok(batch))) => Some(Ok(batch)),
            Ok(None) => None,
            Ok(Some(Err(error))) => {
                self.stream = None;
                Some(Err(ArrowError::ComputeError(error.strip_backtrace())))
            }
            Err(()) => {
                self.stream = None;
                Some(Err(ArrowError::ComputeError("the statement was cancelled".into())))
            }
        }
    }
}
impl RecordBatchReader for Rows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}
impl Drop for Rows {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        self.stream = None;
    }
}

adbc_ffi::export_driver!(AdbcDriverDatafusionInit, DataFusionDriver);
