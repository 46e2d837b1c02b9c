//! The object stores of the cluster's servers: each is made when it is first asked for, with the usual variables of the
//! server's own environment. No secret of a job travels in a plan.

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry};
use object_store::ObjectStore;
use url::Url;

use crate::source::environment;

/// Stores by the scheme and host of their URLs.
#[derive(Debug, Default)]
pub(super) struct EnvironmentStores {
    made: DefaultObjectStoreRegistry,
}

impl ObjectStoreRegistry for EnvironmentStores {
    fn register_store(
        &self,
        url: &Url,
        store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        self.made.register_store(url, store)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        if let Ok(store) = self.made.get_store(url) {
            return Ok(store);
        }
        let made = object_store::parse_url_opts(url, environment());
        let (store, _) =
            made.map_err(|error| DataFusionError::ObjectStore(Box::new(error)))?;
        let store: Arc<dyn ObjectStore> = Arc::from(store);
        self.made.register_store(url, Arc::clone(&store));
        Ok(store)
    }
}
