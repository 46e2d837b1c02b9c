//! Object stores by the usual variables of the environment.

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry};
use object_store::ObjectStore;
use url::Url;

/// The stores of a server of a cluster, by the scheme and host of their URLs: each is made when it is first asked for, with the
/// variables of the server's own environment. No secret of a job travels in a plan.
#[derive(Debug, Default)]
pub(crate) struct EnvironmentStores {
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
        let (store, _) = made.map_err(|error| DataFusionError::ObjectStore(Box::new(error)))?;
        let store: Arc<dyn ObjectStore> = Arc::from(store);
        self.made.register_store(url, Arc::clone(&store));
        Ok(store)
    }
}

/// The usual variables of the object stores, as their settings.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    let stores = ["AWS_", "AZURE_", "GOOGLE_"];
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    variables
        .filter(move |(name, _)| stores.iter().any(|store| name.starts_with(store)))
        .map(|(name, value)| (name.to_lowercase(), value))
}
