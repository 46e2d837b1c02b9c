//! Who sends, as Entra ID sees it: a token by the first credential that is set up.
//!
//! In this order, unless the sink names one: an application's secret (`AZURE_CLIENT_SECRET`), a workload identity
//! (`AZURE_FEDERATED_TOKEN_FILE`), a managed identity, whoever is signed in with the Azure CLI.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredentialOptions,
    ClientSecretCredential, ClientSecretCredentialOptions, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use tokio::sync::Mutex;

use crate::job::{Credential, JobError, LogAnalytics, Setting, secret_variable, variable};

/// What the token is for, in the public cloud.
const SCOPE: &str = "https://monitor.azure.com/.default";
/// Where no machine's identity is, nobody answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tokens for one sink.
pub(super) struct Entra {
    settings: Settings,
    scope: String,
    client: reqwest::Client,
    /// The credential that gave the last token, and keeps it as long as it lasts.
    current: Mutex<Option<Arc<dyn TokenCredential>>>,
}

impl std::fmt::Debug for Entra {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entra").finish_non_exhaustive()
    }
}

struct Settings {
    credential: Option<Credential>,
    tenant_id: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

impl Entra {
    pub fn new(sink: &LogAnalytics, client: reqwest::Client) -> Result<Self, JobError> {
        let or = |setting: &Option<Setting>, other: Option<String>| match setting {
            Some(setting) => setting.resolve().map(Some),
            None => Ok(other),
        };
        Ok(Self {
            settings: Settings {
                credential: sink.credential,
                tenant_id: or(&sink.tenant_id, variable("AZURE_TENANT_ID"))?,
                client_id: or(&sink.client_id, variable("AZURE_CLIENT_ID"))?,
                client_secret: or(&sink.client_secret, secret_variable("AZURE_CLIENT_SECRET"))?,
            },
            scope: match &sink.scope {
                Some(scope) => scope.resolve()?,
                None => SCOPE.to_owned(),
            },
            client,
            current: Mutex::new(None),
        })
    }

    /// A token. `anew`: the one that was given before is not taken any more.
    pub async fn token(&self, anew: bool) -> Result<String, NoToken> {
        let mut current = self.current.lock().await;
        if anew {
            *current = None;
        }
        if let Some(credential) = current.as_ref() {
            return self.ask(credential.as_ref()).await;
        }
        let mut failures = Vec::new();
        for kind in self.kinds() {
            let credential = self.settings.credential(kind, &self.client);
            let token = match &credential {
                Ok(credential) => self.ask(credential.as_ref()).await,
                Err(why) => Err(NoToken::for_ever(why.clone())),
            };
            match (token, credential) {
                (Ok(token), Ok(credential)) => {
                    *current = Some(credential);
                    return Ok(token);
                }
                (Err(failure), _) => failures.push((kind, failure)),
                (Ok(_), Err(_)) => unreachable!("a token comes of a credential"),
            }
        }
        let told = failures
            .iter()
            .map(|(kind, failure)| format!("{}: {}", word(*kind), failure.why));
        Err(NoToken {
            why: format!(
                "no token of Entra ID: {}",
                told.collect::<Vec<_>>().join("; ")
            ),
            is_final: failures.iter().all(|(_, failure)| failure.is_final),
        })
    }

    /// The credentials to try. One that is set up is meant, and no other is tried in its place.
    fn kinds(&self) -> Vec<Credential> {
        if let Some(credential) = self.settings.credential {
            return vec![credential];
        }
        if self.settings.client_secret.is_some() {
            return vec![Credential::ClientSecret];
        }
        if variable("AZURE_FEDERATED_TOKEN_FILE").is_some() {
            return vec![Credential::WorkloadIdentity];
        }
        vec![Credential::ManagedIdentity, Credential::AzureCli]
    }

    async fn ask(&self, credential: &dyn TokenCredential) -> Result<String, NoToken> {
        let scopes = [self.scope.as_str()];
        let token = credential.get_token(&scopes, None);
        match tokio::time::timeout(PATIENCE, token).await {
            Ok(Ok(token)) => Ok(token.token.secret().to_owned()),
            Ok(Err(error)) => Err(NoToken {
                why: crate::error::causes(&error).join(": "),
                is_final: is_refusal(&error),
            }),
            Err(_) => Err(NoToken {
                why: format!("nobody answers within {} s", PATIENCE.as_secs()),
                is_final: false,
            }),
        }
    }
}

impl Settings {
    fn credential(
        &self,
        kind: Credential,
        client: &reqwest::Client,
    ) -> Result<Arc<dyn TokenCredential>, String> {
        let client_options = ClientOptions {
            transport: Some(Transport::new(Arc::new(client.clone()))),
            retry: RetryOptions::none(), // whoever sends tries again
            ..ClientOptions::default()
        };
        let made: azure_core::Result<Arc<dyn TokenCredential>> = match kind {
            Credential::ClientSecret => {
                let needed = |value: &Option<String>, name: &str| {
                    value.clone().ok_or_else(|| format!("`{name}` is not set"))
                };
                let secret = needed(&self.client_secret, "AZURE_CLIENT_SECRET")?;
                ClientSecretCredential::new(
                    &needed(&self.tenant_id, "AZURE_TENANT_ID")?,
                    needed(&self.client_id, "AZURE_CLIENT_ID")?,
                    Secret::new(secret),
                    Some(ClientSecretCredentialOptions { client_options }),
                )
                .map(|credential| credential as Arc<dyn TokenCredential>)
            }
            Credential::WorkloadIdentity => {
                WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                    credential_options: ClientAssertionCredentialOptions { client_options },
                    client_id: self.client_id.clone(),
                    tenant_id: self.tenant_id.clone(),
                    token_file_path: None,
                }))
                .map(|credential| credential as Arc<dyn TokenCredential>)
            }
            Credential::ManagedIdentity => {
                ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                    user_assigned_id: self.client_id.clone().map(UserAssignedId::ClientId),
                    client_options,
                }))
                .map(|credential| credential as Arc<dyn TokenCredential>)
            }
            Credential::AzureCli => AzureCliCredential::new(Some(AzureCliCredentialOptions {
                tenant_id: self.tenant_id.clone(),
                ..AzureCliCredentialOptions::default()
            }))
            .map(|credential| credential as Arc<dyn TokenCredential>),
        };
        made.map_err(|error| crate::error::causes(&error).join(": "))
    }
}

/// Why there is no token.
pub(super) struct NoToken {
    pub why: String,
    /// Another try comes to the same.
    pub is_final: bool,
}

impl NoToken {
    fn for_ever(why: String) -> Self {
        Self {
            why,
            is_final: true,
        }
    }
}

/// Whether Entra ID said no, and not that it is busy.
fn is_refusal(error: &azure_core::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let status = error
            .downcast_ref()
            .and_then(azure_core::Error::http_status);
        if let Some(status) = status.map(u16::from) {
            return matches!(status, 400..=499) && !matches!(status, 408 | 429);
        }
        cause = error.source();
    }
    false
}

fn word(kind: Credential) -> &'static str {
    match kind {
        Credential::ClientSecret => "client secret",
        Credential::WorkloadIdentity => "workload identity",
        Credential::ManagedIdentity => "managed identity",
        Credential::AzureCli => "Azure CLI",
    }
}
